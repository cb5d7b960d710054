"""The ranking part of the HTTP API."""

import csv
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema

from arena.categories import OVERALL
from arena.models import Contender, Population
from arena.streaming import Streamed
from ranking import selectors
from ranking.boards import BY_VOTE, LeaderboardRecord
from ranking.verification import COLUMNS, as_row

router = Router(tags=["ranking"])
LINES_AT_ONCE = 1_000


class StandingOut(Schema):
    rank: int | None
    rank_low: int | None
    rank_high: int | None
    significance_rank: int | None
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
    id: int | None
    method: str
    category: str
    population: str
    days: int | None
    cluster: str
    computed_at: datetime
    votes: int
    settings: dict[str, Any]
    caveats: list[str]
    digest: str
    first_vote: int | None
    last_vote: int | None
    standings: list[StandingOut]


@router.get("leaderboard", response=LeaderboardOut, summary="The leaderboard")
def leaderboard(
    request: HttpRequest,
    method: str = "bradley-terry",
    category: str = OVERALL,
    population: str = Population.PEOPLE,
    days: int | None = None,
    cluster: str = BY_VOTE,
) -> LeaderboardRecord:
    """Standings, best first. `method`: bradley-terry, elo, plackett-luce or style-controlled.

    `population`: people, simulated or all. `days`: only votes of the last so many days.
    `cluster`: vote or rater, whose errors the intervals let depend on each other.
    `significance_rank`: 1 plus the number of contenders that are significantly better. `votes`
    of a standing are the votes that a contender took part in; `wins`, `losses` and `ties` count
    its comparisons, of which a vote on three has two. Online Elo has no interval: its bounds
    and all ranks but one are null. Ranks are among those whom votes connect: a contender that
    cannot be compared with them comes last and has none. `id` is the number of a stored
    leaderboard, null if it was computed for this request; `digest` is the hash of its votes.
    """
    return selectors.board(
        method=method, category=category, population=population, days=days, cluster=cluster
    )


@router.get("leaderboards/{number}", response=LeaderboardOut, summary="A stored leaderboard")
def stored_leaderboard(request: HttpRequest, number: int) -> LeaderboardRecord:
    """As it was: it never changes. `manage.py leaderboard --verify` reproduces it."""
    return selectors.snapshot(number)


@router.get("leaderboards/{number}/votes.csv", summary="The votes of a stored leaderboard")
def votes_of_leaderboard(request: HttpRequest, number: int) -> Streamed:
    """One row for each vote, in the order cast, without any text and without the rater."""
    board = selectors.snapshot(number)
    answer = Streamed(_blocks(_rows(board)), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="leaderboard-{number}-votes.csv"'
    return answer


def _blocks(lines: Iterator[str]) -> Iterator[bytes]:
    while block := "".join(islice(lines, LINES_AT_ONCE)):
        yield block.encode()


class _Echo:
    """What csv writes to: it gives each line back."""

    def write(self, line: str) -> str:
        return line


def _rows(board: LeaderboardRecord) -> Iterator[str]:
    writer = csv.writer(_Echo(), lineterminator="\n")
    slugs = dict(Contender.objects.values_list("pk", "slug"))
    yield writer.writerow(COLUMNS)
    for ballot in selectors.votes_of(board):
        yield writer.writerow(as_row(ballot, slugs))
