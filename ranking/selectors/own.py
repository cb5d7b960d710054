"""The leaderboard of some raters' votes alone."""

from collections.abc import Set

from arena.models import Population
from ranking.boards import Board, rank_contenders
from ranking.counting import count_ballots
from ranking.models import CountedVote
from ranking.selectors.counts import ballots, contenders_in


def own_board(raters: Set[int]) -> tuple[Board, int]:
    """Bradley-Terry of the counted votes of these raters as people, and how many there are.

    Whoever signed up later has the votes from before too: they are found by their battles.
    """
    own = CountedVote.objects.filter(vote__battle__rater__in=raters)
    rows = own.filter(population=Population.PEOPLE).order_by("pk")
    counts = count_ballots(ballots(rows))
    if not counts.tallies:
        return Board({}, [], ()), 0
    return rank_contenders("bradley-terry", counts, contenders_in(counts)), counts.votes
