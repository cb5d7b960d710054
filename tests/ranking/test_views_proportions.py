"""Shares and their intervals."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ranking.selectors.proportions import Z, wilson


def test_a_textbook_case() -> None:
    """Newcombe (1998), Statistics in Medicine 17, table I: 81 of 263 gives 0.2553 to 0.3662."""
    found = wilson(81, 263)
    assert found.lower == pytest.approx(0.2553, abs=5e-5)
    assert found.upper == pytest.approx(0.3662, abs=5e-5)


@example((248, 124))  # all of them
@example((368, 184))
@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, 2 * n), st.just(n))))
def test_its_ends_are_the_shares_that_are_just_not_ruled_out(case: tuple[int, int]) -> None:
    """The definition: at either end the observed share is z standard errors away."""
    halves, total = case
    found = wilson(halves / 2, total)
    for end in (found.lower, found.upper):
        variance = end * (1 - end) / total
        assert (found.share - end) ** 2 == pytest.approx(Z * Z * variance, abs=1e-12)
    assert 0 <= found.lower <= found.share <= found.upper <= 1


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_failures_mirror_successes(case: tuple[int, int]) -> None:
    successes, total = case
    one, other = wilson(successes, total), wilson(total - successes, total)
    assert one.lower == pytest.approx(1 - other.upper, abs=1e-12)


@pytest.mark.parametrize(("successes", "total"), [(0, 0), (3, 2), (-1, 2)])
def test_impossible_counts_raise(successes: int, total: int) -> None:
    with pytest.raises(ValueError, match="successes of"):
        wilson(successes, total)
