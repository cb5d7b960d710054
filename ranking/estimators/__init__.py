"""Votes to ratings: pure numpy and scipy, without the web application.

>>> from ranking.estimators import BradleyTerry, Comparisons
>>> votes = Comparisons.from_arrays(["a", "a", "b"], ["b", "b", "a"], [1, 0.5, 1])
>>> BradleyTerry().fit(votes).ratings_
array([1000., 1000.])
"""

from .bradley_terry import BradleyTerry
from .comparisons import Comparisons
from .elo import Elo, elo_update, expected_score
from .plackett_luce import PlackettLuce
from .ranks import Ranks, rank_ranges
from .results import Interval

__all__ = [
    "BradleyTerry",
    "Comparisons",
    "Elo",
    "Interval",
    "PlackettLuce",
    "Ranks",
    "elo_update",
    "expected_score",
    "rank_ranges",
]
