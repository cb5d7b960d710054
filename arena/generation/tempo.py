"""How often streams send events: ten times a second, and less often when many are written."""

import asyncio
from weakref import WeakKeyDictionary

from arena.live.hub import Hub

EVENT_EVERY_S = 0.1
# However many streams there are, nobody waits longer for the next event.
AT_LATEST_S = 0.35
# All events together may take this share of the event loop's time; reading tokens, pages and votes
# need the rest.
SHARE = 0.35
# So long a window is looked back upon.
WINDOW_S = 1.0

_tempos: WeakKeyDictionary[Hub, "Tempo"] = WeakKeyDictionary()


class Tempo:
    """One per web process. `every_s` follows from the time that the events of the last window took:
    twice as much as their share allows, and each stream sends half as often.
    """

    def __init__(self) -> None:
        self.every_s = EVENT_EVERY_S
        self._spent = 0.0
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()

    def took(self, seconds: float) -> None:
        """An event was rendered and sent."""
        self._spent += seconds
        elapsed = self._loop.time() - self._since
        if elapsed < WINDOW_S:
            return
        wanted = self.every_s * self._spent / (SHARE * elapsed)
        self.every_s = min(max(wanted, EVENT_EVERY_S), AT_LATEST_S)
        self._spent, self._since = 0.0, self._loop.time()


def tempo_of(hub: Hub) -> Tempo:
    found = _tempos.get(hub)
    if found is None:
        found = _tempos[hub] = Tempo()
    return found
