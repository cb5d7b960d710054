"""Calibration, raters' own agreement and categories with known answers."""

import math
import random

import pytest

from rlhf.training.data import Ranking
from rlhf.training.evaluation import pairwise_accuracy
from rlhf.training.judgement import (
    by_category,
    calibration,
    calibration_error,
    judgement,
    raters_agreement,
)


def pair(number: int, *, first_wins: bool, category: str = "") -> Ranking:
    prompt = [{"role": "user", "content": f"Prompt {number}"}]
    ranks = (1, 2) if first_wins else (2, 1)
    return Ranking(prompt, ("one", "other"), ranks, category=category)


def odds(share: float) -> float:
    return math.log(share / (1 - share))


def test_a_calibrated_model_lies_on_the_line() -> None:
    dice = random.Random(1)
    rows, scores = [], []
    for number in range(4_000):
        share = dice.uniform(0.02, 0.98)
        rows.append(pair(number, first_wins=dice.random() < share))
        scores.append([odds(share) / 2, 0.0])
    bins = calibration(rows, scores, spread=2.0)
    assert len(bins) == 5
    assert sum(one.pairs for one in bins) == 4_000
    for one in bins:
        assert one.low <= one.predicted <= one.high
        assert one.lower - 0.02 <= one.predicted <= one.upper + 0.02
    error = calibration_error(bins)
    assert error is not None
    assert error < 0.03


def test_one_that_is_too_sure_is_told_by_how_much() -> None:
    rows = [pair(number, first_wins=number < 6) for number in range(10)]
    (found,) = calibration(rows, [[odds(0.95), 0.0]] * 10, spread=1.0)
    assert (found.low, found.high) == (pytest.approx(0.9), pytest.approx(1.0))
    assert (found.observed, found.pairs) == (0.6, 10)
    assert calibration_error([found]) == pytest.approx(0.35)


def test_without_a_decided_pair_nothing_is_told() -> None:
    tied = Ranking([{"role": "user", "content": "P"}], ("one", "other"), (1, 1))
    found = judgement([], [tied], [[1.0, 0.0]], 1.0)
    assert found == {"calibration": [], "calibration_error": None, "raters": None, "categories": {}}


def test_raters_agree_as_often_as_two_votes_on_the_same_do() -> None:
    votes = [pair(1, first_wins=won) for won in (True, True, False)]
    other = Ranking(votes[0].prompt, ("other", "one"), (2, 1))  # the same, the other way round
    found = raters_agreement([*votes, other, pair(2, first_wins=True)])
    assert found is not None
    assert (found.pairs, found.rate) == (6, 0.5)


def test_where_nothing_was_judged_twice_the_ceiling_is_not_known() -> None:
    assert raters_agreement([pair(1, first_wins=True), pair(2, first_wins=True)]) is None


def test_accuracy_by_category_leaves_out_what_has_no_name() -> None:
    rows = [pair(n, first_wins=n % 2 == 0, category="coding" if n < 6 else "") for n in range(9)]
    found = dict(by_category(rows, [[1.0, 0.0]] * 9))
    assert list(found) == ["coding"]
    assert (found["coding"].rate, found["coding"].pairs) == (0.5, 6)


def test_the_pairs_of_one_prompt_count_as_one() -> None:
    """Ten times the same votes on ten prompts tell no more than once."""
    once = [pair(number, first_wins=number < 7) for number in range(10)]
    scores = [[1.0, 0.0]] * 10
    one, ten = pairwise_accuracy(once, scores), pairwise_accuracy(once * 10, scores * 10)
    assert (ten.rate, ten.pairs) == (0.7, 100)
    assert (ten.lower, ten.upper) == (pytest.approx(one.lower), pytest.approx(one.upper))
