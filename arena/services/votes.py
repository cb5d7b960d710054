"""Votes: cast once, taken out of the count, brought back."""

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import islice
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from arena import live
from arena.errors import Conflict, Invalid
from arena.live.hub import announce
from arena.models import Battle, Contender, Placement, Response, Vote
from arena.ranks import standard_ranks
from arena.reasons import clean_reasons
from arena.selectors import (
    DecidedVote,
    circumstances,
    decided_votes,
    is_answer,
    reveal,
    vote_summary,
)
from arena.sentences import Sentence
from arena.signals import vote_cast, vote_excluded, vote_restored
from arena.text import clean_comment
from arena.validity import features

CHUNK = 1_000


# Why a vote does not count, as it is kept with it.
NAMES_KNOWN = Sentence("The rater knew the contenders' names.")
NAMES_SHOWN = Sentence("The names had been shown: an earlier vote on this battle was taken back.")
NAME_READ = Sentence("A response named its maker or model.")


@transaction.atomic
def cast_vote(
    *,
    battle: Battle,
    ranks: Sequence[int],
    all_bad: bool = False,
    reasons: Sequence[str] = (),
    comment: str = "",
) -> Vote:
    """The battle's one vote: a rank per position, A first; then the contenders are revealed.

    Only when every response of the last turn is finished and at least two have text; whoever
    has none is not ranked, whatever its place in `ranks`. Receivers
    of `vote_cast` run inside the transaction, and what they say of Elo stays on the placements.
    A second vote, also one at the same moment, is a Conflict.
    """
    # The row lock (on SQLite the IMMEDIATE transaction) makes concurrent votes queue up here.
    locked = Battle.objects.select_for_update().get(pk=battle.pk)
    if locked.mode == Battle.Mode.DIRECT:
        raise Conflict(_("A direct battle has one contender and takes no vote. Use the thumbs."))
    if locked.state == Battle.State.VOTED:
        raise Conflict(_("This battle already has its vote."))
    if locked.state == Battle.State.SKIPPED:
        raise Conflict(_("You skipped this battle. Resume it before you vote."))
    placements = list(locked.placements.order_by("position"))
    places = standard_ranks(ranks, size=len(placements), all_bad=all_bad)
    kept, remark = clean_reasons(reasons), clean_comment(comment)
    answered = _answered(locked)
    because = _why_not_counted(locked)
    now = timezone.now()
    _take_turns(placements)
    vote = Vote.objects.create(
        battle=locked,
        all_bad=all_bad,
        reasons=kept,
        comment=remark,
        counted=not because,
        not_counted_because=because,
        features=features(circumstances(locked, at=now)),
        cast_at=now,
    )
    # A contender that failed was not compared: its rank stays empty, and the others move up.
    compared = [places[placement.position] for placement in placements if placement.pk in answered]
    for placement in placements:
        if placement.pk in answered:
            own = places[placement.position]
            placement.rank = 1 + sum(other < own for other in compared)
    Placement.objects.bulk_update(placements, ["rank"])
    locked.state = Battle.State.VOTED
    locked.save(update_fields=["state"])
    if vote.counted:
        _tell_and_keep_elo(vote, placements)
    battle.state = locked.state
    transaction.on_commit(partial(_announce, locked))
    return vote


def exclude_votes(*, votes: Iterable[Vote], because: str) -> int:
    """Takes votes out of the count, with the reason; returns how many were in it."""
    reason = because.strip()
    if not reason or len(reason) > 200:
        raise Invalid(_("Say in at most 200 characters why the votes shall not count."))
    return _recount(votes, counted=False, reason=reason)


def restore_votes(*, votes: Iterable[Vote]) -> int:
    """Brings votes into the count; returns how many were out of it."""
    return _recount(votes, counted=True, reason="")


def _answered(battle: Battle) -> set[int]:
    """The placements that have an answer to compare; raises Conflict if there are not two."""
    turn = battle.turns.order_by("-number").values("pk")[:1]
    last = list(Response.objects.filter(turn=Subquery(turn), superseded=False))
    if not all(response.finished for response in last):
        raise Conflict(_("The responses are still being written. Vote when they are finished."))
    answered = {response.placement_id for response in last if is_answer(response)}
    if len(answered) < 2:
        raise Conflict(_("There are not two answers to compare. Retry the failed responses first."))
    return answered


def _why_not_counted(battle: Battle) -> str:
    """Empty when the vote counts."""
    if battle.mode == Battle.Mode.SIDE_BY_SIDE:
        return "" if settings.COUNT_SIDE_BY_SIDE else NAMES_KNOWN()
    if battle.names_shown:
        return NAMES_SHOWN()
    read = Response.objects.filter(turn__battle=battle, masked=False).exclude(disclosures=[])
    return NAME_READ() if read.exists() else ""


def _take_turns(placements: Sequence[Placement]) -> None:
    """Votes on the same contenders wait here, before they get their numbers.

    Online Elo then moves in the order of the numbers, which is how it can be played again.
    """
    contenders = [placement.contender_id for placement in placements]
    waiting = Contender.objects.select_for_update(no_key=True).filter(pk__in=contenders)
    list(waiting.order_by("pk").values_list("pk"))


def _tell_and_keep_elo(vote: Vote, placements: list[Placement]) -> None:
    told = list(decided_votes(texts=True, votes=Vote.objects.filter(pk=vote.pk)))
    elo: dict[tuple[UUID, int], tuple[float, float]] = {}
    answers: list[tuple[Any, Any]] = vote_cast.send(sender=Vote, votes=told)
    for _receiver, changes in answers:
        elo.update(changes or {})
    for placement in placements:
        change = elo.get((vote.battle_id, placement.contender_id))
        if change is not None:
            placement.elo_before, placement.elo_after = change
    Placement.objects.bulk_update(placements, ["elo_before", "elo_after"])


def _announce(battle: Battle) -> None:
    event = live.revealed(vote=vote_summary(battle), contenders=reveal(battle))
    announce(battle.pk, event)


@transaction.atomic
def _recount(votes: Iterable[Vote], *, counted: bool, reason: str) -> int:
    ids = iter([vote.pk for vote in votes])
    signal = vote_restored if counted else vote_excluded
    decided: list[DecidedVote] = []
    while chunk := list(islice(ids, CHUNK)):
        # Locked and filtered again: whoever asked twice must not count twice.
        affected = list(
            Vote.objects.select_for_update()
            .filter(pk__in=chunk, counted=not counted)
            .values_list("pk", flat=True)
        )
        chosen = Vote.objects.filter(pk__in=affected)
        chosen.update(counted=counted, not_counted_because=reason)
        decided.extend(decided_votes(texts=True, votes=chosen))
    if decided:  # once for all: receivers may have to count everything again
        signal.send(sender=Vote, votes=decided)
    return len(decided)
