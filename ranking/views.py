"""The leaderboard page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from arena.errors import ArenaError
from arena.models import Population
from ranking import selectors
from ranking.boards import LeaderboardRecord, StandingRecord


@dataclass(frozen=True, slots=True)
class Method:
    name: str
    label: str
    explained: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several links, of which one is the present page."""

    label: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Scale:
    """The rating axis that all plots of the page share, in rating points."""

    low: float
    high: float

    def percent(self, rating: float) -> float:
        return round(100 * (rating - self.low) / (self.high - self.low), 2)


@dataclass(frozen=True, slots=True)
class Line:
    """A standing, its places on the plot (0 to 100), and its online Elo."""

    standing: StandingRecord
    x: float
    x_low: float
    x_high: float
    elo: float | None


METHODS = [
    Method(
        "bradley-terry",
        "Bradley-Terry",
        "Ratings fitted to all votes at once. 400 points more mean ten times the odds to win.",
    ),
    Method(
        "elo",
        "Online Elo",
        "Ratings that move with each vote, in the order of the votes, as at a chess club.",
    ),
    Method(
        "plackett-luce",
        "Plackett-Luce",
        "Ratings fitted to whole rankings, so that a ranking of three counts as one.",
    ),
]
POPULATIONS = {
    Population.PEOPLE.value: "People",
    Population.SIMULATED.value: "Simulated raters",
    "all": "All",
}


@require_safe
def leaderboard(request: HttpRequest) -> HttpResponse:
    name = request.GET.get("method", METHODS[0].name)
    population = request.GET.get("population", Population.PEOPLE.value)
    try:
        board = _board(name, population)
    except ArenaError as refusal:
        raise Http404(refusal.reason) from refusal
    method = next(method for method in METHODS if method.name == name)
    context: dict[str, Any] = {
        "board": board,
        "method": method,
        "population": population,
        "show_elo": name != "elo",
        "has_intervals": any(line.lower is not None for line in board.standings),
        "scale": (scale := _scale(board.standings)),
        "lines": _lines(board, scale, population),
    }
    if request.headers.get("HX-Target") == "standings":
        template = "ranking/standings.html"
    else:
        template = "ranking/leaderboard.html"
        context["methods"] = [
            Choice(other.label, _href(other.name, population), other is method) for other in METHODS
        ]
        context["populations"] = [
            Choice(label, _href(name, other), other == population)
            for other, label in POPULATIONS.items()
        ]
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Target"])
    return response


def _board(method: str, population: str) -> LeaderboardRecord:
    """The newest snapshot; until the first refit is through, what it will say."""
    return selectors.board(method=method, population=population)


def _scale(standings: Sequence[StandingRecord]) -> Scale:
    lows = [_bound(line.lower, line) for line in standings]
    highs = [_bound(line.upper, line) for line in standings]
    low, high = min(lows, default=0.0), max(highs, default=0.0)
    margin = max((high - low) * 0.04, 5.0)
    return Scale(low - margin, high + margin)


def _lines(board: LeaderboardRecord, scale: Scale, population: str) -> list[Line]:
    elo = {line.contender_id: line.rating for line in _board("elo", population).standings}
    return [
        Line(
            standing=line,
            x=scale.percent(line.rating),
            x_low=scale.percent(_bound(line.lower, line)),
            x_high=scale.percent(_bound(line.upper, line)),
            elo=elo.get(line.contender_id),
        )
        for line in board.standings
    ]


def _bound(bound: float | None, line: StandingRecord) -> float:
    return line.rating if bound is None else bound


def _href(method: str, population: str) -> str:
    """The page's address with what differs from the default."""
    query = {
        key: value
        for key, value, default in (
            ("method", method, METHODS[0].name),
            ("population", population, Population.PEOPLE.value),
        )
        if value != default
    }
    return f"?{urlencode(query)}" if query else "?"
