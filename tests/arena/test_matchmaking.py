"""Who meets whom."""

import random
from collections import Counter

import pytest

from arena.matchmaking import Uniform


def test_every_set_and_every_order_is_equally_likely() -> None:
    rng = random.Random(7)
    drawn = Counter(Uniform().draw([10, 20, 30], 2, rng).contenders for _ in range(6_000))
    assert set(drawn) == {(10, 20), (20, 10), (10, 30), (30, 10), (20, 30), (30, 20)}
    # Six cells of 1,000 with a standard deviation of 29 each.
    assert all(abs(count - 1_000) < 150 for count in drawn.values())


def test_the_propensity_is_the_chance_of_the_set() -> None:
    rng = random.Random(7)
    assert Uniform().draw(range(5), 2, rng).propensity == 1 / 10
    assert Uniform().draw(range(5), 3, rng).propensity == 1 / 10
    assert Uniform().draw([4], 1, rng).propensity == 1


def test_nobody_meets_themselves() -> None:
    rng = random.Random(7)
    for _ in range(100):
        assert len(set(Uniform().draw([1, 2, 3], 3, rng).contenders)) == 3


@pytest.mark.parametrize("size", [0, -1, 3])
def test_impossible_sizes_are_refused(size: int) -> None:
    with pytest.raises(ValueError):
        Uniform().draw([1, 2], size, random.Random(7))
