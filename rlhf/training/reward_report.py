"""What held-out votes tell of a reward model, and what could be expected of it at best.

Its accuracy stands between two figures: that of a rule that goes by length alone, and how far two
raters agree who judged the same responses. Beside them, whether its probabilities can be believed
(calibration), and how it does in each category.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from statistics import stdev
from typing import Any

from rlhf.training.data import Ranking
from rlhf.training.evaluation import (
    Accuracy,
    accuracy_of,
    clustered,
    length_scores,
    marks_of,
)

BINS = 5  # of the favourite's probability, from one half to one
LEAST_PAIRS = 30  # fewer of a category tell nothing


@dataclass(frozen=True)
class Bin:
    """Pairs whose favourite has a probability within [low, high].

    predicted: their mean probability. observed: how often the favourite won, a tie counting one
    half, with its interval.
    """

    low: float
    high: float
    pairs: int
    predicted: float
    observed: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Agreement:
    """How often another rater's verdict on the same responses is the same.

    judgements: those that have another one beside them. comparisons: pairs of responses that more
    than one rater judged. The rate is that of `accuracy` with the other rater as the model.
    """

    accuracy: Accuracy
    comparisons: int
    raters: int


def held_out(
    train: Sequence[Ranking], test: Sequence[Ranking], raw: Sequence[Sequence[float]]
) -> dict[str, Any]:
    """Everything about the test rankings; `raw` are their scores in logits, as they were trained.

    Plain numbers for curves and lists; nested values for the page.
    """
    marks = [marks_of(one, values) for one, values in zip(test, raw, strict=True)]
    by_length = [
        marks_of(one, values) for one, values in zip(test, length_scores(train, test), strict=True)
    ]
    found, length = accuracy_of(test, marks), accuracy_of(test, by_length)
    gain, error = paired_gain(test, marks, by_length)
    return {
        "test_accuracy": found.rate,
        "test_accuracy_lower": found.lower,
        "test_accuracy_upper": found.upper,
        "test_pairs": found.pairs,
        "test_prompts": found.prompts,
        "length_only_accuracy": length.rate,
        "over_length": {
            "length_lower": length.lower,
            "length_upper": length.upper,
            "gain": gain,
            "error": error,
        },
        "raters": agreement_values(raters_agree([*train, *test])),
        "calibration": calibration(test, raw),
        "categories": {"least": LEAST_PAIRS, "lines": by_category(test, marks, by_length)},
    }


def paired_gain(
    rankings: Sequence[Ranking],
    marks: Sequence[Sequence[float]],
    others: Sequence[Sequence[float]],
) -> tuple[float, float]:
    """By how much `marks` are right more often than `others` on the same pairs, and its error.

    The standard error is that of the ratio estimator over prompts.
    """
    sums: dict[str, float] = defaultdict(float)
    counts: dict[str, int] = defaultdict(int)
    for one, row, other in zip(rankings, marks, others, strict=True):
        sums[str(one.prompt)] += sum(row) - sum(other)
        counts[str(one.prompt)] += len(row)
    total, groups = sum(counts.values()), len(counts)
    if not total:
        return math.nan, math.nan
    gain = sum(sums.values()) / total
    if groups < 2:
        return gain, math.nan
    squares = sum((sums[key] - gain * counts[key]) ** 2 for key in counts)
    return gain, math.sqrt(squares * groups / (groups - 1)) / total


def raters_agree(rankings: Sequence[Ranking]) -> Agreement | None:
    """How far raters agree on the same two responses to the same prompt; None if nobody can tell.

    Each decided verdict is held against those of all others who judged the same; an other's tie is
    half right, as equal scores of a model are. A rater who judged the same again counts once.
    """
    said: dict[tuple[str, str, str], dict[str, float]] = defaultdict(dict)
    for ranking in rankings:
        if not ranking.rater:
            continue
        ranked = sorted(zip(ranking.responses, ranking.ranks, strict=True))
        for (left, first), (right, second) in combinations(ranked, 2):
            if left != right:
                outcome = 0.5 + 0.5 * ((first < second) - (first > second))
                said[str(ranking.prompt), left, right][ranking.rater] = outcome
    repeated = {key: verdicts for key, verdicts in said.items() if len(verdicts) > 1}
    marks: list[float] = []
    clusters: list[str] = []
    for key, verdicts in repeated.items():
        total, others = sum(verdicts.values()), len(verdicts) - 1
        for outcome in verdicts.values():
            if outcome != 0.5:
                same = (total - outcome) / others
                marks.append(same if outcome else 1 - same)
                clusters.append(key[0])
    if not marks:
        return None
    raters = {rater for verdicts in repeated.values() for rater in verdicts}
    return Agreement(clustered(marks, clusters), len(repeated), len(raters))


def agreement_values(agreement: Agreement | None) -> dict[str, Any]:
    """Plain values; empty where no two raters judged the same."""
    if agreement is None:
        return {}
    told = asdict(agreement.accuracy)
    told["judgements"] = told.pop("pairs")
    return told | {"comparisons": agreement.comparisons, "raters": agreement.raters}


def calibration(rankings: Sequence[Ranking], raw: Sequence[Sequence[float]]) -> dict[str, Any]:
    """The bins with any pairs, and the expected calibration error.

    The error is the mean over pairs of the distance between a bin's predicted and observed shares
    (Naeini et al. 2015; Guo et al. 2017, arXiv:1706.04599); chance alone makes it more than zero.
    Ties count, as one half: so the model was trained.
    """
    inside: list[list[tuple[float, float, str]]] = [[] for _ in range(BINS)]
    for ranking, values in zip(rankings, raw, strict=True):
        for i, j in combinations(range(len(values)), 2):
            high, low = (i, j) if values[i] >= values[j] else (j, i)
            probability = 1 / (1 + math.exp(-min(values[high] - values[low], 500.0)))
            ranks = ranking.ranks[high], ranking.ranks[low]
            won = 0.5 + 0.5 * ((ranks[0] < ranks[1]) - (ranks[0] > ranks[1]))
            place = min(BINS - 1, int((probability - 0.5) * 2 * BINS))
            inside[place].append((probability, won, str(ranking.prompt)))
    bins = [_bin(place, pairs) for place, pairs in enumerate(inside) if pairs]
    count = sum(one.pairs for one in bins)
    error = sum(one.pairs * abs(one.predicted - one.observed) for one in bins)
    return {
        "error": error / count if count else math.nan,
        "pairs": count,
        "bins": [asdict(one) for one in bins],
    }


def _bin(place: int, pairs: Sequence[tuple[float, float, str]]) -> Bin:
    observed = clustered([won for _, won, _ in pairs], [prompt for _, _, prompt in pairs])
    return Bin(
        low=0.5 + place / (2 * BINS),
        high=0.5 + (place + 1) / (2 * BINS),
        pairs=len(pairs),
        predicted=sum(probability for probability, _, _ in pairs) / len(pairs),
        observed=observed.rate,
        lower=observed.lower,
        upper=observed.upper,
    )


def by_category(
    rankings: Sequence[Ranking],
    marks: Sequence[Sequence[float]],
    by_length: Sequence[Sequence[float]],
) -> list[dict[str, Any]]:
    """Accuracy in each category, the one with most pairs first; of a small one only its size."""
    names = {name for ranking in rankings for name in ranking.categories}
    found: list[dict[str, Any]] = []
    for name in names:
        places = [place for place, one in enumerate(rankings) if name in one.categories]
        rows = [rankings[place] for place in places]
        told = accuracy_of(rows, [marks[place] for place in places])
        line: dict[str, Any] = {
            "category": name,
            "pairs": told.pairs,
            "prompts": told.prompts,
        }
        if told.pairs >= LEAST_PAIRS:
            length = accuracy_of(rows, [by_length[place] for place in places]).rate
            line |= {"rate": told.rate, "lower": told.lower, "upper": told.upper, "length": length}
        found.append(line)
    return sorted(found, key=lambda line: (-line["pairs"], line["category"]))


def disagreement(
    rankings: Sequence[Ranking], scores: Sequence[Sequence[Sequence[float]]]
) -> dict[str, Any]:
    """How far an ensemble's members differ; empty for a lone one.

    scores: for each ranking and response, those of all members. spread: the mean over pairs of the
    standard deviation of the members' gaps, in the unit of the scores. agree, differ: accuracy of
    their mean where all members order the pair alike, and where they do not.
    """
    members = len(scores[0][0]) if scores else 1
    if members == 1:
        return {}
    spreads: list[float] = []
    alike: list[list[float]] = []
    split: list[list[float]] = []
    each: list[list[float]] = [[] for _ in range(members)]
    for ranking, rows in zip(rankings, scores, strict=True):
        alike.append([])
        split.append([])
        marks = marks_of(ranking, [sum(row) / members for row in rows])
        by_member = [marks_of(ranking, column) for column in zip(*rows, strict=True)]
        for of_all, own in zip(each, by_member, strict=True):
            of_all += own
        for mark, said in zip(marks, zip(*by_member, strict=True), strict=True):
            (alike if len(set(said)) == 1 else split)[-1].append(mark)
        spreads += [
            stdev([a - b for a, b in zip(one, other, strict=True)])
            for one, other in combinations(rows, 2)
        ]
    agree, differ = accuracy_of(rankings, alike), accuracy_of(rankings, split)
    pairs = agree.pairs + differ.pairs
    return {
        "members": members,
        "spread": sum(spreads) / len(spreads),
        "agreeing": agree.pairs / pairs if pairs else math.nan,
        "agree": asdict(agree),
        "differ": asdict(differ),
        "alone": [sum(own) / len(own) if own else math.nan for own in each],
    }
