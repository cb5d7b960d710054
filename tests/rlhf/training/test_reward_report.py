"""What is told of a reward model, on votes whose figures are known."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest

from rlhf.training.data import Ranking
from rlhf.training.reward_report import (
    LEAST_PAIRS,
    by_category,
    calibration,
    disagreement,
    held_out,
    paired_gain,
    raters_agree,
)


def said(
    prompt: str,
    responses: Sequence[str],
    ranks: Sequence[int],
    rater: str = "",
    categories: Sequence[str] = (),
) -> Ranking:
    return Ranking(
        [{"role": "user", "content": prompt}],
        tuple(responses),
        tuple(ranks),
        rater=rater,
        categories=tuple(categories),
    )


def test_two_of_three_raters_agree_on_a_third_of_their_pairs_of_verdicts() -> None:
    """Each is held against the two others: a and b are half right, c not at all."""
    votes = [said("?", ["x", "y"], ranks, by) for by, ranks in
             (("a", [1, 2]), ("b", [1, 2]), ("c", [2, 1]))]  # fmt: skip
    found = raters_agree(votes)
    assert found is not None
    assert found.accuracy.rate == pytest.approx(1 / 3)
    assert (found.accuracy.pairs, found.comparisons, found.raters) == (3, 1, 3)


def test_the_same_comparison_may_stand_in_any_order_and_among_others() -> None:
    found = raters_agree(
        [said("?", ["x", "y"], [1, 2], "a"), said("?", ["z", "y", "x"], [1, 3, 2], "b")]
    )
    assert found is not None
    assert (found.accuracy.rate, found.comparisons) == (1.0, 1)


def test_a_tie_predicts_by_halves_and_is_not_predicted() -> None:
    found = raters_agree([said("?", ["x", "y"], [1, 1], "a"), said("?", ["x", "y"], [1, 2], "b")])
    assert found is not None
    assert (found.accuracy.rate, found.accuracy.pairs) == (0.5, 1)


@pytest.mark.parametrize(
    "votes",
    [
        [said("?", ["x", "y"], [1, 2], "a"), said("?", ["x", "y"], [2, 1], "a")],  # the same rater
        [said("?", ["x", "y"], [1, 2]), said("?", ["x", "y"], [2, 1])],  # nobody knows who
        [said("?", ["x", "y"], [1, 2], "a"), said("!", ["x", "y"], [2, 1], "b")],  # other prompts
        [said("?", ["x", "y"], [1, 2], "a"), said("?", ["x", "z"], [2, 1], "b")],  # other texts
        [said("?", ["x", "x"], [1, 2], "a"), said("?", ["x", "x"], [2, 1], "b")],  # equal texts
        [said("?", ["x", "y"], [1, 1], "a"), said("?", ["x", "y"], [1, 1], "b")],  # nothing decided
    ],
)
def test_where_no_two_raters_judged_the_same_nothing_is_said(votes: list[Ranking]) -> None:
    assert raters_agree(votes) is None
    assert held_out(votes, votes, [[0.0, 1.0]] * len(votes))["raters"] == {}


def test_a_model_that_knows_the_odds_is_calibrated_and_one_that_boasts_is_not() -> None:
    """3 of 4 favourites win at a gap of log 3, which says 75 %; three times the gap says 96 %."""
    votes = [
        said(str(number), ["x", "y"], [1, 2] if number % 4 else [2, 1]) for number in range(80)
    ]
    honest = calibration(votes, [[math.log(3), 0.0]] * 80)
    assert honest["error"] == pytest.approx(0, abs=1e-9)
    (one,) = honest["bins"]
    assert (one["pairs"], one["predicted"], one["observed"]) == (80, pytest.approx(0.75), 0.75)
    assert one["lower"] < 0.75 < one["upper"]
    boastful = calibration(votes, [[3 * math.log(3), 0.0]] * 80)
    assert boastful["error"] == pytest.approx(27 / 28 - 0.75)


def test_ties_are_half_a_win_in_calibration_and_gaps_may_be_huge() -> None:
    found = calibration([said("?", ["x", "y"], [1, 1])], [[5000.0, 0.0]])
    assert found["bins"][0]["observed"] == 0.5
    assert found["error"] == pytest.approx(0.5)
    assert math.isnan(calibration([], [])["error"])


def test_a_category_with_few_pairs_has_its_size_and_no_rate() -> None:
    votes = [
        said(str(number), ["x", "yy"], [1, 2], categories=["maths"] if number < 5 else ["coding"])
        for number in range(5 + LEAST_PAIRS)
    ]
    marks = [[1.0]] * len(votes)
    large, small = by_category(votes, marks, [[0.0]] * len(votes))
    assert (large["category"], large["pairs"], large["rate"], large["length"]) == (
        "coding", LEAST_PAIRS, 1.0, 0.0,
    )  # fmt: skip
    assert small == {"category": "maths", "pairs": 5, "prompts": 5}


def test_the_gain_over_a_rule_is_paired_by_prompt() -> None:
    """Both are right and wrong on the same pairs, so nothing is left to chance."""
    dice = random.Random(0)
    marks = [[float(dice.random() < 0.7)] for _ in range(50)]
    votes = [said(str(number), ["x", "y"], [1, 2]) for number in range(50)]
    assert paired_gain(votes, marks, marks) == (0.0, 0.0)
    gain, error = paired_gain(votes, [[1.0]] * 50, [[0.0]] * 25 + [[1.0]] * 25)
    assert gain == 0.5
    assert error == pytest.approx(math.sqrt(0.25 / 49))
    assert math.isnan(paired_gain([], [], [])[0])


def test_disagreement_of_two_members_on_two_pairs() -> None:
    """Both order the first pair as the votes do; on the second one errs, and so does their mean."""
    votes = [said("a", ["x", "y"], [1, 2]), said("b", ["x", "y"], [1, 2])]
    found = disagreement(votes, [[[2.0, 4.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 3.0]]])
    assert (found["members"], found["agreeing"]) == (2, 0.5)
    assert (found["agree"]["rate"], found["differ"]["rate"]) == (1.0, 0.0)
    assert found["alone"] == [1.0, 0.5]
    gaps = [(2.0, 4.0), (1.0, -3.0)]
    assert found["spread"] == pytest.approx(sum(abs(a - b) / math.sqrt(2) for a, b in gaps) / 2)


def test_a_lone_member_has_nobody_to_differ_from() -> None:
    assert disagreement([said("a", ["x", "y"], [1, 2])], [[[2.0], [0.0]]]) == {}
    assert disagreement([], []) == {}
