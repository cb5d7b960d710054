"""The operations on battles and contenders."""

from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from ninja import Router, Status

from arena import generation, services
from arena.api.schemas import (
    PROBLEMS,
    BattleCreated,
    BattleIn,
    BattleOut,
    ContenderOut,
    ReactionIn,
    ReactionOut,
    RegenerateIn,
    TurnIn,
    VoteCast,
    VoteIn,
)
from arena.models import POSITIONS, Battle, Contender
from arena.selectors import battle_state, label, own_battle, reveal, socket_url

router = Router(tags=["battles"])


@router.post("battles", response={201: BattleCreated, **PROBLEMS}, summary="Start a battle")
async def start_battle(request: HttpRequest, payload: BattleIn) -> Status[dict[str, Any]]:
    """The responses are written at once; follow them on the socket, or ask for the battle."""
    battle, created = await sync_to_async(_start_battle)(request, payload)
    generation.start(battle.pk)
    return Status(201, created)


@router.get("battles/{uuid:battle_id}", response={200: BattleOut, **PROBLEMS}, summary="A battle")
async def get_battle(request: HttpRequest, battle_id: UUID) -> dict[str, Any]:
    """With the texts as they are now. `contenders` is null until the vote."""
    return await _current(await _own(request, battle_id))


@router.post(
    "battles/{uuid:battle_id}/turns",
    response={201: BattleOut, **PROBLEMS},
    summary="Prompt again",
)
async def add_turn(
    request: HttpRequest, battle_id: UUID, payload: TurnIn
) -> Status[dict[str, Any]]:
    """The next turn of the conversation, once all responses are finished."""
    battle = await _own(request, battle_id)
    await sync_to_async(services.add_turn)(battle=battle, prompt=payload.prompt)
    generation.start(battle.pk)
    return Status(201, await _current(battle))


@router.post(
    "battles/{uuid:battle_id}/turns/{int:number}/regenerate",
    response={201: BattleOut, **PROBLEMS},
    summary="Write responses again",
)
async def regenerate(
    request: HttpRequest, battle_id: UUID, number: int, payload: RegenerateIn | None = None
) -> Status[dict[str, Any]]:
    """New responses in the last turn: all, or the one at `position`. Also retries a failed one."""
    battle = await _own(request, battle_id)
    position = POSITIONS.index(payload.position) if payload and payload.position else None
    await sync_to_async(services.regenerate)(battle=battle, turn=number, position=position)
    generation.start(battle.pk)
    return Status(201, await _current(battle))


@router.post(
    "battles/{uuid:battle_id}/stop", response={200: BattleOut, **PROBLEMS}, summary="Stop writing"
)
async def stop(request: HttpRequest, battle_id: UUID) -> dict[str, Any]:
    """Ends what is being written. What has come so far is kept."""
    battle = await _own(request, battle_id)
    await generation.stop(battle.pk)
    return await _current(battle)


@router.post("battles/{uuid:battle_id}/vote", response={201: VoteCast, **PROBLEMS}, summary="Vote")
def vote(request: HttpRequest, battle_id: UUID, payload: VoteIn) -> Status[dict[str, Any]]:
    """The battle's one vote, and then who answered."""
    battle = own_battle(battle_id, user=request.user, session=request.session)
    services.cast_vote(
        battle=battle,
        ranks=payload.ranks,
        all_bad=payload.all_bad,
        reasons=payload.reasons,
        comment=payload.comment,
    )
    state = battle_state(battle)
    return Status(201, {"vote": state.vote, "contenders": state.contenders})


@router.post(
    "battles/{uuid:battle_id}/reactions",
    response={200: ReactionOut, **PROBLEMS},
    summary="Thumb up or down",
)
def react(request: HttpRequest, battle_id: UUID, payload: ReactionIn) -> dict[str, Any]:
    """Possible at any time; the last one stands."""
    battle = own_battle(battle_id, user=request.user, session=request.session)
    reaction = services.react(
        battle=battle,
        turn=payload.turn,
        position=POSITIONS.index(payload.position),
        value=payload.value,
        reasons=payload.reasons,
        comment=payload.comment,
    )
    return {
        "turn": payload.turn,
        "position": payload.position,
        "value": reaction.value if reaction else 0,
        "reasons": reaction.reasons if reaction else [],
        "comment": reaction.comment if reaction else "",
    }


@router.get("contenders", response=list[ContenderOut], summary="Contenders", tags=["contenders"])
def contenders(request: HttpRequest) -> list[Contender]:
    """Who competes here; only the active ones are drawn for new battles."""
    return list(Contender.objects.order_by("slug"))


def _start_battle(request: HttpRequest, payload: BattleIn) -> tuple[Battle, dict[str, Any]]:
    rater = services.identify_rater(
        user=request.user, session=request.session, simulated=payload.simulated
    )
    battle = services.start_battle(
        rater=rater,
        prompt=payload.prompt,
        size=payload.size,
        mode=payload.mode,
        contenders=payload.contenders,
    )
    contenders = reveal(battle)
    return battle, {
        "id": battle.pk,
        "state": battle.state,
        "url": battle.get_absolute_url(),
        "socket": socket_url(battle.pk),
        "responses": [
            {"position": POSITIONS[position], "label": label(contenders, position)}
            for position in battle.placements.values_list("position", flat=True)
        ],
    }


async def _own(request: HttpRequest, battle_id: UUID) -> Battle:
    return await sync_to_async(own_battle)(battle_id, user=request.user, session=request.session)


async def _current(battle: Battle) -> dict[str, Any]:
    return (await generation.look(battle)).as_json()
