"""How far a reward model can be trusted, beyond one accuracy: calibration, raters, categories.

Calibration: of the pairs that it gives 70 %, do raters prefer that side in 70 %? The ceiling: they
disagree with one another, and no model can agree with them more than they do themselves.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rlhf.training.data import Ranking
from rlhf.training.evaluation import Accuracy, pairwise_accuracy, wilson

BINS = 5
LEAST_PAIRS = 20
"""Fewer pairs say nothing about a category."""

Scores = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Bin:
    """Pairs whose favoured side was given a probability from `low` to `high`.

    predicted: their mean probability; observed: the share in which raters preferred that side, with
    its 95 % Wilson interval.
    """

    low: float
    high: float
    predicted: float
    observed: float
    lower: float
    upper: float
    pairs: int


def judgement(
    train: Sequence[Ranking], test: Sequence[Ranking], scores: Scores, spread: float
) -> dict[str, Any]:
    """What summary.json keeps. scores: of the test rankings' responses; `spread` times a difference
    of two of them is the log-odds that the reward model gives."""
    bins = calibration(test, scores, spread)
    ceiling = raters_agreement([*train, *test])
    return {
        "calibration": [asdict(one) for one in bins],
        "calibration_error": calibration_error(bins),
        "raters": asdict(ceiling) if ceiling else None,
        "categories": {name: asdict(found) for name, found in by_category(test, scores)},
    }


def calibration(rankings: Sequence[Ranking], scores: Scores, spread: float) -> list[Bin]:
    """Bins of equal width from 0.5 to 1, those without a pair left out; ties are no verdict."""
    found: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for row, values in zip(rankings, scores, strict=True):
        for i, j in _pairs(row):
            gap = spread * (values[i] - values[j])
            sure = 1 / (1 + math.exp(-min(abs(gap), 500.0)))
            won = 0.5 if gap == 0 else float((row.ranks[i] < row.ranks[j]) == (gap > 0))
            found[min(BINS - 1, int((sure - 0.5) * 2 * BINS))].append((sure, won))
    return [_bin(place, found[place]) for place in sorted(found)]


def _bin(place: int, pairs: Sequence[tuple[float, float]]) -> Bin:
    share = wilson(sum(won for _, won in pairs), len(pairs))
    return Bin(
        low=0.5 + place / (2 * BINS),
        high=0.5 + (place + 1) / (2 * BINS),
        predicted=sum(sure for sure, _ in pairs) / len(pairs),
        observed=share.rate,
        lower=share.lower,
        upper=share.upper,
        pairs=len(pairs),
    )


def calibration_error(bins: Sequence[Bin]) -> float | None:
    """Expected calibration error (Naeini et al. 2015): mean distance of predicted from observed."""
    whole = sum(one.pairs for one in bins)
    if not whole:
        return None
    return sum(one.pairs * abs(one.predicted - one.observed) for one in bins) / whole


def raters_agreement(rankings: Sequence[Ranking]) -> Accuracy | None:
    """Of two votes on the same two responses to the same prompt, how often both prefer the same.

    Each pair of votes counts once; a tie says neither. None where nothing was judged twice.
    """
    said: dict[tuple[str, str, str], list[bool]] = defaultdict(list)
    for row in rankings:
        for i, j in _pairs(row):
            one, other = sorted((i, j), key=lambda place: row.responses[place])
            if row.responses[one] != row.responses[other]:
                item = (str(row.prompt), row.responses[one], row.responses[other])
                said[item].append(row.ranks[one] < row.ranks[other])
    alike, count, items = 0, 0, 0
    for votes in said.values():
        first, n = sum(votes), len(votes)
        alike += math.comb(first, 2) + math.comb(n - first, 2)
        count += math.comb(n, 2)
        items += n > 1
    if not count:
        return None
    rate = alike / count
    share = wilson(rate * items, items)  # pairs of votes on one item are not independent
    return Accuracy(rate, share.lower, share.upper, count)


def by_category(rankings: Sequence[Ranking], scores: Scores) -> list[tuple[str, Accuracy]]:
    """Accuracy within each category that has a name, the largest first."""
    parts: dict[str, tuple[list[Ranking], list[Sequence[float]]]] = {}
    for row, values in zip(rankings, scores, strict=True):
        if row.category:
            rows, theirs = parts.setdefault(row.category, ([], []))
            rows.append(row)
            theirs.append(values)
    found = [(name, pairwise_accuracy(*part)) for name, part in parts.items()]
    return sorted(
        [(name, share) for name, share in found if share.pairs],
        key=lambda entry: (-entry[1].pairs, entry[0]),
    )


def _pairs(row: Ranking) -> Iterator[tuple[int, int]]:
    """Places of two responses that are not tied."""
    for i in range(len(row.ranks)):
        for j in range(i + 1, len(row.ranks)):
            if row.ranks[i] != row.ranks[j]:
                yield i, j
