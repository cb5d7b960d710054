"""Ratings beside what the style of a response explains: its length, looks, place and speed."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ranking.boards import LEVEL, Board, as_labels, as_lines, as_ratings, inference
from ranking.counting import Ballot, SliceCounts, Who
from ranking.estimators import (
    Comparisons,
    StyleControlled,
    latency_difference,
    position_differences,
    style_differences,
)
from ranking.estimators.covariates import STYLE

Table = NDArray[np.float64]


def rank_with_style(
    ballots: Sequence[Ballot],
    counts: SliceCounts,
    who: Mapping[int, Who],
    anchor: Mapping[int, float] | None = None,
) -> Board:
    """Standings as if all responses had the same style, of votes that have one.

    `counts` are those of the same ballots, the intervals clustered as they say. The settings
    say what each covariate adds to the log-odds of winning, with its interval.
    """
    ids = counts.tallies.contenders
    labels = as_labels(ids, who)
    comparisons = Comparisons.from_rankings(
        [[labels[contender] for contender in ballot.lineup] for ballot in ballots],
        [ballot.ranks for ballot in ballots],
        cluster=None if counts.by_rater is None else [ballot.rater for ballot in ballots],
        labels=[labels[contender] for contender in ids],
    )
    names, covariates = _covariates(ballots)
    estimator = StyleControlled(anchor={labels[c]: to for c, to in (anchor or {}).items()} or None)
    settings = {**vars(estimator), **inference(counts.raters)}
    estimator.fit(comparisons, covariates)
    effects = zip(
        names, estimator.coefficients_, *estimator.coefficient_intervals(LEVEL), strict=True
    )
    settings["coefficients"] = {name: [float(end) for end in ends] for name, *ends in effects}
    ratings = as_ratings(estimator, comparisons.n_clusters, settings)
    return Board(ratings.settings, ratings.caveats, as_lines(who, ratings, counts.tallies))


def _covariates(ballots: Sequence[Ballot]) -> tuple[list[str], Table]:
    """Their names, and (rows, F) differences of each pair of each vote, in order."""
    left, right = [], []
    for ballot in ballots:
        sides = [(*counts, place) for place, counts in enumerate(ballot.style)]
        for one, other in combinations(sides, 2):
            left.append(one)
            right.append(other)
    ours, theirs = (
        np.array(side, np.float64).reshape(-1, len(STYLE) + 2) for side in (left, right)
    )
    looks, latency, place = slice(0, len(STYLE)), len(STYLE), len(STYLE) + 1
    positions = max((len(ballot.lineup) for ballot in ballots), default=2)
    columns = [
        style_differences(ours[:, looks], theirs[:, looks]),
        position_differences(ours[:, place], theirs[:, place], positions),
    ]
    names = [*STYLE, *(f"position {'ABC'[number]}" for number in range(positions - 1))]
    if not np.isnan(ours[:, latency]).all():
        columns.append(latency_difference(ours[:, latency], theirs[:, latency]))
        names.append("time")
    return names, np.hstack(columns)
