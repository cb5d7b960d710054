"""A rater's own leaderboard: their votes alone, beside everybody's."""

from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from arena.selectors import rater_ids
from ranking import selectors
from ranking.boards import StandingRecord
from ranking.charts.figures import UNKNOWN, rating_interval, span
from ranking.views.caveats import caveats_shown


class OwnLine(NamedTuple):
    """`others`: its rank on the newest public leaderboard, None where it has none."""

    standing: StandingRecord
    others: int | None

    @property
    def ranks(self) -> str:
        low, high = self.standing.rank_low, self.standing.rank_high
        if low is None:
            return UNKNOWN
        return f"{low}" if low == high else span(str(low), str(high))

    @property
    def interval(self) -> str:
        return rating_interval(self.standing)


@require_safe
def my_leaderboard(request: HttpRequest) -> HttpResponse:
    raters = rater_ids(user=request.user, session=request.session)
    board, votes = selectors.own_board(raters)
    public = selectors.latest(method="bradley-terry")
    others = {line.contender_id: line.rank for line in public.standings} if public else {}
    context = {
        "lines": [OwnLine(line, others.get(line.contender_id)) for line in board.standings],
        "caveats": caveats_shown(board.caveats),
        "votes": votes,
    }
    return render(request, "ranking/my_leaderboard.html", context)
