"""Leaderboards are fitted to the counts and stored: immutable snapshots, thinned with age."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from arena.categories import OVERALL
from ranking import selectors
from ranking.boards import FOUND, METHODS, TIE_ODDS, Board, rank_contenders, settings_of
from ranking.counting import Slice, SliceCounts
from ranking.models import POPULATIONS, EloMark, Leaderboard, Standing
from ranking.services.locks import stop_counting, store_alone

# Of the snapshots of one kind, the newest are all kept, then one an hour, then one a day.
NEWEST_KEPT = 50
HOURLY_FOR = timedelta(days=7)
# A vote can be taken back for some seconds; who is slower waits for all votes to be played again.
MARKS_KEPT_FOR = timedelta(minutes=1)


def refresh_leaderboards() -> list[Leaderboard]:
    """Store a new leaderboard of each method and population whose counts have changed."""
    _forget_marks()
    stored = []
    for population, _ in POPULATIONS:
        part = Slice(OVERALL, population)
        newest = {method: _newest(method, part) for method in METHODS}
        counts = _read(part)
        for method in METHODS:
            board = _refresh(method, part, counts, newest[method])
            if board is not None:
                stored.append(board)
    return stored


def _forget_marks() -> None:
    old = timezone.now() - MARKS_KEPT_FOR
    EloMark.objects.filter(vote__cast_at__lt=old).delete()


@transaction.atomic
def _read(part: Slice) -> SliceCounts:
    """The counts and the range of their votes, as they were at one moment."""
    stop_counting()
    return selectors.stored_counts(part, votes_range=True)


def _refresh(
    method: str, part: Slice, counts: SliceCounts, newest: Leaderboard | None
) -> Leaderboard | None:
    """Fit and store one leaderboard, unless neither votes nor settings have changed since."""
    while True:
        who = selectors.contenders_in(counts)
        digest = counts.digest(method, who)
        if _is_current(newest, digest, settings_of(method, counts)) if newest else not counts.votes:
            return None
        board = rank_contenders(method, counts, who)
        unsaved = Leaderboard(
            method=method,
            category=part.category,
            population=part.population,
            settings=board.settings,
            caveats=board.caveats,
            votes=counts.votes,
            digest=digest,
            first_vote=counts.first_vote,
            last_vote=counts.last_vote,
        )
        if _store(unsaved, board, after=newest):
            return unsaved
        newest = _newest(method, part)
        counts = _read(part)


def _is_current(newest: Leaderboard, digest: str, settings: dict[str, Any]) -> bool:
    chosen = {name: value for name, value in newest.settings.items() if name not in FOUND}
    whole = (
        newest.method != "plackett-luce" or TIE_ODDS in newest.settings
    )  # else of an older version
    return newest.digest == digest and chosen == settings and whole


def _newest(method: str, part: Slice) -> Leaderboard | None:
    kind = Leaderboard.objects.filter(
        method=method, category=part.category, population=part.population
    )
    return kind.order_by("-pk").first()


@transaction.atomic
def _store(unsaved: Leaderboard, board: Board, *, after: Leaderboard | None) -> bool:
    """Store the snapshot and prune old ones; or refuse, if a newer one was stored meanwhile.

    That one may rest on older counts than this one or on newer ones, so the caller looks again.
    """
    store_alone()
    if _newest(unsaved.method, Slice(unsaved.category, unsaved.population)) != after:
        return False
    unsaved.save(force_insert=True)
    Standing.objects.bulk_create(
        Standing(
            leaderboard=unsaved,
            contender_id=line.contender_id,
            rank=line.rank,
            rank_low=line.rank_low,
            rank_high=line.rank_high,
            significance_rank=line.significance_rank,
            rating=line.rating,
            lower=line.lower,
            upper=line.upper,
            votes=line.votes,
            wins=line.wins,
            losses=line.losses,
            ties=line.ties,
        )
        for line in board.standings
    )
    _thin_out(unsaved)
    return True


def _thin_out(newest: Leaderboard) -> None:
    kind = Leaderboard.objects.filter(
        method=newest.method, category=newest.category, population=newest.population
    )
    older = kind.order_by("-pk").values_list("pk", "computed_at")[NEWEST_KEPT:]
    kept, spare = set(), []
    for pk, computed_at in older:
        moment = _rounded(computed_at)
        if moment in kept:
            spare.append(pk)
        kept.add(moment)
    Leaderboard.objects.filter(pk__in=spare).delete()


def _rounded(moment: datetime) -> datetime:
    """The hour, or further back the day: of each, the last snapshot is kept."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return hour if timezone.now() - moment < HOURLY_FOR else hour.replace(hour=0)
