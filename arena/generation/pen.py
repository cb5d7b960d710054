"""From tokens to events: the first at once, then a few a second, or in step with others."""

import asyncio
import time

from arena import live
from arena.disclosure import Span, Watcher
from arena.generation.pace import Pace
from arena.generation.tempo import tempo_of
from arena.live.hub import Hub
from arena.live.response import LiveResponse
from arena.models import Response
from arena.rendering import StreamRenderer

# Rendering one stream may take this share of the event loop's time.
RENDERING_SHARE = 0.1


class Pen:
    """Writes one contender's response: gathers pieces, renders them, and tells the hub.

    `watcher` looks for the maker's name in what is shown; `masks` has it hidden. With a `pace`
    that decides when how much is shown.
    """

    def __init__(
        self,
        hub: Hub,
        response: LiveResponse,
        *,
        watcher: Watcher | None = None,
        masks: bool = False,
        pace: Pace | None = None,
    ) -> None:
        self._hub = hub
        self._response = response
        self._watcher = watcher
        self._masks = masks
        self._pace = pace
        self._loop = asyncio.get_running_loop()
        self._renderer = StreamRenderer()
        self._unsent: list[str] = []
        self._sent: list[str] = []  # as the contender wrote it
        self._unrendered = ""  # sent while nobody listened
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0
        self._tempo = tempo_of(hub)
        self._drained = asyncio.Event()
        self.length = 0  # characters that came
        self.shown = 0  # of which so many were sent
        self.has_text = False
        self.writing = True  # its contender has not ended
        self.heard_at = self._loop.time()
        if pace is not None:
            pace.join(self)

    @property
    def text(self) -> str:
        """What was shown, as the contender wrote it."""
        return "".join(self._sent)

    @property
    def spans(self) -> list[Span]:
        return self._watcher.spans if self._watcher else []

    def write(self, piece: str) -> None:
        self._unsent.append(piece)
        self.length += len(piece)
        if not self.has_text and piece.isspace():
            return  # waits for the first word, so that nothing was shown if none comes
        self.has_text = True
        if self._pace is not None:
            self.heard_at = self._loop.time()
            self._pace.heard()
        elif self._timer is None:
            if self._loop.time() >= self._next:
                self._send_all()
            else:
                self._timer = self._loop.call_at(self._next, self._send_all)

    def show(self, count: int) -> None:
        """Sends the next `count` characters of what waits."""
        text = "".join(self._unsent)
        if count > 0 and text and self.has_text:
            self._unsent = [text[count:]] if count < len(text) else []
            self._send(text[:count])
        self._look_whether_drained()

    async def drained(self) -> None:
        """The contender has ended; returns when all of it has been shown."""
        self.writing = False
        self._look_whether_drained()
        if self._pace is not None:
            self._pace.heard()
            await self._drained.wait()

    def drop(self) -> None:
        """Nothing more is shown of it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._unsent.clear()
        if self._pace is not None:
            self._pace.leave(self)

    def close(self) -> None:
        """Sends what is left, with the last blocks rendered for good."""
        if self.has_text and self._pace is None:
            self._send_all()
        self.drop()
        if self._watcher is not None:
            rest = self._watcher.finish()
            if self._masks and rest:
                self._tell_text(rest)
        if self.shown and self._hub.room(self._response.battle_id).heard:
            self._renderer.feed(self._unrendered)
            self._unrendered = ""
            block, html = self._renderer.finish()
            self._tell("", html, block)

    def _send_all(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        text = "".join(self._unsent)
        self._unsent.clear()
        if text:
            self._send(text)

    def _send(self, text: str) -> None:
        self._sent.append(text)
        self.shown += len(text)
        if self._watcher is not None:
            fit = self._watcher.feed(text)
            if self._masks:
                text = fit
        if text:
            self._tell_text(text)

    def _tell_text(self, text: str) -> None:
        self._response.state = Response.State.STREAMING
        self._response.text += text
        if not self._hub.room(self._response.battle_id).heard:
            self._unrendered += text
            self._next = self._loop.time() + self._tempo.every_s
            return
        begun = time.perf_counter()
        block, html = self._renderer.feed(self._unrendered + text)
        self._unrendered = ""
        self._tell(text, html, block)
        took = time.perf_counter() - begun
        self._tempo.took(took)
        self._next = self._loop.time() + max(self._tempo.every_s, took / RENDERING_SHARE)

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

    def _look_whether_drained(self) -> None:
        if not self.writing and not (self._unsent and self.has_text):
            self._drained.set()
