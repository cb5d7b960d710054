"""A battle as it is at this moment, with what is still being written."""

import asyncio
from collections.abc import Collection
from datetime import timedelta
from functools import lru_cache

from django.utils import timezone

from arena.generation.writing import begin
from arena.live.hub import Hub, get_hub
from arena.models import Battle, Response
from arena.rendering import StreamRenderer, render
from arena.selectors import BattleState, ResponseState, battle_state
from arena.services.responses import mark_interrupted
from arena.threads import in_thread

# A process that begins a battle says in Redis that it writes it while the rater hears of it: of one
# that is so new the processes themselves are asked, and Redis again for a moment.
NEW_FOR = timedelta(seconds=5)
SAID_WITHIN_S = 1.0
ASK_AGAIN_S = 0.2

_render = lru_cache(maxsize=512)(render)


async def look(
    battle: Battle, state: BattleState | None = None, *, html: bool = False, follow: bool = False
) -> BattleState:
    """The state of a battle. Pending responses that nobody writes are started on the way, and
    those whose process is gone are ended as interrupted.

    `state` as it was read just now, if it was.
    `html` renders each text. `follow` has another process that writes send its events here. What
    this process writes is taken up in the last step, so a caller that does not await between the
    return and joining the events misses nothing.
    """
    hub = get_hub()
    if state is None:
        state = await in_thread(battle_state, battle)
    known: dict[int, str] = {}
    lost = _written_elsewhere(hub, state)
    if lost and not (follow and await _followed(hub, battle, {one.id for one in lost})):
        known = await _recover(hub, battle, lost, follow=follow)
        state = await in_thread(battle_state, battle)
    _take_up(hub, state, known)
    if html:
        for response in state.responses:
            response.html = _html(response)
    return state


def _written_elsewhere(hub: Hub, state: BattleState) -> list[ResponseState]:
    room = hub.peek(state.id)
    return [
        response
        for response in state.responses
        if not response.finished and not ((live := room.responses.get(response.id)) and live.mine)
    ]


async def _recover(
    hub: Hub, battle: Battle, lost: list[ResponseState], *, follow: bool
) -> dict[int, str]:
    """Finds out who writes these, and takes over what nobody does. Texts known from Redis."""
    room = hub.peek(battle.pk)
    if room.starting:
        for task in list(room.starting):
            await task
        return {}
    ids = [response.id for response in lost]
    texts = await hub.keeper.texts(ids)
    owned = await _owned(hub, ids, within_s=SAID_WITHIN_S if _is_new(battle) else 0.0)
    if owned is None:
        return texts
    orphans = [response for response in lost if response.id not in owned]
    for response in orphans:
        mirror = room.responses.pop(response.id, None)
        if mirror is not None:  # what pages have read of it stays
            texts[response.id] = max(mirror.text, texts[response.id], key=len)
    started = [(r.id, texts[r.id]) for r in orphans if r.state == Response.State.STREAMING]
    if started:
        await in_thread(mark_interrupted, texts=started)
    if len(started) < len(orphans):
        await begin(hub, battle.pk)
    if follow and any(pk not in room.responses for pk in owned):
        await hub.follow(battle.pk)
    return texts


async def _followed(hub: Hub, battle: Battle, ids: set[int]) -> bool:
    """Whether another process that writes these sends its events here, asked in a new battle. One
    that does is not asked again: its answer says that there is something new to look at."""
    room = hub.peek(battle.pk)
    if room.starting or not _is_new(battle):
        return False
    return room.responses.keys() >= ids or (
        await hub.follow(battle.pk) and room.responses.keys() >= ids
    )


def _is_new(battle: Battle) -> bool:
    return timezone.now() - battle.created_at < NEW_FOR


async def _owned(hub: Hub, ids: Collection[int], *, within_s: float) -> set[int] | None:
    """Those that some living process writes, or says so by then. None when Redis does not say."""
    while True:
        owned = await hub.keeper.owned(ids)
        if owned is None or owned.issuperset(ids) or within_s <= 0.0:
            return owned
        await asyncio.sleep(ASK_AGAIN_S)
        within_s -= ASK_AGAIN_S


def _take_up(hub: Hub, state: BattleState, known: dict[int, str]) -> None:
    room = hub.peek(state.id)
    for response in state.responses:
        live = room.responses.get(response.id)
        if response.finished:
            if live is not None and not live.mine and not live.finished:
                room.forget(live)  # its last events, still on their way here, say nothing new
        elif live is not None:
            response.state, response.text, response.error = live.state, live.text, live.error
            response.cut_off = live.cut_off
        elif known.get(response.id):
            response.state, response.text = Response.State.STREAMING, known[response.id]


def _html(response: ResponseState) -> str:
    if response.finished:
        return _render(response.text)
    return StreamRenderer().feed(response.text)[1]
