"""Battles begin, go on, and have a response written again."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from arena import live
from arena.errors import Conflict, Invalid, NotFound, TooMany, Unavailable
from arena.live.hub import announce
from arena.matchmaking import Lineup
from arena.models import (
    POSITIONS,
    Battle,
    Contender,
    Placement,
    Population,
    Prompt,
    Rater,
    Response,
    Turn,
)
from arena.services import lineups
from arena.services.raters import rater_of
from arena.text import clean_prompt
from arena.validity import prompt_key

UNFINISHED = [Response.State.PENDING, Response.State.STREAMING]
# Battles that one rater may have in the making; a simulation drives many on purpose.
GENERATING_MAX = {Population.PEOPLE: 10, Population.SIMULATED: 100}
# What takes longer than this was left behind by a crash and must not count for ever.
GENERATING_WITHIN = timedelta(minutes=10)

_SIZES = {
    Battle.Mode.ANONYMOUS: (2, 3),
    Battle.Mode.SIDE_BY_SIDE: (2, 3),
    Battle.Mode.DIRECT: (1, 1),
}


@transaction.atomic
def start_battle(
    *,
    rater: Rater,
    prompt: str,
    size: int = 2,
    mode: str = Battle.Mode.ANONYMOUS,
    contenders: Sequence[str] | None = None,
) -> Battle:
    """A battle with its first turn; its responses are pending until `generation.start`.

    `contenders` (slugs, position A first) are chosen by the rater in the named modes and decide
    the size; in an anonymous battle the matchmaker draws `size` of the active ones.
    """
    return _begin(rater, prompt, size, mode, contenders)[0].turn.battle


@transaction.atomic
def ask_first(
    *,
    user: AbstractBaseUser | AnonymousUser,
    session: SessionBase | None,
    simulated: bool = False,
    browser: str = "",
    prompt: str,
    size: int = 2,
    mode: str = Battle.Mode.ANONYMOUS,
    contenders: Sequence[str] | None = None,
) -> list[Response]:
    """Starts a battle of the rater whom `identify_rater` finds or makes, as `start_battle` does;
    returns its responses, position A first.

    They have their turn, battle and contender at hand, so that who has them written need not read
    these again.
    """
    rater, new = rater_of(user=user, session=session, simulated=simulated, browser=browser)
    return _begin(rater, prompt, size, mode, contenders, new=new)


def _begin(
    rater: Rater,
    prompt: str,
    size: int,
    mode: str,
    contenders: Sequence[str] | None,
    *,
    new: bool = False,
) -> list[Response]:
    """`new`: the rater cannot have had any battle."""
    if mode not in Battle.Mode.values:
        values = {"mode": repr(str(mode)[:40]), "known": ", ".join(Battle.Mode.values)}
        raise Invalid(_("Unknown mode %(mode)s: say %(known)s.") % values)
    text = clean_prompt(prompt, limit=settings.PROMPT_MAX_CHARS)
    if not new:
        _refuse_too_many(rater)
    lineup = (
        _drawn(size, contenders, rater.population)
        if mode == Battle.Mode.ANONYMOUS
        else _chosen(Battle.Mode(mode), contenders)
    )
    category, tags = _known(text, mode)
    battle = Battle.objects.create(
        rater=rater,
        mode=mode,
        population=rater.population,
        category=category,
        tags=tags,
        # As it is now: who signs up later keeps the battles, and they stay what they were.
        signed_in=None if rater.external_id else rater.user_id is not None,
    )
    known = Contender.objects.in_bulk(lineup.contenders)
    placements = Placement.objects.bulk_create(
        Placement(
            battle=battle,
            position=position,
            contender=known[contender],
            propensity=lineup.propensity if mode == Battle.Mode.ANONYMOUS else None,
        )
        for position, contender in enumerate(lineup.contenders)
    )
    return _ask(battle, placements, number=1, prompt=text)


@transaction.atomic
def add_turn(*, battle: Battle, prompt: str) -> Turn:
    """The next prompt of an open battle whose responses are all finished."""
    text = clean_prompt(prompt, limit=settings.PROMPT_MAX_CHARS)
    locked = _open(battle)
    _refuse_too_many(locked.rater)
    if Response.objects.filter(turn__battle=locked, state__in=UNFINISHED).exists():
        raise Conflict(_("The responses are still being written. Wait for them, or stop them."))
    last = locked.turns.order_by("-number").values_list("number", flat=True).first() or 0
    return _ask(locked, locked.placements.all(), number=last + 1, prompt=text)[0].turn


@transaction.atomic
def regenerate(*, battle: Battle, turn: int, position: int | None = None) -> list[Response]:
    """New pending responses in place of those of the last turn, or of the one at `position`.

    The older responses are kept, superseded. This is also how a failed one is tried again.
    """
    locked = _open(battle)
    last = _last_turn(locked, turn)
    current = last.responses.filter(superseded=False).select_related("placement")
    if position is not None:
        current = current.filter(placement__position=position)
    old = list(current)
    if not old:
        values = {"letter": _letter(position), "turn": turn}
        raise NotFound(_("There is no response %(letter)s in turn %(turn)s.") % values)
    if not all(response.finished for response in old):
        raise Conflict(_("That response is still being written. Wait for it, or stop it."))
    return _write_again(locked, old)


@transaction.atomic
def retry_failed(*, battle: Battle, turn: int) -> list[Response]:
    """The same for those that failed or were stopped, whatever the others do.

    Returns none when there are none: a second request finds the first one's pending.
    """
    locked = _open(battle)
    last = _last_turn(locked, turn)
    failed = last.responses.filter(
        superseded=False, state__in=[Response.State.ERROR, Response.State.STOPPED]
    )
    return _write_again(locked, list(failed.select_related("placement")))


@transaction.atomic
def edit_prompt(*, battle: Battle, turn: int, prompt: str) -> list[Response]:
    """Another prompt in the last turn of an open battle, and new pending responses to it.

    The older responses are kept, superseded, each with the prompt that it answered.
    """
    text = clean_prompt(prompt, limit=settings.PROMPT_MAX_CHARS)
    asked = regenerate(battle=battle, turn=turn)
    edited = asked[0].turn
    older = Response.objects.filter(turn=edited, superseded=True, asked="")
    older.update(asked=edited.prompt)
    edited.prompt = text
    edited.save(update_fields=["prompt"])
    if turn == 1:
        category, tags = _known(text, battle.mode)
        Battle.objects.filter(pk=battle.pk).update(category=category, tags=tags)
    return asked


@transaction.atomic
def skip_battle(*, battle: Battle) -> None:
    """The rater leaves an open battle without a verdict. It can be resumed."""
    _move(_open(battle), Battle.State.SKIPPED)
    battle.state = Battle.State.SKIPPED


@transaction.atomic
def resume_battle(*, battle: Battle) -> None:
    """A skipped battle is open again, as blind as it was."""
    locked = Battle.objects.select_for_update().get(pk=battle.pk)
    if locked.state != Battle.State.SKIPPED:
        raise Conflict(_("This battle was not skipped."))
    _move(locked, Battle.State.OPEN)
    battle.state = Battle.State.OPEN


def _move(locked: Battle, state: Battle.State) -> None:
    locked.state = state
    locked.save(update_fields=["state"])
    transaction.on_commit(partial(announce, locked.pk, live.changed(state=state.value)))


def _known(prompt: str, mode: str) -> tuple[str, str]:
    """Category and tags of a prompt of the library; named battles have a tag of their own."""
    known = Prompt.objects.filter(text=prompt).values_list("category", "tags")
    category, tags = next(iter(known[:1]), ("", ""))
    if mode == Battle.Mode.SIDE_BY_SIDE:
        tags = f"{tags} side-by-side".strip()
    return category, tags


def _ask(
    battle: Battle, placements: Iterable[Placement], *, number: int, prompt: str
) -> list[Response]:
    turn = Turn.objects.create(
        battle=battle, number=number, prompt=prompt, prompt_key=prompt_key(prompt)
    )
    return Response.objects.bulk_create(
        [Response(turn=turn, placement=placement) for placement in placements]
    )


def _last_turn(locked: Battle, number: int) -> Turn:
    last = locked.turns.order_by("-number").first()
    if last is None or not 1 <= number <= last.number:
        raise NotFound(_("This battle has no turn %(turn)s.") % {"turn": number})
    if number != last.number:
        raise Conflict(_("Only the last turn can be written again: later ones build on it."))
    return last


def _write_again(locked: Battle, old: list[Response]) -> list[Response]:
    if not old:
        return []
    _refuse_too_many(locked.rater)
    Response.objects.filter(pk__in=[response.pk for response in old]).update(superseded=True)
    return Response.objects.bulk_create(
        [Response(turn=response.turn, placement=response.placement) for response in old]
    )


def _open(battle: Battle) -> Battle:
    locked = Battle.objects.select_for_update().select_related("rater").get(pk=battle.pk)
    if locked.state == Battle.State.VOTED:
        raise Conflict(_("This battle has been voted on. Start a new one."))
    if locked.state == Battle.State.SKIPPED:
        raise Conflict(_("You skipped this battle. Resume it first."))
    return locked


def _refuse_too_many(rater: Rater) -> None:
    limit = GENERATING_MAX[Population(rater.population)]
    # Only the latest are looked at, so that it costs the same after a hundred thousand votes.
    latest = Battle.objects.filter(rater=rater).order_by("-created_at")
    candidates = list(latest.values_list("pk", flat=True)[: 3 * limit])
    if len(candidates) < limit:
        return
    generating = (
        Response.objects.filter(
            turn__battle__in=candidates,
            state__in=UNFINISHED,
            created_at__gt=timezone.now() - GENERATING_WITHIN,
        )
        .values("turn__battle")
        .distinct()
        .count()
    )
    if generating >= limit:
        raise TooMany(
            _("%(limit)s of your battles are being answered. Wait until one is finished.")
            % {"limit": limit}
        )


def _drawn(size: int, contenders: Sequence[str] | None, population: str) -> Lineup:
    if contenders:
        raise Invalid(
            _(
                "In an anonymous battle the arena draws the contenders. "
                "Leave them out, or choose the mode side_by_side or direct."
            )
        )
    if size not in _SIZES[Battle.Mode.ANONYMOUS]:
        raise Invalid(_("A battle has 2 or 3 contenders, not %(size)s.") % {"size": size})
    able = dict(Contender.objects.filter(active=True, external=False).values_list("pk", "slug"))
    if len(able) < size:
        raise Unavailable(
            _(
                "A battle of %(size)s needs %(size)s active contenders, and there are %(count)s. "
                "An operator can add or activate contenders."
            )
            % {"size": size, "count": len(able)}
        )
    return lineups.draw(able, size, population=population)


def _chosen(mode: Battle.Mode, contenders: Sequence[str] | None) -> Lineup:
    slugs = list(contenders or ())
    least, most = _SIZES[mode]
    if not least <= len(slugs) <= most or len(set(slugs)) != len(slugs):
        raise Invalid(
            _("Choose one contender for a direct chat.")
            if most == 1
            else _("Choose 2 or 3 contenders, each of them once.")
        )
    ids = dict(
        Contender.objects.filter(active=True, external=False, slug__in=slugs).values_list(
            "slug", "pk"
        )
    )
    if missing := [slug for slug in slugs if slug not in ids]:
        raise Invalid(_("There is no active contender %(slug)s.") % {"slug": repr(missing[0][:80])})
    return Lineup(tuple(ids[slug] for slug in slugs), 1.0)


def _letter(position: int | None) -> str:
    if position is None or not 0 <= position < len(POSITIONS):
        return str(position)
    return POSITIONS[position]
