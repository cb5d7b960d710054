"""Evaluation numbers with known answers, and the gate."""

from __future__ import annotations

import math
import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlhf.training.data import Ranking
from rlhf.training.evaluation import (
    Evaluation,
    Likelihoods,
    TextQuality,
    clustered,
    distinct,
    divergence,
    length_baseline,
    pairwise_accuracy,
    repetition,
    text_quality,
    wilson,
    with_members,
    with_rewards,
)
from rlhf.training.sampling import Completion

BASE = TextQuality(2.4, 1.8, 0.02, 0.8, 60, 0.5)


def ranking(responses: list[str], ranks: list[int]) -> Ranking:
    return Ranking([{"role": "user", "content": "?"}], tuple(responses), tuple(ranks))


def test_repetition_counts_repeated_four_grams() -> None:
    assert repetition("a b c d e f") == 0
    assert repetition("a b c") == 0
    assert repetition("a b c d a b c d") == pytest.approx(1 / 5)


def test_divergence_is_never_negative_and_nothing_of_a_model_from_itself() -> None:
    policy = Likelihoods(torch.tensor([-2.0, -1.0], dtype=torch.float64), 1.0)
    # The base finds the very samples likelier, as it does where they were drawn at top-p.
    base = Likelihoods(torch.tensor([-1.9, -0.9], dtype=torch.float64), 1.0)
    assert base.nll - policy.nll < 0
    assert divergence(policy, base) == pytest.approx(math.exp(0.1) - 1 - 0.1)
    assert divergence(policy, policy) == 0


def test_divergence_is_the_kl_where_every_token_is_drawn_as_often_as_it_should() -> None:
    shares, others = [0.5, 0.25, 0.25], [0.25, 0.25, 0.5]
    drawn = [0, 0, 1, 2]
    own, under = ([math.log(p[i]) for i in drawn] for p in (shares, others))
    found = divergence(Likelihoods(torch.tensor(own), 0.0), Likelihoods(torch.tensor(under), 0.0))
    exact = sum(p * math.log(p / q) for p, q in zip(shares, others, strict=True))
    assert found == pytest.approx(exact, rel=1e-5)


def test_distinct_counts_bigrams_over_the_whole_set() -> None:
    assert distinct(["a b", "A b"]) == pytest.approx(0.5)
    assert distinct(["a"]) == 0


def test_accuracy_leaves_ties_out_and_halves_equal_scores() -> None:
    rows = [ranking(["x", "y", "z"], [1, 2, 2]), ranking(["x", "y"], [2, 1])]
    found = pairwise_accuracy(rows, [[3.0, 1.0, 3.0], [0.0, 1.0]])
    assert found.pairs == 3
    assert found.rate == pytest.approx(2.5 / 3)


def test_wilson_interval_of_a_textbook_case() -> None:
    assert wilson(0.8, 10) == pytest.approx((0.490, 0.943), abs=1e-3)


def test_an_interval_of_independent_marks_is_wilsons() -> None:
    marks = [1.0] * 80 + [0.0] * 20
    found = clustered(marks, [str(number) for number in range(100)])
    assert (found.lower, found.upper) == pytest.approx(wilson(0.8, 100 * 99 / 100), abs=1e-6)
    assert (found.pairs, found.prompts) == (100, 100)


def test_marks_that_come_in_tens_count_as_one_each() -> None:
    """Nine degrees of freedom: Student's quantile is 2.262, with 99 it is 1.984."""
    alike = clustered([1.0] * 80 + [0.0] * 20, [str(number // 10) for number in range(100)])
    effective = 9 * (1.984 / 2.262) ** 2
    assert (alike.lower, alike.upper) == pytest.approx(wilson(0.8, effective), abs=1e-3)


def test_intervals_over_a_handful_of_prompts_hold_the_truth_as_often_as_they_say() -> None:
    """Ten pairs on each of six prompts, right in 65 % on average, more often on easy prompts."""
    dice = random.Random(0)
    held = 0
    for _ in range(400):
        ease = [dice.betavariate(2.6, 1.4) for _ in range(6)]
        marks = [float(dice.random() < ease[number // 10]) for number in range(60)]
        found = clustered(marks, [str(number // 10) for number in range(60)])
        held += found.lower <= 0.65 <= found.upper
    assert held / 400 > 0.92


def test_all_right_is_as_sure_as_the_number_of_prompts() -> None:
    found = clustered([1.0] * 30, [str(number % 3) for number in range(30)])
    assert (found.lower, found.upper) == pytest.approx(wilson(1.0, 3))
    assert clustered([], []).upper == 1


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from("abcde")), min_size=1))
def test_an_interval_holds_its_share_and_is_never_surer_than_without_clusters(
    rows: list[tuple[float, str]],
) -> None:
    found = clustered([mark for mark, _ in rows], [cluster for _, cluster in rows])
    low, high = wilson(found.rate, len(rows))
    assert -1e-9 <= found.lower <= low + 1e-9
    assert high - 1e-9 <= found.upper <= 1 + 1e-9
    assert found.lower <= found.rate + 1e-9
    assert found.rate <= found.upper + 1e-9


def test_length_baseline_learns_its_direction_on_the_training_split() -> None:
    shorter = [ranking(["aa", "a"], [2, 1])] * 3
    assert length_baseline(shorter, shorter).rate == 1
    assert length_baseline(shorter, [ranking(["aa", "a"], [1, 2])]).rate == 0


def test_text_quality_averages() -> None:
    rows = [Completion("a b", (1, 2), True), Completion("c d e f", (1, 2, 3, 4), False)]
    quality = text_quality(rows, 2.0, 1.0)
    assert (quality.length, quality.finished, quality.repetition) == (3, 0.5, 0)


def test_rewards_give_a_win_rate_with_ties_as_halves() -> None:
    found = with_rewards(Evaluation(3, BASE, BASE), [1.0, 0.0, 2.0], [0.0, 0.0, 3.0])
    assert found.win_rate == pytest.approx(0.5)
    assert found.policy.reward == pytest.approx(1.0)
    assert found.flat()["reward_base"] == pytest.approx(1.0)


def test_differences_within_rounding_are_ties() -> None:
    """The rewards' standard deviation is 1, so a hundredth of it is the most that is a tie."""
    base = [1.0, -1.0, 1.0, -1.0]
    rounded = [1.0 + 1e-6, -1.0 + 1e-6, 1.0 + 1e-6, -1.0 - 1e-6]
    assert with_rewards(Evaluation(4, BASE, BASE), rounded, base).win_rate == 0.5
    above = [1.03, -1.0, 1.0, -1.0]
    assert with_rewards(Evaluation(4, BASE, BASE), above, base).win_rate == 0.625
    assert with_rewards(Evaluation(2, BASE, BASE), [1.0, 1.0], [1.0, 1.0]).win_rate == 0.5


def test_rewards_give_a_paired_gain_and_its_error() -> None:
    found = with_rewards(Evaluation(2, BASE, BASE), [1.0, 3.0], [0.0, 0.0])
    assert found.reward_gain == pytest.approx(2.0)
    assert found.reward_gain_error == pytest.approx(1.0)


def test_members_give_a_spread_on_both_sides_and_a_gain_each() -> None:
    plain = Evaluation(2, BASE, BASE)
    found = with_members(plain, [[1.0, 3.0], [0.0, 2.0]], [[0.0, 0.0], [1.0, 1.0]])
    assert found.policy.spread == pytest.approx(2 / 2**0.5)
    assert found.base.spread == 0.0
    assert found.members_gain == pytest.approx((0.0, 2.0))
    assert with_members(plain, [[1.0]], [[0.0]]) == plain
