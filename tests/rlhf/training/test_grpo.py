"""How rewards of a group become advantages, by TRL's own arithmetic with what it is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf.training import settings
from rlhf.training.config import build_config
from rlhf.training.errors import InputError
from rlhf.training.grpo import advantages

REWARDS = st.lists(st.floats(-100, 100), min_size=2, max_size=16)


def leave_one_out(rewards: list[float]) -> list[float]:
    """The weighted rewards minus their mean: TRL scales nothing more."""
    told = advantages("leave-one-out", len(rewards))
    assert told.pop("scale_rewards") == "none"
    (weight,) = told.pop("reward_weights")
    assert not told
    weighted = [weight * reward for reward in rewards]
    mean = sum(weighted) / len(weighted)
    return [reward - mean for reward in weighted]


@pytest.mark.parametrize(
    ("rewards", "expected"),
    [([1, 2, 6], [-3, -1.5, 4.5]), ([0, 1], [-1, 1]), ([2, 2, 2, 2], [0, 0, 0, 0])],
)
def test_worked_examples(rewards: list[float], expected: list[float]) -> None:
    assert leave_one_out(rewards) == pytest.approx(expected)


@given(REWARDS)
def test_each_is_held_against_the_mean_of_the_others(rewards: list[float]) -> None:
    others = len(rewards) - 1
    expected = [reward - (sum(rewards) - reward) / others for reward in rewards]
    assert leave_one_out(rewards) == pytest.approx(expected, abs=1e-9)


@given(REWARDS)
def test_they_sum_to_zero(rewards: list[float]) -> None:
    assert sum(leave_one_out(rewards)) == pytest.approx(0, abs=1e-9)


def test_the_default_is_the_group() -> None:
    assert settings.Grpo(output="", model="", prompts="").baseline == "group"
    assert advantages("group", 8) == {"scale_rewards": "group"}


def test_another_baseline_is_refused() -> None:
    values = {"output": "", "model": "", "prompts": "", "baseline": "none"}
    with pytest.raises(InputError, match="baseline"):
        build_config(settings.Grpo, values)
