"""How ratings moved: what the stored leaderboards say, one after the other."""

from collections import defaultdict
from datetime import datetime
from typing import NamedTuple

from arena.categories import OVERALL
from arena.models import Population
from ranking.models import Standing


class Moment(NamedTuple):
    """One contender's rating when a leaderboard was computed."""

    computed_at: datetime
    votes: int
    rating: float
    lower: float | None
    upper: float | None


def history(
    *, method: str, category: str = OVERALL, population: str = Population.PEOPLE
) -> dict[int, list[Moment]]:
    """By contender, the oldest first. Snapshots thin out with age (`ranking.services`)."""
    rows = (
        Standing.objects.filter(
            leaderboard__method=method,
            leaderboard__category=category,
            leaderboard__population=population,
        )
        .order_by("leaderboard_id")
        .values_list(
            "contender_id", "leaderboard__computed_at", "votes", "rating", "lower", "upper"
        )
    )
    moments: dict[int, list[Moment]] = defaultdict(list)
    for contender, *values in rows:
        moments[contender].append(Moment._make(values))
    return dict(moments)
