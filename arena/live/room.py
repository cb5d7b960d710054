"""A battle with open pages or running responses, and those pages' sockets, in this process."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from arena.live.response import LiveResponse
from arena.selectors import Job

# A page that is this many events behind no longer reads; it gets the state when it comes back.
QUEUE_MAX = 2_000
# Events after which a state from the database is no older: what is written is known here.
WRITTEN = {"delta", "done", "error", "beat"}


@dataclass(frozen=True, slots=True)
class Frame:
    """An event ready to be sent. `responses` are those that it says have started."""

    text: str
    kind: str
    responses: frozenset[int] = frozenset()


class Socket:
    """An open page: frames wait here until its consumer sends them."""

    def __init__(self) -> None:
        self._frames: asyncio.Queue[Frame] = asyncio.Queue()
        self.stale = False  # something has changed in the database
        self.too_slow = False

    def push(self, frame: Frame) -> None:
        # A state that is being read may hold it or not.
        self.stale = self.stale or frame.kind not in WRITTEN
        if self._frames.qsize() >= QUEUE_MAX:
            self.too_slow = True
        else:
            self._frames.put_nowait(frame)

    def resync(self) -> None:
        self.stale = True
        self._frames.put_nowait(Frame("", "resync"))

    def forget(self) -> None:
        """Drops the waiting frames: a state that is about to be sent holds what they say."""
        while not self._frames.empty():
            self._frames.get_nowait()

    async def next(self) -> Frame:
        return await self._frames.get()


@dataclass(eq=False, slots=True)
class Room:
    sockets: set[Socket] = field(default_factory=set)
    followers: set[str] = field(default_factory=set)  # names of other processes
    responses: dict[int, LiveResponse] = field(default_factory=dict)
    starting: set[asyncio.Task[Any]] = field(default_factory=set)
    snapshot: asyncio.Event = field(default_factory=asyncio.Event)
    # Of a battle that has only just begun here: with what, until anything else happens to it.
    opening: list[Job] = field(default_factory=list)

    @property
    def heard(self) -> bool:
        """Does anybody listen?"""
        return bool(self.sockets or self.followers)

    @property
    def empty(self) -> bool:
        return not (self.sockets or self.responses or self.starting)

    def forget(self, response: LiveResponse) -> None:
        """What is still heard of it is not passed on; every page asks for the state instead."""
        del self.responses[response.id]
        for socket in self.sockets:
            socket.resync()

    def push(self, event: dict[str, Any], *, started: Iterable[int] = ()) -> None:
        if event["event"] not in WRITTEN:
            self.opening = []
        if self.sockets:
            frame = Frame(orjson.dumps(event).decode(), event["event"], frozenset(started))
            for socket in self.sockets:
                socket.push(frame)
