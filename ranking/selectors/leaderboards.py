"""Leaderboards: stored ones, and those computed afresh for any slice of the votes."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from arena.categories import OVERALL
from arena.errors import Invalid, NotFound
from arena.models import Population, Prompt
from ranking.boards import (
    BY_RATER,
    BY_VOTE,
    CLUSTERS,
    STYLE_CONTROLLED,
    Board,
    LeaderboardRecord,
    StandingRecord,
    check_method,
    rank_contenders,
)
from ranking.counting import Ballot, Slice, SliceCounts, Who, count_ballots
from ranking.models import POPULATIONS, Leaderboard, Standing, Tally
from ranking.selectors.counts import (
    ballots,
    contenders_in,
    counts_by_rater,
    fresh_ballots,
    recent_counts,
    rows_in,
    stored_counts,
)
from ranking.selectors.kept import Kept
from ranking.style_control import rank_with_style

WINDOWS = (7, 30, 90)  # days
LONGEST = 36_500  # days of a window; what is far longer is no date
COMPUTED: Kept[LeaderboardRecord] = Kept(size=64, seconds=3600)


def board(
    *,
    method: str,
    category: str = OVERALL,
    population: str = Population.PEOPLE,
    days: int | None = None,
    cluster: str = BY_VOTE,
) -> LeaderboardRecord:
    """What a page shows: the newest stored leaderboard, or one that is computed.

    A computed one is kept in this process until the counts change, or an hour for the sake of
    `days`; a crowd that asks for it makes it once. Raises Invalid for unknown names.
    """
    _check(method, category, population, days, cluster)
    if days is None and cluster == BY_VOTE:
        stored = latest(method=method, category=category, population=population)
        if stored is not None:
            return stored
    make = partial(
        compute, method=method, category=category, population=population, days=days, cluster=cluster
    )
    newest = Leaderboard.objects.order_by("-pk").values_list("pk", "computed_at").first()
    if newest is None:  # until the first refit nothing would say that votes have come in
        return make()
    return COMPUTED.get((newest, method, category, population, days, cluster), make)


def latest(
    *, method: str, category: str = OVERALL, population: str = Population.PEOPLE
) -> LeaderboardRecord | None:
    """The newest stored leaderboard of its kind, or None. Raises Invalid for unknown names."""
    _check(method, category, population)
    found = (
        Leaderboard.objects.filter(method=method, category=category, population=population)
        .order_by("-pk")
        .first()
    )
    return None if found is None else _record(found)


def snapshot(number: int) -> LeaderboardRecord:
    """A stored leaderboard. Raises NotFound if there is none of that number (any more)."""
    found = Leaderboard.objects.filter(pk=number).first()
    if found is None:
        raise NotFound(
            _("There is no leaderboard %(number)s: only one an hour or a day is kept.")
            % {"number": number}
        )
    return _record(found)


def votes_of(board: LeaderboardRecord) -> Iterator[Ballot]:
    """The votes that a stored leaderboard rests on, unless they were taken out since."""
    if board.first_vote is None or board.last_vote is None:
        return iter(())
    return votes_between(Slice(board.category, board.population), board.first_vote, board.last_vote)


def votes_between(part: Slice, first: int, last: int) -> Iterator[Ballot]:
    """The votes of a slice from one number to another, both included."""
    return ballots(rows_in(part).filter(pk__gte=first, pk__lte=last))


def compute(
    *,
    method: str,
    category: str = OVERALL,
    population: str = Population.PEOPLE,
    days: int | None = None,
    cluster: str = BY_VOTE,
    anchor: tuple[str, float] | None = None,
    from_votes: bool = False,
) -> LeaderboardRecord:
    """A leaderboard computed now and not stored.

    From the tallies and online Elo, at a cost that does not grow with the votes; with `days`
    or clustered by rater from the rows of the votes, style-controlled from the rows of those
    votes that have texts; or, as a check of all that, from the counted votes themselves
    (`from_votes`). `anchor` is a contender's slug or name and the rating that it shall have.
    Raises Invalid for unknown names.
    """
    _check(method, category, population, days, cluster)
    part = Slice(category, population)
    since = None if days is None else timezone.now() - timedelta(days=days)
    make = _styled if method == STYLE_CONTROLLED else _plain
    by_rater = cluster == BY_RATER and method != "elo"  # which has no interval to be clustered
    board, counts, who = make(method, part, since, by_rater, anchor, from_votes)
    return LeaderboardRecord(
        id=None,
        method=method,
        category=category,
        population=population,
        days=days,
        cluster=cluster,
        computed_at=timezone.now(),
        votes=counts.votes,
        settings=board.settings,
        caveats=board.caveats,
        digest=counts.digest(method, who),
        first_vote=counts.first_vote,
        last_vote=counts.last_vote,
        standings=board.standings,
    )


_Made = tuple[Board, SliceCounts, dict[int, Who]]
_Anchor = tuple[str, float] | None


def _styled(
    method: str,
    part: Slice,
    since: datetime | None,
    by_rater: bool,
    anchor: _Anchor,
    from_votes: bool,
) -> _Made:
    stored = ballots(rows_in(part, since))
    found = fresh_ballots(part, since, style=True) if from_votes else stored
    chosen = [ballot for ballot in found if ballot.style]
    counts = count_ballots(chosen, by_rater=by_rater)
    who = contenders_in(counts)
    return rank_with_style(chosen, counts, who, _anchored(anchor, who)), counts, who


def _plain(
    method: str,
    part: Slice,
    since: datetime | None,
    by_rater: bool,
    anchor: _Anchor,
    from_votes: bool,
) -> _Made:
    if from_votes:
        counts = count_ballots(fresh_ballots(part, since), by_rater=by_rater)
    elif by_rater:
        counts = counts_by_rater(part, since)
    elif since is not None:
        counts = recent_counts(part, since)
    else:
        counts = stored_counts(part)
    who = contenders_in(counts)
    return rank_contenders(method, counts, who, _anchored(anchor, who)), counts, who


def categories() -> list[str]:
    """The categories that can be asked for: overall, the library's, and those of votes."""
    known = set(Prompt.objects.values_list("category", flat=True).distinct().order_by())
    known |= set(Tally.objects.values_list("category", flat=True).distinct())
    return [OVERALL, *sorted(known - {OVERALL})]


def _check(
    method: str,
    category: str,
    population: str,
    days: int | None = None,
    cluster: str = BY_VOTE,
) -> None:
    check_method(method)
    if cluster not in CLUSTERS:
        raise Invalid(
            _("Intervals cannot be clustered by '%(cluster)s': say vote or rater.")
            % {"cluster": cluster}
        )
    check_slice(category, population)
    if days is not None:
        check_window(days)


def check_window(days: int) -> None:
    """Raise Invalid, naming the limits, for a time window that is too short or too long."""
    if not 1 <= days <= LONGEST:
        raise Invalid(
            _("A time window has at least one day and at most %(longest)s.") % {"longest": LONGEST}
        )


def check_slice(category: str, population: str) -> None:
    """Raise Invalid, naming what there is, for an unknown category or population."""
    if population not in dict(POPULATIONS):
        raise Invalid(
            _("Unknown population '%(population)s': say people, simulated or all.")
            % {"population": population}
        )
    if category != OVERALL and category not in (known := categories()):
        raise Invalid(
            _("Unknown category '%(category)s': say one of %(known)s.")
            % {"category": category, "known": ", ".join(known)}
        )


def _anchored(anchor: tuple[str, float] | None, who: dict[int, Who]) -> dict[int, float] | None:
    if anchor is None:
        return None
    wanted, rating = anchor
    found = [pk for pk, one in who.items() if one.slug == wanted]
    found = found or [pk for pk, one in who.items() if one.name == wanted]
    if len(found) > 1:
        slugs = ", ".join(sorted(who[pk].slug for pk in found))
        raise Invalid(
            _("Several contenders are called '%(name)s': name one by its slug (%(slugs)s).")
            % {"name": wanted, "slugs": slugs}
        )
    if not found:
        known = ", ".join(sorted(one.slug for one in who.values())) or _(
            "none, as there are no votes"
        )
        raise Invalid(
            _("No contender '%(name)s' on this leaderboard; there are: %(known)s.")
            % {"name": wanted, "known": known}
        )
    return {found[0]: rating}


def _record(found: Leaderboard) -> LeaderboardRecord:
    return LeaderboardRecord(
        id=found.pk,
        method=found.method,
        category=found.category,
        population=found.population,
        days=None,
        cluster=BY_VOTE,
        computed_at=found.computed_at,
        votes=found.votes,
        settings=found.settings,
        caveats=found.caveats,
        digest=found.digest,
        first_vote=found.first_vote,
        last_vote=found.last_vote,
        standings=tuple(
            _standing(standing)
            for standing in found.standings.select_related("contender").order_by(
                F("rank").asc(nulls_last=True), "contender__name", "contender__slug"
            )
        ),
    )


def _standing(standing: Standing) -> StandingRecord:
    return StandingRecord(
        rank=standing.rank,
        rank_low=standing.rank_low,
        rank_high=standing.rank_high,
        significance_rank=standing.significance_rank,
        contender_id=standing.contender_id,
        slug=standing.contender.slug,
        name=standing.contender.name,
        rating=standing.rating,
        lower=standing.lower,
        upper=standing.upper,
        votes=standing.votes,
        wins=standing.wins,
        losses=standing.losses,
        ties=standing.ties,
    )
