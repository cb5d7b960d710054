"""The responses of a blind battle are shown in step, so that speed does not tell who answers."""

import asyncio
from typing import Protocol

TICK_S = 0.1
# For so long the others wait for one that has not begun, or that has stopped in mid-stream.
PATIENCE_S = 10.0


class Paced(Protocol):
    length: int
    shown: int
    has_text: bool
    writing: bool
    heard_at: float

    def show(self, count: int) -> None: ...


class Pace:
    """The step of the responses of one turn: so many characters a second of each.

    All begin when the last one can, and whoever lags behind holds up all of them. So neither the
    first word nor the speed nor a pause differs between responses, as long as none is later than
    the others' patience.
    """

    def __init__(self, characters_per_s: float) -> None:
        self._step = characters_per_s * TICK_S
        self._pens: list[Paced] = []
        self._level = 0.0  # characters of each that may be shown
        self._first_heard = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def join(self, pen: Paced) -> None:
        self._pens.append(pen)

    def leave(self, pen: Paced) -> None:
        if pen in self._pens:
            self._pens.remove(pen)

    def heard(self) -> None:
        """Something came, or ended."""
        self._first_heard = self._first_heard or self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_soon(self._tick)  # type: ignore[assignment]

    def _tick(self) -> None:
        self._timer = None
        self._level = self._reached(self._loop.time())
        for pen in list(self._pens):
            pen.show(int(self._level) - pen.shown)
        if any(pen.shown < pen.length or (pen.writing and pen.has_text) for pen in self._pens):
            self._timer = self._loop.call_later(TICK_S, self._tick)

    def _reached(self, now: float) -> float:
        patient = [pen for pen in self._pens if pen.writing and now - pen.heard_at < PATIENCE_S]
        silent = any(not pen.has_text for pen in patient)
        if self._level == 0.0 and silent and now - self._first_heard < PATIENCE_S:
            return 0.0
        slowest = min((pen.length for pen in patient), default=self._level + self._step)
        return max(self._level, min(self._level + self._step, slowest))
