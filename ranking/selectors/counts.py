"""The counts that leaderboards are fitted to, of any slice of the votes."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, Max, Min, QuerySet, Sum, Value
from django.db.models.functions import StrIndex

from arena.categories import OVERALL
from arena.models import Contender
from arena.selectors import counted_votes, decided_votes
from ranking.counting import (
    ALL,
    Ballot,
    EloScore,
    Slice,
    SliceCounts,
    Who,
    ballot_of,
    count_ballots,
    verdict_of,
)
from ranking.models import CountedVote, EloRating, Tally
from ranking.tallies import Tallies, Verdict

CHUNK = 10_000


def stored_counts(part: Slice, *, votes_range: bool = False) -> SliceCounts:
    """The tallies and online Elo as votes left them; if asked, also from and to which vote."""
    rows = Tally.objects.filter(category=part.category, count__gt=0)
    if part.population == ALL:
        together = rows.values_list("lineup", "ranks").annotate(Sum("count"))
        tallies = Tallies.read(together.order_by())
    else:
        rows = rows.filter(population=part.population)
        tallies = Tallies.read(rows.values_list("lineup", "ranks", "count"))
    elo = EloRating.objects.filter(category=part.category, population=part.population)
    scores = {
        who: EloScore(rating, votes)
        for who, rating, votes in elo.values_list("contender", "rating", "votes")
    }
    first = last = None
    if votes_range:
        ends = rows_in(part).aggregate(first=Min("pk"), last=Max("pk"))
        first, last = ends["first"], ends["last"]
    return SliceCounts(tallies, scores, first, last)


def recent_counts(part: Slice, since: datetime) -> SliceCounts:
    """The same of the votes since a moment, in time proportional to them."""
    return count_ballots(ballots(rows_in(part, since)))


def counts_by_rater(part: Slice, since: datetime | None = None) -> SliceCounts:
    """The tallies with each rater's kept apart, counted by the database; without Elo."""
    apart: Counter[tuple[int, Verdict]] = Counter()
    tallies: Counter[Verdict] = Counter()
    votes: list[int] = []
    kinds = rows_in(part, since).order_by().values_list("rater", "lineup", "ranks")
    for rater, lineup, ranks, count, first, last in kinds.annotate(
        Count("pk"), Min("pk"), Max("pk")
    ):
        verdict = verdict_of(numbers(lineup), numbers(ranks))
        apart[rater, verdict] += count
        tallies[verdict] += count
        votes += [first, last]
    ends = min(votes, default=None), max(votes, default=None)
    return SliceCounts(Tallies.of(tallies), {}, *ends, apart)


def fresh_ballots(
    part: Slice, since: datetime | None = None, *, style: bool = False
) -> Iterator[Ballot]:
    """A slice derived from the votes themselves: a check of what is stored.

    Texts, which take most of the time, are read only if the category or the style needs them.
    """
    votes = counted_votes(part.population)
    if since is not None:
        votes = votes.filter(cast_at__gte=since)
    texts = style or part.category != OVERALL
    for ballot in map(ballot_of, decided_votes(votes=votes, texts=texts)):
        if part.category in {OVERALL, *ballot.categories}:
            yield ballot


def styled_counts(
    part: Slice, since: datetime | None = None, *, by_rater: bool = False
) -> SliceCounts:
    """Of the votes with texts, which have a style."""
    styled = (ballot for ballot in ballots(rows_in(part, since)) if ballot.style)
    return count_ballots(styled, by_rater=by_rater)


def rows_in(part: Slice, since: datetime | None = None) -> QuerySet[CountedVote]:
    """The rows of a slice in the order of the votes; `since` when they were cast."""
    rows = CountedVote.objects.order_by("pk")
    if part.population != ALL:
        rows = rows.filter(population=part.population)
    if part.category != OVERALL:
        # Not as a LIKE, which in SQLite takes Coding for coding.
        rows = rows.alias(place=StrIndex("categories", Value(f" {part.category} ")))
        rows = rows.filter(place__gt=0)
    return rows if since is None else rows.filter(cast_at__gte=since)


def ballots(rows: QuerySet[CountedVote]) -> Iterator[Ballot]:
    """The values of rows, in their order and in constant memory."""
    columns = ["pk", "rater", "population", "categories", "cast_at", "lineup", "ranks", "style"]
    columns.append("item")
    for pk, rater, population, names, cast_at, lineup, ranks, style, item in rows.values_list(
        *columns
    ).iterator(chunk_size=CHUNK):
        yield Ballot(
            pk,
            rater,
            population,
            tuple(names.split()),
            cast_at,
            numbers(lineup),
            numbers(ranks),
            tuple(map(tuple, style)),
            item,
        )


def contenders_in(counts: SliceCounts) -> dict[int, Who]:
    found = Contender.objects.filter(pk__in=counts.tallies.contenders)
    return {pk: Who(slug, name) for pk, slug, name in found.values_list("pk", "slug", "name")}


def numbers(joined: str) -> tuple[int, ...]:
    """The ids or ranks of a tally, "3-7-12"."""
    return tuple(map(int, joined.split("-")))
