"""Reads of ranking: leaderboards, the counts below them, their history, who beat whom."""

from ranking.selectors.counts import (
    ballots,
    contenders_in,
    counts_by_rater,
    fresh_ballots,
    numbers,
    recent_counts,
    rows_in,
    stored_counts,
    styled_counts,
)
from ranking.selectors.emptiness import why_empty
from ranking.selectors.history import Moment, history
from ranking.selectors.leaderboards import (
    LONGEST,
    WINDOWS,
    board,
    categories,
    check_window,
    compute,
    latest,
    snapshot,
    votes_between,
    votes_of,
)
from ranking.selectors.own import own_board
from ranking.selectors.pairs import Pair, pairs

__all__ = [
    "LONGEST",
    "WINDOWS",
    "Moment",
    "Pair",
    "ballots",
    "board",
    "categories",
    "check_window",
    "compute",
    "contenders_in",
    "counts_by_rater",
    "fresh_ballots",
    "history",
    "latest",
    "numbers",
    "own_board",
    "pairs",
    "recent_counts",
    "rows_in",
    "snapshot",
    "stored_counts",
    "styled_counts",
    "votes_between",
    "votes_of",
    "why_empty",
]
