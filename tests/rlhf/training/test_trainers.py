"""A step is cut into parts that fit in memory."""

from hypothesis import given
from hypothesis import strategies as st

from rlhf.training.trainers import largest_part


@given(rows=st.integers(1, 4096), at_most=st.integers(1, 512))
def test_parts_are_equal_and_as_large_as_allowed(rows: int, at_most: int) -> None:
    part = largest_part(rows, at_most)
    assert part <= at_most
    assert rows % part == 0
    assert all(rows % larger for larger in range(part + 1, min(rows, at_most) + 1))
