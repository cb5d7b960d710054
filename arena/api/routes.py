"""The operations on battles and contenders."""

from typing import Any, Literal
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import HttpRequest
from django.utils.translation import gettext
from ninja import Router, Status

from arena import generation, pages, services
from arena.api.schemas import (
    PROBLEMS,
    BattleCreated,
    BattleIn,
    BattleOut,
    ContenderOut,
    MineOut,
    PersonalData,
    ReactionIn,
    ReactionOut,
    RegenerateIn,
    TurnIn,
    VoteCast,
    VoteIn,
)
from arena.errors import Invalid
from arena.models import POSITIONS, Battle, Contender
from arena.selectors import (
    generating,
    jobs_of,
    own_battle,
    personal_data,
    rater_ids,
    reveal,
    socket_url,
    vote_summary,
)

router = Router(tags=["battles"])


@router.post("battles", response={201: BattleCreated, **PROBLEMS}, summary="Start a battle")
def start_battle(request: HttpRequest, payload: BattleIn) -> Status[dict[str, Any]]:
    """The responses are written at once; follow them on the socket, or ask for the battle."""
    asked = services.ask_first(
        user=request.user,
        session=request.session,
        simulated=payload.simulated,
        prompt=payload.prompt,
        size=payload.size,
        mode=payload.mode,
        contenders=payload.contenders,
    )
    battle, jobs = asked[0].turn.battle, jobs_of(asked)
    generation.start_on_loop(battle.pk, new=jobs)
    created = {
        "id": battle.pk,
        "state": battle.state,
        "url": battle.get_absolute_url(),
        "socket": socket_url(battle.pk),
        "responses": [{"position": POSITIONS[job.position], "label": job.label} for job in jobs],
    }
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


@router.put(
    "battles/{uuid:battle_id}/turns/{int:number}",
    response={200: BattleOut, **PROBLEMS},
    summary="Edit the prompt",
)
async def edit_turn(
    request: HttpRequest, battle_id: UUID, number: int, payload: TurnIn
) -> dict[str, Any]:
    """Another prompt in the last turn, with new responses. The earlier ones are kept aside."""
    battle = await _own(request, battle_id)
    await sync_to_async(services.edit_prompt)(battle=battle, turn=number, prompt=payload.prompt)
    generation.start(battle.pk)
    return await _current(battle)


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
    return Status(201, {"vote": vote_summary(battle), "contenders": reveal(battle)})


@router.delete(
    "battles/{uuid:battle_id}/vote", response={200: BattleOut, **PROBLEMS}, summary="Take back"
)
async def take_back_vote(request: HttpRequest, battle_id: UUID) -> dict[str, Any]:
    """Within ten seconds of the cast. Nothing of the vote stays; the next one does not count."""
    battle = await _own(request, battle_id)
    await sync_to_async(services.take_back_vote)(battle=battle)
    return await _current(battle)


@router.post("battles/{uuid:battle_id}/skip", response={200: BattleOut, **PROBLEMS}, summary="Skip")
async def skip(request: HttpRequest, battle_id: UUID) -> dict[str, Any]:
    """Leave it without a verdict. What is being written is stopped; nobody is revealed."""
    battle = await _own(request, battle_id)
    await sync_to_async(services.skip_battle)(battle=battle)
    await generation.stop(battle.pk)
    return await _current(battle)


@router.post(
    "battles/{uuid:battle_id}/resume", response={200: BattleOut, **PROBLEMS}, summary="Resume"
)
async def resume(request: HttpRequest, battle_id: UUID) -> dict[str, Any]:
    """A skipped battle is open again."""
    battle = await _own(request, battle_id)
    await sync_to_async(services.resume_battle)(battle=battle)
    return await _current(battle)


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


@router.get("mine", response=list[MineOut], summary="My battles", tags=["mine"])
def mine(request: HttpRequest, state: str = "", mode: str = "", page: int = 1) -> list[Any]:
    """The newest first, 25 on a page; `state` and `mode` narrow them."""
    if state not in pages.STATES or mode not in pages.MODES:
        raise Invalid(
            gettext("Unknown state or mode: say open, voted, skipped; a mode as of a battle.")
        )
    found = pages.entries(_raters(request), state=state, mode=mode, number=str(page))
    return list(found.object_list) if page == found.number else []


@router.get("mine/data", response=PersonalData, summary="My data", tags=["mine"])
def my_data(request: HttpRequest) -> dict[str, Any]:
    """Everything that the arena keeps of you."""
    return {"battles": list(personal_data(_raters(request)))}


@router.delete("mine/data", response={204: None, **PROBLEMS}, summary="Forget me", tags=["mine"])
async def forget_me(
    request: HttpRequest, votes: Literal["keep", "delete"] = "keep"
) -> Status[None]:
    """Deletes it all. `votes=keep` leaves the bare verdicts in the count, tied to nobody."""
    raters = await sync_to_async(_raters)(request)
    for battle_id in await sync_to_async(generating)(raters):
        await generation.stop(battle_id)
    await sync_to_async(services.forget_raters)(raters=raters, keep_verdicts=votes == "keep")
    return Status(204, None)


@router.get("contenders", response=list[ContenderOut], summary="Contenders", tags=["contenders"])
def contenders(request: HttpRequest) -> list[Contender]:
    """Who competes here; only the active ones are drawn for new battles."""
    return list(Contender.objects.order_by("slug"))


def _raters(request: HttpRequest) -> set[int]:
    return rater_ids(user=request.user, session=request.session)


async def _own(request: HttpRequest, battle_id: UUID) -> Battle:
    return await sync_to_async(own_battle)(battle_id, user=request.user, session=request.session)


async def _current(battle: Battle) -> dict[str, Any]:
    return (await generation.look(battle)).as_json()
