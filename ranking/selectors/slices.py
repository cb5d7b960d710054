"""How votes are spread over the categories, and one contender's ratings in them."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from django.db.models import Sum

from arena.categories import OVERALL
from arena.models import Contender, Population
from ranking.boards import StandingRecord, rank_contenders, win_rates
from ranking.counting import ALL, SliceCounts, Who
from ranking.models import Tally
from ranking.selectors.kept import Kept
from ranking.tallies import Tallies

VOTES: Kept[dict[str, int]] = Kept(size=3, seconds=1, rest=20)


def votes_by_category(population: str = Population.PEOPLE) -> dict[str, int]:
    """The number of votes in each category that has any; a second old, or more if it is dear."""
    return VOTES.get(population, lambda: _votes_by_category(population))


def _votes_by_category(population: str) -> dict[str, int]:
    tallies = Tally.objects.filter(count__gt=0)
    if population != ALL:
        tallies = tallies.filter(population=population)
    rows = tallies.values_list("category").annotate(votes=Sum("count")).order_by()
    return dict(rows)


class InCategory(NamedTuple):
    """A contender's line in a category, on a board that ranks so many contenders.

    `win_rate`: expected against a contender of average rating there, see `win_rates`. Ratings of
    different categories cannot be compared, these can.
    """

    category: str
    standing: StandingRecord
    contenders: int
    win_rate: float | None


def by_category(contender: int, *, population: str = Population.PEOPLE) -> list[InCategory]:
    """Its Bradley-Terry lines in all categories that it has votes in, those with most first."""
    columns = Contender.objects.values_list("pk", "slug", "name")
    who = {pk: Who(slug, name) for pk, slug, name in columns}
    found = []
    for category, tallies in _tallies_with(contender, population):
        board = rank_contenders("bradley-terry", SliceCounts(tallies), who)
        rated = zip(board.standings, win_rates(board.standings), strict=True)
        standing, win_rate = next(one for one in rated if one[0].contender_id == contender)
        ranked = sum(one.rank is not None for one in board.standings)
        found.append(InCategory(category, standing, ranked, win_rate))
    return sorted(found, key=lambda line: -line.standing.votes)


def _tallies_with(contender: int, population: str) -> Iterator[tuple[str, Tallies]]:
    """The tallies of the categories in which a contender was voted on."""
    rows = Tally.objects.filter(count__gt=0).exclude(category=OVERALL)
    if population != ALL:
        rows = rows.filter(population=population)
    found: defaultdict[str, list[tuple[str, str, int]]] = defaultdict(list)
    columns = rows.values_list("category", "lineup", "ranks")
    for category, *verdict in columns.annotate(Sum("count")).order_by("category"):
        found[category].append(tuple(verdict))
    for category, verdicts in found.items():
        tallies = Tallies.read(verdicts)
        if contender in tallies.contenders:
            yield category, tallies
