"""From tokens to events: the first at once, then at most ten a second."""

import asyncio
import time

from arena import live
from arena.live.hub import Hub
from arena.live.response import LiveResponse
from arena.models import Response
from arena.rendering import StreamRenderer

EVENT_EVERY_S = 0.1
# Rendering one stream may take this share of the event loop's time.
RENDERING_SHARE = 0.1


class Pen:
    """Writes one response: gathers pieces, renders them, and tells the hub."""

    def __init__(self, hub: Hub, response: LiveResponse) -> None:
        self._hub = hub
        self._response = response
        self._loop = asyncio.get_running_loop()
        self._renderer = StreamRenderer()
        self._unsent: list[str] = []
        self._unrendered = ""  # sent while nobody listened
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0
        self.length = 0
        self.has_text = False

    def write(self, piece: str) -> None:
        self._unsent.append(piece)
        self.length += len(piece)
        self.has_text = self.has_text or not piece.isspace()
        if self._timer is not None:
            return
        if self._loop.time() >= self._next:
            self._send()
        else:
            self._timer = self._loop.call_at(self._next, self._send)

    def close(self) -> None:
        """Sends what is left, with the last blocks rendered for good."""
        if self._timer is not None:
            self._timer.cancel()
        if self._unsent:
            self._send()
        if self._hub.room(self._response.battle_id).heard:
            self._renderer.feed(self._unrendered)
            self._unrendered = ""
            block, html = self._renderer.finish()
            self._tell("", html, block)

    def _send(self) -> None:
        self._timer = None
        text = "".join(self._unsent)
        self._unsent.clear()
        self._response.state = Response.State.STREAMING
        self._response.text += text
        if not self._hub.room(self._response.battle_id).heard:
            self._unrendered += text
            self._next = self._loop.time() + EVENT_EVERY_S
            return
        begun = time.perf_counter()
        block, html = self._renderer.feed(self._unrendered + text)
        self._unrendered = ""
        took = time.perf_counter() - begun
        self._next = self._loop.time() + max(EVENT_EVERY_S, took / RENDERING_SHARE)
        self._tell(text, html, block)

    def _tell(self, text: str, html: str, block: int) -> None:
        self._hub.tell(
            self._response,
            live.delta(
                turn=self._response.turn,
                position=self._response.position,
                text=text,
                html=html,
                block=block,
            ),
        )
