import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.estimators import rank_ranges
from ranking.estimators.ranks import ranks


def test_equal_ratings_share_a_rank_and_the_next_is_skipped():
    assert ranks([1200.0, 1100.0, 1100.0 + 1e-9, 900.0]).tolist() == [1, 2, 2, 4]


def test_overlapping_intervals_share_a_range():
    result = rank_ranges([1200, 1150, 1000], [1180, 1100, 950], [1220, 1190, 1050])

    assert result.rank.tolist() == [1, 2, 3]
    assert result.low.tolist() == [1, 1, 3]
    assert result.high.tolist() == [2, 2, 3]


def test_intervals_that_touch_are_not_apart():
    result = rank_ranges([1100, 1000], [1050, 950], [1150, 1050])

    assert result.low.tolist() == [1, 1]
    assert result.high.tolist() == [2, 2]


def test_nobody_has_no_ranks():
    assert rank_ranges([], [], []).rank.size == 0


def test_shapes_that_differ_are_refused():
    with pytest.raises(ValueError, match="differ"):
        rank_ranges([1, 2], [1], [2])


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_ranges_are_what_counting_gives(rows):
    rating = np.array([row[0] for row in rows], float)
    lower = rating - [row[1] for row in rows]
    upper = rating + [row[2] for row in rows]
    result = rank_ranges(rating, lower, upper)

    for i in range(len(rows)):
        assert result.rank[i] == 1 + (rating > rating[i]).sum()
        assert result.low[i] == 1 + (lower > upper[i]).sum()
        assert result.high[i] == (upper >= lower[i]).sum()
        assert result.low[i] <= result.rank[i] <= result.high[i]
