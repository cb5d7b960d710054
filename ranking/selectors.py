"""Reads of ranking: stored leaderboards, and leaderboards computed afresh."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db.models import Max, Min, QuerySet
from django.utils import timezone

from arena.errors import Invalid
from arena.models import Contender, Population, Prompt
from arena.selectors import counted_votes, decided_votes
from ranking.boards import (
    LeaderboardRecord,
    SliceCounts,
    StandingRecord,
    Who,
    check_method,
    rank_contenders,
)
from ranking.categories import OVERALL
from ranking.counting import ALL, Ballot, EloScore, Slice, Verdict, ballot_of, play
from ranking.models import POPULATIONS, CountedVote, EloRating, Leaderboard, Standing, Tally

CHUNK = 10_000


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


def compute(
    *,
    method: str,
    category: str = OVERALL,
    population: str = Population.PEOPLE,
    anchor: tuple[str, float] | None = None,
    from_votes: bool = False,
) -> LeaderboardRecord:
    """A leaderboard computed now and not stored.

    From the tallies and online Elo, at a cost that does not grow with the votes; or, as a check
    of those, from the counted votes themselves (`from_votes`). `anchor` is a contender's slug
    or name and the rating that it shall have. Raises Invalid for unknown names.
    """
    _check(method, category, population)
    part = Slice(category, population)
    counts = fresh_counts(part) if from_votes else stored_counts(part)
    who = contenders_in(counts)
    board = rank_contenders(method, counts, who, _anchored(anchor, who))
    return LeaderboardRecord(
        method=method,
        category=category,
        population=population,
        computed_at=timezone.now(),
        votes=counts.votes,
        settings=board.settings,
        caveats=board.caveats,
        digest=counts.digest(method, who),
        standings=board.standings,
    )


def categories() -> list[str]:
    """The categories that can be asked for: overall, the library's, and those of votes."""
    known = set(Prompt.objects.values_list("category", flat=True).distinct().order_by())
    known |= set(Tally.objects.values_list("category", flat=True).distinct())
    return [OVERALL, *sorted(known - {OVERALL})]


def stored_counts(part: Slice, *, votes_range: bool = False) -> SliceCounts:
    """The tallies and online Elo as votes left them; if asked, also from and to which vote."""
    tallies: Counter[Verdict] = Counter()
    for lineup, ranks, count in (
        Tally.objects.filter(category=part.category, population__in=_populations(part))
        .filter(count__gt=0)
        .values_list("lineup", "ranks", "count")
    ):
        tallies[numbers(lineup), numbers(ranks)] += count
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


def recent_counts(part: Slice, since: datetime | None) -> SliceCounts:
    """The same from the rows of a slice since a moment, in time proportional to them."""
    return count_ballots(ballots(rows_in(part, since)))


def fresh_counts(part: Slice) -> SliceCounts:
    """The same from the votes themselves, which are read for it: a check of all the rest."""
    votes = counted_votes(part.population)
    texts = part.category != OVERALL  # only they tell the category
    found = map(ballot_of, decided_votes(votes=votes, texts=texts))
    return count_ballots(
        ballot for ballot in found if not texts or part.category in ballot.categories
    )


def count_ballots(chosen: Iterable[Ballot]) -> SliceCounts:
    """Count the votes of one slice, in the order given."""
    tallies: Counter[Verdict] = Counter()
    elo: dict[int, EloScore] = {}
    first: int | None = None
    last: int | None = None
    for ballot in chosen:
        tallies[ballot.verdict] += 1
        play([elo.setdefault(who, EloScore()) for who in ballot.lineup], ballot.ranks)
        first, last = first or ballot.vote, ballot.vote
    return SliceCounts(tallies, elo, first, last)


def rows_in(part: Slice, since: datetime | None = None) -> QuerySet[CountedVote]:
    """The rows of a slice in the order of the votes; `since` when they were cast."""
    rows = CountedVote.objects.order_by("pk")
    if part.population != ALL:
        rows = rows.filter(population=part.population)
    if part.category != OVERALL:
        rows = rows.filter(categories__contains=f" {part.category} ")
    return rows if since is None else rows.filter(cast_at__gte=since)


def ballots(rows: QuerySet[CountedVote]) -> Iterator[Ballot]:
    """The values of rows, in their order and in constant memory."""
    columns = ["pk", "rater", "population", "categories", "cast_at", "lineup", "ranks", "style"]
    for pk, rater, population, names, cast_at, lineup, ranks, style in rows.values_list(
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
        )


def contenders_in(counts: SliceCounts) -> dict[int, Who]:
    ids = {contender for lineup, _ in counts.tallies for contender in lineup}
    return {
        pk: Who(slug, name)
        for pk, slug, name in Contender.objects.filter(pk__in=ids).values_list("pk", "slug", "name")
    }


def numbers(joined: str) -> tuple[int, ...]:
    """The ids or ranks of a tally, "3-7-12"."""
    return tuple(map(int, joined.split("-")))


def _populations(part: Slice) -> list[str]:
    return list(Population.values) if part.population == ALL else [part.population]


def _check(method: str, category: str, population: str) -> None:
    check_method(method)
    if population not in dict(POPULATIONS):
        raise Invalid(f"Unknown population {population!r}: say people, simulated or all.")
    if category != OVERALL and category not in (known := categories()):
        raise Invalid(f"Unknown category {category!r}: say one of {', '.join(known)}.")


def _anchored(anchor: tuple[str, float] | None, who: dict[int, Who]) -> dict[int, float] | None:
    if anchor is None:
        return None
    wanted, rating = anchor
    found = [pk for pk, one in who.items() if one.slug == wanted]
    found = found or [pk for pk, one in who.items() if one.name == wanted]
    if len(found) > 1:
        slugs = ", ".join(sorted(who[pk].slug for pk in found))
        raise Invalid(f"Several contenders are called {wanted!r}: name one by its slug ({slugs}).")
    if not found:
        known = ", ".join(sorted(one.slug for one in who.values())) or "none, as there are no votes"
        raise Invalid(f"No contender {wanted!r} on this leaderboard; there are: {known}.")
    return {found[0]: rating}


def _record(found: Leaderboard) -> LeaderboardRecord:
    return LeaderboardRecord(
        method=found.method,
        category=found.category,
        population=found.population,
        computed_at=found.computed_at,
        votes=found.votes,
        settings=found.settings,
        caveats=found.caveats,
        digest=found.digest,
        standings=tuple(
            _standing(standing)
            for standing in found.standings.select_related("contender").order_by(
                "rank", "contender__name", "contender__slug"
            )
        ),
    )


def _standing(standing: Standing) -> StandingRecord:
    return StandingRecord(
        rank=standing.rank,
        rank_low=standing.rank_low,
        rank_high=standing.rank_high,
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
