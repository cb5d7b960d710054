"""The shape of a verdict."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.errors import Invalid
from arena.ranks import standard_ranks


@pytest.mark.parametrize(
    ("ranks", "standard"),
    [
        ([1, 2], [1, 2]),
        ([2, 1], [2, 1]),
        ([1, 1], [1, 1]),
        ([1, 2, 2], [1, 2, 2]),
        ([1, 3, 3], [1, 2, 2]),
        ([1, 1, 2], [1, 1, 3]),
        ([3, 1, 1], [3, 1, 1]),
        ([1, 3, 2], [1, 3, 2]),
    ],
)
def test_ranks_become_competition_ranks(ranks: list[int], standard: list[int]) -> None:
    assert standard_ranks(ranks, size=len(ranks)) == standard


@pytest.mark.parametrize(
    ("ranks", "reason"),
    [
        ([1], "2 ranks, not 1"),
        ([1, 2, 3], "2 ranks, not 3"),
        ([], "not 0"),
        ([0, 1], "from 1 to 2"),
        ([1, 3], "from 1 to 2"),
        ([2, 2], "rank 1"),
        ([1, True], "from 1 to 2"),
        ([1, 1.5], "from 1 to 2"),
        (["1", "2"], "from 1 to 2"),
        ([1, -1], "from 1 to 2"),
        ([1, 10**400], "from 1 to 2"),
    ],
)
def test_other_shapes_are_refused_with_the_reason(ranks: list[int], reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        standard_ranks(ranks, size=2)


def test_all_bad_goes_with_a_full_tie_only() -> None:
    assert standard_ranks([1, 1], size=2, all_bad=True) == [1, 1]
    with pytest.raises(Invalid, match="All bad"):
        standard_ranks([1, 2], size=2, all_bad=True)


@given(st.lists(st.integers(1, 3), min_size=3, max_size=3).filter(lambda ranks: 1 in ranks))
def test_normalising_keeps_the_order_and_changes_nothing_the_second_time(ranks: list[int]) -> None:
    standard = standard_ranks(ranks, size=3)
    for i in range(3):
        for j in range(3):
            assert (ranks[i] < ranks[j]) == (standard[i] < standard[j])
    assert standard_ranks(standard, size=3) == standard


@given(st.lists(st.integers(1, 3), min_size=3, max_size=3).filter(lambda ranks: 1 in ranks))
def test_swapping_positions_swaps_the_ranks(ranks: list[int]) -> None:
    assert standard_ranks(ranks[::-1], size=3) == standard_ranks(ranks, size=3)[::-1]
