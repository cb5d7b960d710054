"""Evidence that may be looked at after every vote."""

from math import inf, log, pi

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betaln

from rlhf.evidence import Counts, log_capital, rating_gap, weigh

few = st.integers(0, 60)


def test_without_ties_the_capital_is_the_beta_binomial_one() -> None:
    """B(w + ½, l + ½) / B(½, ½) / (mʷ (1 − m)ˡ), a closed form."""
    for wins, losses, mean in [(0, 0, 0.5), (1, 0, 0.5), (7, 3, 0.4), (500, 300, 0.55)]:
        exact = (
            betaln(wins + 0.5, losses + 0.5) - log(pi) - wins * log(mean) - losses * log(1 - mean)
        )
        assert log_capital(Counts(wins, 0, losses), mean) == pytest.approx(exact, abs=1e-9)


def test_many_votes_need_few_nodes() -> None:
    """Above some thousand votes the quadrature is no longer exact by degree; it still agrees."""
    wins, losses = 60_000, 59_000
    exact = betaln(wins + 0.5, losses + 0.5) - log(pi) + (wins + losses) * log(2)
    assert log_capital(Counts(wins, 0, losses), 0.5) == pytest.approx(exact, abs=1e-6)


@given(few, few, few, st.floats(0.05, 0.95))
def test_the_capital_is_a_martingale(wins: int, ties: int, losses: int, mean: float) -> None:
    """Bets at fair odds gain nothing: the expected capital after one more vote is that of now."""
    now = np.exp(log_capital(Counts(wins, ties, losses), mean))
    won = np.exp(log_capital(Counts(wins + 1, ties, losses), mean))
    tied = np.exp(log_capital(Counts(wins, ties + 1, losses), mean))
    lost = np.exp(log_capital(Counts(wins, ties, losses + 1), mean))
    assert mean * won + (1 - mean) * lost == pytest.approx(now, rel=1e-6)
    if mean <= 0.5:  # only ties and losses, in the proportions that have this mean
        assert 2 * mean * tied + (1 - 2 * mean) * lost == pytest.approx(now, rel=1e-6)


@given(few, few, few)
def test_sides_mirror(wins: int, ties: int, losses: int) -> None:
    one, other = weigh(Counts(wins, ties, losses)), weigh(Counts(losses, ties, wins))
    assert one.lower == pytest.approx(1 - other.upper, abs=1e-7)
    assert one.e_value == pytest.approx(other.e_value)
    assert one.needed == other.needed


@given(few, few, few)
def test_the_interval_holds_the_mean(wins: int, ties: int, losses: int) -> None:
    counts = Counts(wins, ties, losses)
    found = weigh(counts)
    assert 0 <= found.lower <= counts.mean <= found.upper <= 1
    decided = not found.lower <= 0.5 <= found.upper
    assert decided == (found.e_value > 20 * (1 + 1e-9))
    if decided:
        assert found.needed == 0


def test_nothing_is_known_without_votes() -> None:
    found = weigh(Counts())
    assert (found.lower, found.upper, found.e_value, found.needed) == (0.0, 1.0, 1.0, None)


@settings(deadline=None)
@given(st.integers(1, 40), few, st.integers(0, 20))
def test_as_many_more_votes_as_are_needed_decide(wins: int, ties: int, losses: int) -> None:
    counts = Counts(wins, ties, losses)
    needed = weigh(counts).needed
    if needed:
        enough = counts.times((counts.votes + needed) / counts.votes)
        found = weigh(enough)
        assert found.lower > 0.5 or found.upper < 0.5
        barely = counts.times((counts.votes + needed - 1) / counts.votes)
        assert weigh(barely).lower <= 0.5 <= weigh(barely).upper


def test_ties_alone_say_that_the_two_are_alike() -> None:
    found = weigh(Counts(0, 400, 0))
    assert found.needed is None
    assert found.lower > 0.4
    assert found.upper < 0.6


@pytest.mark.slow
@pytest.mark.parametrize(("wins", "ties"), [(0.5, 0.0), (0.35, 0.3), (0.6, 0.2)])
def test_it_is_rarely_wrong_however_often_one_looks(wins: float, ties: float) -> None:
    """Over 300 histories of 600 votes, looked at after each one, at most 5 % ever miss the mean."""
    dice = np.random.default_rng(7)
    mean = wins + 0.5 * ties
    missed = 0
    for _ in range(300):
        kinds = dice.choice(3, 600, p=[wins, ties, 1 - wins - ties])
        running = np.cumsum(np.eye(3)[kinds], axis=0)
        # Looking at the capital at the true mean is looking at the interval, and much cheaper.
        looks = (log_capital(Counts(*row), mean) for row in running[4::5])
        missed += any(look >= log(20) for look in looks)
    # 5 % of 300 and three standard errors more.
    assert missed <= 26


def test_a_fixed_interval_would_be_wrong_far_more_often() -> None:
    """What one gets who looks at a 95 % binomial interval after every vote."""
    dice = np.random.default_rng(7)
    missed = 0
    for _ in range(200):
        running = np.cumsum(dice.integers(0, 2, 600))
        votes = np.arange(1, 601)
        off = np.abs(running / votes - 0.5) > 1.96 * 0.5 / np.sqrt(votes)
        missed += bool(off[20:].any())
    assert missed > 60


def test_a_difference_is_found_with_a_sensible_number_of_votes() -> None:
    """A fixed test of 60 % against 50 % needs about 200 votes for a power of 80 %."""
    needed = weigh(Counts(6, 0, 4)).needed
    assert needed is not None
    assert 150 < needed < 400


def test_unfit_input_is_refused() -> None:
    with pytest.raises(ValueError, match="not negative"):
        weigh(Counts(-1, 0, 0))
    with pytest.raises(ValueError, match="level"):
        weigh(Counts(1, 0, 0), level=95)


def test_gaps_are_elo_points() -> None:
    assert rating_gap(0.5) == 0
    assert rating_gap(10 / 11) == pytest.approx(400)
    assert rating_gap(1.0) == inf
    assert rating_gap(0.0) == -inf
