"""The gate's rules: each can be broken, alone, and says by how much."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf.stages import PRESETS, UPDATES
from rlhf.training import settings
from rlhf.training.config import knobs
from rlhf.training.evaluation import Evaluation, TextQuality, with_members, with_rewards
from rlhf.training.gate import GateRules, checks, may_enter, rules_of

BASE = TextQuality(2.4, 1.8, 0.02, 0.8, 60, 0.5)
EQUAL = Evaluation(16, BASE, BASE)


def test_a_policy_that_costs_nothing_may_enter() -> None:
    assert may_enter(EQUAL) == (True, [])
    assert may_enter(replace(EQUAL, changed=1)) == (True, [])


def test_one_that_answers_as_its_base_does_has_learnt_nothing() -> None:
    passed, (reason,) = may_enter(replace(EQUAL, changed=0))
    assert not passed
    assert reason == "It answers exactly as its base does: nothing was learnt."
    for rewards in ([1.0, 2.0], [1.0, 1.0]):
        unchanged = with_rewards(replace(EQUAL, changed=0), rewards, rewards)
        broken = [check.rule for check in checks(unchanged) if not check.passed]
        assert broken == ["changed", "reward"]


def test_equal_rewards_are_no_gain_even_where_none_is_asked_for() -> None:
    """A reward model that cannot tell responses apart gives them all the same."""
    equal = with_rewards(EQUAL, [0.5, 0.5], [0.5, 0.5])
    for rules in (GateRules(), GateRules(reward_errors=0.0)):
        passed, (reason,) = may_enter(equal, rules)
        assert not passed
        assert reason == "Its reward is the same as its base's: 0.50."
    assert may_enter(with_rewards(EQUAL, [0.6, 0.5], [0.5, 0.5]), GateRules(reward_errors=0.0))[0]


@pytest.mark.parametrize(
    ("change", "rule", "word"),
    [
        ({"nll": 3.1}, "nll", "unlikely"),
        ({"nll": math.nan}, "nll", "unlikely"),
        ({"repetition": 0.2}, "repetition", "repeats"),
        ({"length": 10}, "length", "length"),
        ({"length": 200}, "length", "length"),
        ({"entropy": 0.3}, "entropy", "variety"),
        ({"distinct": 0.4}, "distinct", "alike"),
    ],
)
def test_each_damage_is_refused_with_its_reason(
    change: dict[str, float], rule: str, word: str
) -> None:
    worse = replace(EQUAL, policy=replace(BASE, **change))
    assert [check.rule for check in checks(worse) if not check.passed] == [rule]
    passed, (reason,) = may_enter(worse)
    assert not passed
    assert word in reason


def test_too_few_prompts_judge_nothing() -> None:
    few = replace(EQUAL, prompts=4)
    passed, (reason,) = may_enter(few)
    assert not passed
    assert "too few held-out prompts to enter by itself: 4 (at least 16 are required)" in reason
    assert may_enter(few, GateRules(prompts=4))[0]


@pytest.mark.parametrize("stage", ["pretrain", *UPDATES])
def test_every_preset_asks_for_enough_prompts(stage: str) -> None:
    for preset in PRESETS.values():
        told = preset.settings.get(stage, {})
        asked = told.get(
            "evaluation_prompts", knobs(settings.STAGES[stage])["evaluation_prompts"].default
        )
        assert asked >= GateRules().prompts


def test_each_rule_is_told_with_its_figure_and_its_limits() -> None:
    worse = Evaluation(16, replace(BASE, length=200, reward=1.0), replace(BASE, reward=0.5), 0.75)
    found = {check.rule: check for check in checks(worse, GateRules(length_high=1.5))}
    assert list(found) == [
        "prompts", "nll", "repetition", "length", "entropy", "distinct", "win_rate", "reward",
    ]  # fmt: skip
    length = found["length"]
    assert (length.figure, length.base) == (200, BASE.length)
    assert (length.least, length.most) == (0.3 * BASE.length, 1.5 * BASE.length)
    assert [name for name, check in found.items() if not check.passed] == ["length"]
    assert found["reward"].least == pytest.approx(0.5)
    assert found["win_rate"].as_dict()["passed"] is True


def test_a_run_s_own_limits_decide() -> None:
    config = settings.BestOfN(output="", model="", prompts="", gate_repetition_rise=0.0)
    rules = rules_of(config)
    assert rules == GateRules(repetition_rise=0.0)
    more = replace(EQUAL, policy=replace(BASE, repetition=BASE.repetition + 0.01))
    assert may_enter(more)[0]
    assert not may_enter(more, rules)[0]


def test_a_policy_that_loses_to_its_base_is_refused() -> None:
    passed, reasons = may_enter(replace(EQUAL, win_rate=0.2))
    assert not passed
    assert "20%" in reasons[0]


def test_an_update_that_its_own_reward_model_likes_less_is_refused() -> None:
    passed, reasons = may_enter(with_rewards(EQUAL, [1.0, 0.0], [2.0, 0.5]))
    assert not passed
    assert [reason.split()[1] for reason in reasons] == ["loses", "reward"]


def test_a_fall_within_its_noise_is_not_called_one() -> None:
    """Gains of -1 and 0 are on average -0.5, with a standard error of a half."""
    noisy = with_rewards(EQUAL, [0.0, 0.0], [1.0, 0.0])
    passed, reasons = may_enter(noisy)
    assert not passed
    assert reasons[-1].startswith(
        "Its reward shows no clear change: it is lower by 0.500 with a standard error of 0.500 "
        "(a gain of at least 0.820 is required)."
    )
    _, reasons = may_enter(with_rewards(EQUAL, [-1.0, -1.0], [0.0, -0.1]))
    assert reasons[-1] == "Its reward fell: \N{MINUS SIGN}1.00 against \N{MINUS SIGN}0.05."


def test_a_gain_must_stand_out_from_its_noise() -> None:
    """Gains of 1 and 0 on average half, with a standard error of a half."""
    noisy = with_rewards(EQUAL, [1.0, 0.0], [0.0, 0.0])
    passed, (reason,) = may_enter(noisy)
    assert not passed
    assert "by 0.500 (at least 0.820 is required, which is 1.64 standard errors)" in reason
    assert may_enter(noisy, GateRules(reward_errors=1.0))[0]
    assert may_enter(with_rewards(EQUAL, [2.0, 0.5], [1.0, 0.0]))[0]


def test_members_who_differ_more_than_about_the_base_speak_against_it() -> None:
    rewarded = with_rewards(EQUAL, [2.0, 2.0], [0.0, 0.0])
    doubted = with_members(rewarded, [[1.0, 3.0], [1.0, 3.0]], [[0.0, 1.0], [0.0, 1.0]])
    passed, (reason,) = may_enter(doubted)
    assert not passed
    assert "1.41 against 0.71" in reason
    assert may_enter(doubted, GateRules(spread_high=2.0))[0]


@given(st.floats(0.01, 10), st.floats(0.01, 10))
def test_less_surprise_never_hurts(nll: float, less: float) -> None:
    worse = replace(EQUAL, policy=replace(BASE, nll=nll + less))
    better = replace(EQUAL, policy=replace(BASE, nll=nll))
    assert may_enter(better)[0] or not may_enter(worse)[0]
