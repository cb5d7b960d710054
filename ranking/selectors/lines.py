"""A leaderboard's lines, each with all that is known of the contender."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from arena.categories import OVERALL
from arena.models import Population
from arena.selectors import Profile, profiles
from ranking.boards import LeaderboardRecord, StandingRecord, tie_odds, win_rates
from ranking.estimators import BradleyTerry
from ranking.models import Leaderboard
from ranking.selectors.history import Moment, history
from ranking.selectors.kept import Kept
from ranking.selectors.leaderboards import board
from ranking.selectors.proportions import Proportion, wilson

FEW = BradleyTerry().few
# Their reading does not depend on the newest votes alone, so they are at most so old.
PROFILES: Kept[dict[int, Profile]] = Kept(size=3, seconds=15)
HISTORY: Kept[dict[int, list[Moment]]] = Kept(size=9, seconds=60)


@dataclass(frozen=True, slots=True)
class Line:
    """A standing, and beside it what votes alone do not say. None where nothing is known.

    `win_rate`: see `win_rates`; `seconds`: median of a response;
    `cost`: US dollars for a thousand responses; `moments`: how the rating moved since there were
    votes enough to tell one, the oldest first.
    """

    standing: StandingRecord
    win_rate: float | None
    elo: float | None
    approval: Proportion | None
    seconds: float | None
    cost: float | None
    moments: Sequence[Moment]


def lines(found: LeaderboardRecord) -> list[Line]:
    """Of a leaderboard that a page shows, best first."""
    known = kept_profiles(found.population)
    elo = _elo(found)
    moved = kept_history(found.method, found.category, found.population, found.days)
    return [
        _line(standing, win_rate, elo, known.get(standing.contender_id), moved)
        for standing, win_rate in zip(
            found.standings, win_rates(found.standings, tie_odds(found.settings)), strict=True
        )
    ]


def version() -> object:
    """Changes when a leaderboard is stored; None until there is one."""
    # The number alone would not do: a database that was emptied counts from 1 again.
    return Leaderboard.objects.order_by("-pk").values_list("pk", "computed_at").first()


def kept_profiles(population: str = Population.PEOPLE) -> dict[int, Profile]:
    return PROFILES.get(population, partial(profiles, population))


def kept_history(
    method: str, category: str, population: str, days: int | None = None
) -> dict[int, list[Moment]]:
    """Empty for slices whose leaderboards are not stored."""
    if category != OVERALL or days is not None:
        return {}
    key = (method, population)
    return HISTORY.get(key, partial(history, method=method, population=population))


def approval(profile: Profile) -> Proportion | None:
    """The share of thumbs that point up."""
    thumbs = profile.thumbs_up + profile.thumbs_down
    return wilson(profile.thumbs_up, thumbs) if thumbs else None


def _elo(found: LeaderboardRecord) -> dict[int, float]:
    if found.method == "elo":
        return {}
    online = board(
        method="elo", category=found.category, population=found.population, days=found.days
    )
    return {standing.contender_id: standing.rating for standing in online.standings}


def _line(
    standing: StandingRecord,
    win_rate: float | None,
    elo: Mapping[int, float],
    profile: Profile | None,
    moved: Mapping[int, Sequence[Moment]],
) -> Line:
    return Line(
        standing=standing,
        win_rate=win_rate,
        elo=elo.get(standing.contender_id),
        approval=approval(profile) if profile else None,
        seconds=profile.seconds if profile else None,
        cost=profile.cost if profile else None,
        moments=settled(moved.get(standing.contender_id, ())),
    )


def settled(moments: Sequence[Moment]) -> list[Moment]:
    """Those that rest on votes enough: the first few throw a rating about."""
    return [moment for moment in moments if moment.votes >= FEW]
