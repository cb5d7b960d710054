"""The ranking part of the HTTP API."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema

from arena.models import Population
from ranking import selectors
from ranking.boards import LeaderboardRecord
from ranking.categories import OVERALL

router = Router(tags=["ranking"])


class StandingOut(Schema):
    rank: int
    rank_low: int | None
    rank_high: int | None
    slug: str
    name: str
    rating: float
    lower: float | None
    upper: float | None
    votes: int
    wins: int
    losses: int
    ties: int


class LeaderboardOut(Schema):
    method: str
    category: str
    population: str
    days: int | None
    computed_at: datetime
    votes: int
    settings: dict[str, Any]
    caveats: list[str]
    standings: list[StandingOut]


@router.get("leaderboard", response=LeaderboardOut, summary="The leaderboard")
def leaderboard(
    request: HttpRequest,
    method: str = "bradley-terry",
    category: str = OVERALL,
    population: str = Population.PEOPLE,
    days: int | None = None,
) -> LeaderboardRecord:
    """Standings, best first. `method`: bradley-terry, elo or plackett-luce.

    `population`: people, simulated or all. `days`: only votes of the last so many days. `votes`
    of a standing are the votes that a contender took part in; `wins`, `losses` and `ties` count
    its comparisons, of which a vote on three has two. Online Elo has no interval: its bounds
    and rank range are null.
    """
    return selectors.board(method=method, category=category, population=population, days=days)
