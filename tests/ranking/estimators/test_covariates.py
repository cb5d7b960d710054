import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.estimators.covariates import (
    latency_difference,
    position_differences,
    style_differences,
)
from ranking.estimators.style_features import StyleCounts

COUNTS = st.lists(
    st.tuples(*[st.tuples(*[st.integers(0, 10_000)] * 4)] * 2).map(
        lambda pair: tuple(StyleCounts(*side) for side in pair)
    ),
    min_size=1,
    max_size=8,
)


def test_twice_as_much_is_one_unit():
    long, short = StyleCounts(2_000_000, 0, 0, 0), StyleCounts(1_000_000, 0, 0, 0)

    np.testing.assert_allclose(style_differences([long], [short]), [[1, 0, 0, 0]], atol=1e-6)


def test_a_worked_example_of_style():
    """(a − b)/(a + b + 1), times three."""
    left, right = StyleCounts(30, 1, 0, 5), StyleCounts(10, 0, 4, 5)

    np.testing.assert_allclose(
        style_differences([left], [right]), [[3 * 20 / 41, 3 / 2, -3 * 4 / 5, 0]]
    )


@given(COUNTS)
def test_differences_are_antisymmetric_and_bounded(rows):
    left, right = zip(*rows, strict=True)
    found = style_differences(left, right)

    np.testing.assert_array_equal(style_differences(right, left), -found)
    assert (np.abs(found) < 3).all()


@given(COUNTS)
def test_the_difference_of_one_vote_depends_on_no_other_vote(rows):
    left, right = zip(*rows, strict=True)

    np.testing.assert_array_equal(
        style_differences(left[:1], right[:1]), style_differences(left, right)[:1]
    )


def test_no_votes_have_no_differences():
    assert style_differences([], []).shape == (0, 4)
    assert latency_difference([], []).shape == (0, 1)
    assert position_differences([], [], 3).shape == (0, 2)


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        ([[1, 2, 3]], [[1, 2, 3]], "expected 4 columns"),
        ([1, 2, 3, 4], [1, 2, 3, 4], "expected 4 columns"),
        ([[1, 2, 3, -4]], [[1, 2, 3, 4]], "not negative"),
        ([[1, 2, 3, float("nan")]], [[1, 2, 3, 4]], "finite"),
        ([[1, 2, 3, 4]] * 2, [[1, 2, 3, 4]], "left has the shape"),
    ],
)
def test_impossible_counts_are_refused(left, right, message):
    with pytest.raises(ValueError, match=message):
        style_differences(left, right)


def test_latency_is_in_units_of_twice_as_long_and_unknown_is_no_difference():
    found = latency_difference([2.0, 1.0, np.nan, 0.0, 5.0], [1.0, 2.0, 1.0, 0.0, 0.0])

    np.testing.assert_allclose(found, [[1], [-1], [0], [0], [3]])


@pytest.mark.parametrize("time", [-1.0, float("inf")])
def test_an_impossible_latency_is_refused(time):
    with pytest.raises(ValueError, match="not negative"):
        latency_difference([time], [1.0])


def test_positions_are_compared_with_the_last():
    found = position_differences([0, 0, 1, 2], [1, 2, 2, 0], 3)

    assert found.tolist() == [[1, -1], [1, 0], [0, 1], [-1, 0]]


def test_two_positions_have_one_column():
    assert position_differences([0, 1], [1, 0], 2).tolist() == [[1], [-1]]


@pytest.mark.parametrize("position", [2, -1, 0.5])
def test_an_unknown_position_is_refused(position):
    with pytest.raises(ValueError, match="whole numbers from 0 to 1"):
        position_differences([0], [position], 2)
