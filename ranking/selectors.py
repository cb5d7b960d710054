"""Reads of ranking: stored leaderboards, and leaderboards computed afresh."""

from collections import Counter

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
from ranking.counting import ALL, OVERALL, Counts, EloScore, Slice, Verdict
from ranking.models import POPULATIONS, EloRating, Leaderboard, Standing, Tally


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
        digest=counts.digest(method),
        standings=board.standings,
    )


def categories() -> list[str]:
    """The categories that can be asked for: overall, the library's, and those of votes."""
    known = set(Prompt.objects.values_list("category", flat=True).distinct().order_by())
    known |= set(Tally.objects.values_list("category", flat=True).distinct())
    return [OVERALL, *sorted(known - {OVERALL})]


def stored_counts(part: Slice) -> SliceCounts:
    """The tallies and online Elo as votes left them."""
    tallies: Counter[Verdict] = Counter()
    for lineup, ranks, count in (
        Tally.objects.filter(category=part.category, population__in=_populations(part))
        .filter(count__gt=0)
        .values_list("lineup", "ranks", "count")
    ):
        tallies[numbers(lineup), numbers(ranks)] += count
    elo = EloRating.objects.filter(category=part.category, population=part.population)
    return SliceCounts(
        tallies,
        {
            who: EloScore(rating, votes)
            for who, rating, votes in elo.values_list("contender", "rating", "votes")
        },
    )


def fresh_counts(part: Slice) -> SliceCounts:
    """The same from the counted votes, which takes time in proportion to them."""
    votes = counted_votes(part.population)
    if part.category != OVERALL:
        votes = votes.filter(battle__category=part.category)
    counts = Counts()
    for vote in decided_votes(votes=votes):
        counts.add(vote)
    tallies: Counter[Verdict] = Counter()
    for (where, verdict), count in counts.tallies.items():
        if where.category == part.category:
            tallies[verdict] += count
    return SliceCounts(
        tallies, {who: score for (where, who), score in counts.elo.items() if where == part}
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
