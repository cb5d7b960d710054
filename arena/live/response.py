"""One response while it is written, as this web process knows it."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from arena.models import Response

FINISHED = {Response.State.DONE, Response.State.STOPPED, Response.State.ERROR}


@dataclass(eq=False, slots=True)
class LiveResponse:
    """`text` is exactly what has been sent as events, so that a state and the events after it
    fit together. `mine` tells the process that writes it from one that only follows.
    """

    id: int
    battle_id: UUID
    turn: int
    position: int
    mine: bool
    state: str = Response.State.PENDING
    text: str = ""
    error: str = ""
    cut_off: bool = False
    writer: asyncio.Task[Any] | None = None  # the whole work, up to the saved end
    reader: asyncio.Task[Any] | None = None  # its part that waits for the contender
    ended_by: str = field(default="")  # "stop" or "shutdown", when not by itself

    @property
    def finished(self) -> bool:
        return self.state in FINISHED

    def end(self, by: str) -> None:
        """Makes the reading end; what has come so far is kept."""
        self.ended_by = self.ended_by or by
        if self.reader is not None:
            self.reader.cancel()

    def as_message(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "turn": self.turn,
            "position": self.position,
            "state": self.state,
            "text": self.text,
            "error": self.error,
            "cut_off": self.cut_off,
        }

    def follow(self, event: dict[str, Any]) -> None:
        """Takes over what the writing process tells of it."""
        if event["event"] == "delta":
            self.state = Response.State.STREAMING
            self.text += event["text"]
        elif event["event"] == "done":
            self.state = event["state"]
            self.cut_off = event["cut_off"]
        elif event["event"] == "error":
            self.state = Response.State.ERROR
            self.error = event["error"]
        else:
            raise ValueError(f"A response has no event {event['event']!r}.")
