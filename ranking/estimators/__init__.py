"""Votes to ratings: pure numpy and scipy, without the web application.

>>> from ranking.estimators import BradleyTerry, Comparisons
>>> votes = Comparisons.from_arrays(["a", "a", "b"], ["b", "b", "a"], [1, 0.5, 1])
>>> BradleyTerry().fit(votes).ratings_
array([1000., 1000.])
"""

from .agreement import (
    CrowdAgreement,
    Judgements,
    RaterPair,
    agreement_with_crowd,
    cohen_kappas,
    krippendorff_alpha,
)
from .bradley_terry import BradleyTerry
from .comparing import Pairs, compare_pairs, probability_of_best, win_rate
from .comparisons import Comparisons
from .covariates import latency_difference, position_differences, style_differences
from .elo import Elo, elo_update, expected_score
from .leverage import Leverage, leverage
from .plackett_luce import PlackettLuce
from .ranks import Ranks, rank_ranges
from .results import Interval
from .significance import significantly_better
from .style import StyleControlled
from .style_features import StyleCounts, count_style

__all__ = [
    "BradleyTerry",
    "Comparisons",
    "CrowdAgreement",
    "Elo",
    "Interval",
    "Judgements",
    "Leverage",
    "Pairs",
    "PlackettLuce",
    "Ranks",
    "RaterPair",
    "StyleControlled",
    "StyleCounts",
    "agreement_with_crowd",
    "cohen_kappas",
    "compare_pairs",
    "count_style",
    "elo_update",
    "expected_score",
    "krippendorff_alpha",
    "latency_difference",
    "leverage",
    "position_differences",
    "probability_of_best",
    "rank_ranges",
    "significantly_better",
    "style_differences",
    "win_rate",
]
