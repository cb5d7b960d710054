"""Which checkpoint is chosen: the written rule, on worked examples and in general."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf.training.choosing import (
    LAST,
    NONE_WITHIN,
    Point,
    choose,
    difference,
    rule_of,
    still_needed,
)
from rlhf.training.looks import spread

points = st.lists(
    st.tuples(st.booleans(), st.lists(st.floats(-5, 5), min_size=4, max_size=4)),
    min_size=1,
    max_size=8,
).map(lambda rows: [Point(n + 1, within, tuple(r)) for n, (within, r) in enumerate(rows)])


def test_the_last_within_the_limits_is_chosen() -> None:
    rising = [Point(1, True, (0.0, 0.1)), Point(2, True, (0.5, 0.6)), Point(3, True, (0.9, 1.1))]
    assert choose(rising) == (rising[2], LAST)


def test_one_that_breaks_a_limit_is_not_chosen_however_high_its_reward() -> None:
    hacked = [Point(1, True, (0.1, 0.1)), Point(2, True, (0.5, 0.6)), Point(3, False, (9.0, 9.0))]
    assert choose(hacked) == (hacked[1], LAST)


def test_an_earlier_one_is_chosen_if_it_is_clearly_better() -> None:
    fallen = [Point(4, True, (1.0, 1.2, 0.9)), Point(8, True, (0.1, 0.2, 0.0))]
    chosen, reason = choose(fallen)
    assert chosen is fallen[0]
    assert reason == "Its reward was higher than that of step 8 by 0.93 ± 0.03."


def test_noise_does_not_move_the_choice() -> None:
    noisy = [Point(4, True, (2.0, -1.0, 0.5)), Point(8, True, (-1.0, 2.0, 0.2))]
    assert difference(noisy[0], noisy[1])[0] > 0
    assert choose(noisy) == (noisy[1], LAST)


def test_if_none_is_within_the_limits_the_last_is_chosen_and_says_so() -> None:
    broken = [Point(1, False, (5.0,)), Point(2, False, (1.0,))]
    assert choose(broken) == (broken[1], NONE_WITHIN)


def test_without_a_reward_model_it_is_the_last_within_the_limits() -> None:
    unscored = [Point(1, True), Point(2, True), Point(3, False)]
    assert choose(unscored) == (unscored[1], LAST)
    assert "reward" not in rule_of(unscored)
    assert "reward" in rule_of([Point(1, True, (0.1,))])


@given(points)
def test_the_choice_is_never_outside_the_limits_if_there_is_another(found: list[Point]) -> None:
    chosen, _ = choose(found)
    assert chosen.within or not any(point.within for point in found)


@given(points)
def test_weights_that_were_let_go_are_never_chosen(found: list[Point]) -> None:
    """At each look only `still_needed` is kept; the choice at the end is among what is left."""
    left: set[int] = set()
    for count in range(1, len(found) + 1):
        left = (left | {found[count - 1].step}) & still_needed(found[:count])
    assert choose(found)[0].step in left


@pytest.mark.parametrize(
    ("steps", "times", "expected"),
    [(18, 3, {6, 12, 18}), (10, 3, {4, 7, 10}), (2, 3, {1, 2}), (5, 1, {5})],
)
def test_looks_are_evenly_spread_and_see_the_end(
    steps: int, times: int, expected: set[int]
) -> None:
    assert spread(steps, times) == expected
