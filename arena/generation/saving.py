"""What happens to responses is written to the database, many at once."""

import asyncio
from weakref import WeakKeyDictionary

from arena.live.hub import Hub
from arena.services.responses import Ending, finish_responses, mark_streaming
from arena.threads import in_thread

# Until then nobody needs to know that a response has begun: the first words go first.
MARK_AFTER_S = 0.25

_savers: WeakKeyDictionary[Hub, "Saver"] = WeakKeyDictionary()


class Saver:
    """One per web process. Whatever comes while a transaction runs shares the next one."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._begun: set[int] = set()
        self._endings: list[tuple[Ending, asyncio.Future[None]]] = []
        self._saving = False

    def began(self, response_id: int) -> None:
        """Its first token has come; saved a moment later."""
        if not self._begun:
            asyncio.get_running_loop().call_later(MARK_AFTER_S, self._mark)
        self._begun.add(response_id)

    async def save(self, ending: Ending) -> None:
        """Returns when it is saved; raises what the database says."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._begun.discard(ending.response_id)
        self._endings.append((ending, done))
        if not self._saving:
            self._saving = True
            self._hub.run(self._save())
        await done

    def _mark(self) -> None:
        if self._begun:
            begun, self._begun = self._begun, set()
            self._hub.run(self._claim_and_mark(begun))

    async def _claim_and_mark(self, begun: set[int]) -> None:
        # In this order: what has begun and nobody claims is taken for a dead process's. A busy one
        # may be seconds behind with its claims.
        ours = await self._hub.keeper.claim(begun)
        await in_thread(mark_streaming, response_ids=ours)

    async def _save(self) -> None:
        try:
            while self._endings:
                batch, self._endings = self._endings, []
                await _save_together(batch)
        finally:
            self._saving = False


async def _save_together(batch: list[tuple[Ending, asyncio.Future[None]]]) -> None:
    try:
        await in_thread(finish_responses, [ending for ending, _ in batch])
    except Exception as error:  # noqa: BLE001 - it goes to whoever waits
        if len(batch) > 1:  # one of them must not take the others with it
            for one in batch:
                await _save_together([one])
        elif not batch[0][1].done():
            batch[0][1].set_exception(error)
        return
    for _, done in batch:
        if not done.done():
            done.set_result(None)


def saver(hub: Hub) -> Saver:
    found = _savers.get(hub)
    if found is None:
        found = _savers[hub] = Saver(hub)
    return found
