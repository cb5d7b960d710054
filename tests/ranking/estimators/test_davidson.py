"""Davidson's ties in Bradley-Terry; on votes of two Plackett-Luce with ties is the same model."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.optimize import approx_fprime

from ranking.estimators import BradleyTerry, Comparisons, PlackettLuce
from ranking.estimators.connectivity import Connectivity, Links
from ranking.estimators.davidson import log_likelihood, row_scores, virtual_votes
from ranking.estimators.prior import VirtualVotes
from ranking.estimators.scores import score_variance
from ranking.estimators.tallies import PairTallies

from .votes import connected_rows, pair_rows, rankings, simulate_pairs

FEW_EXAMPLES = settings(deadline=None, max_examples=60)


def davidson(votes: Comparisons) -> BradleyTerry:
    return BradleyTerry(ties="davidson").fit(votes)


def tied(votes: Comparisons, share: float, seed: int = 0) -> Comparisons:
    """A share of the votes turned into ties."""
    outcome = votes.outcome.copy()
    outcome[np.random.default_rng(seed).random(len(votes)) < share] = 0.5
    return Comparisons.from_arrays(votes.left, votes.right, outcome, labels=votes.labels)


def test_a_worked_example():
    """Two free parameters fit three frequencies: wins 30, ties 20 and losses 10 of 60."""
    votes = Comparisons.from_tallies(
        {(("a", "b"), (1, 2)): 30, (("a", "b"), (2, 1)): 10, (("a", "b"), (1, 1)): 20}
    )
    model = davidson(votes)

    assert model.ratings_[0] - model.ratings_[1] == pytest.approx(model.scale * math.log(3))
    assert model.tie_odds_ == pytest.approx({2: 20 / math.sqrt(30 * 10)})


@given(pair_rows())
@FEW_EXAMPLES
def test_it_is_plackett_luce_on_votes_of_two(rows):
    votes = Comparisons.from_arrays(*rows, labels=range(5))
    found, oracle = davidson(votes), PlackettLuce().fit(votes)

    np.testing.assert_allclose(found.ratings_, oracle.ratings_, atol=1e-3)
    np.testing.assert_allclose(found.intervals(), oracle.intervals(), rtol=1e-4, atol=1e-2)
    assert found.tie_odds_ == pytest.approx(oracle.tie_odds_, rel=1e-4)
    assert sorted(found.caveats_) == sorted(oracle.caveats_)


def test_it_is_plackett_luce_when_clustered_by_rater():
    votes = tied(simulate_pairs([-0.5, 0, 0.4], 300, np.random.default_rng(1)), 0.3)
    raters = np.arange(300) % 25

    np.testing.assert_allclose(
        davidson(votes).intervals(cluster=raters),
        PlackettLuce().fit(votes).intervals(cluster=raters),
        atol=1e-4,
    )


@given(connected_rows())
@FEW_EXAMPLES
def test_without_ties_it_is_bradley_terry(rows):
    decided = [o if o != 0.5 else 1.0 for o in rows.outcome]
    votes = Comparisons.from_arrays(rows.left, rows.right, decided)
    found, plain = davidson(votes), BradleyTerry().fit(votes)

    np.testing.assert_array_equal(found.ratings_, plain.ratings_)
    np.testing.assert_array_equal(found.intervals(), plain.intervals())
    assert found.tie_odds_ == {}


def test_ties_at_random_leave_the_gap_where_half_wins_would_shrink_it():
    """They take wins and losses in proportion, and the odds of a decided vote stay."""
    votes = simulate_pairs([-1, 1], 3000, np.random.default_rng(3))
    before, after = (np.ptp(davidson(v).ratings_) for v in (votes, tied(votes, 0.5)))
    shrunk = np.ptp(BradleyTerry().fit(tied(votes, 0.5)).ratings_)

    assert after == pytest.approx(before, rel=0.1)
    assert shrunk < 0.7 * before


@given(pair_rows())
@FEW_EXAMPLES
def test_gradient_and_hessian_are_the_derivatives(rows):
    tallies = PairTallies.of(Comparisons.from_arrays(*rows, labels=range(5)))
    core = VirtualVotes.against_core(Connectivity.of(Links.of(tallies)), weight=1.0)
    virtual = virtual_votes(core, tallies)
    point = np.array([0.3, -0.8, 1.1, 0.0, -0.4, 0.5])
    here = log_likelihood(tallies, virtual, point)

    numeric = approx_fprime(point, lambda x: log_likelihood(tallies, virtual, x).value)
    np.testing.assert_allclose(here.gradient, numeric, atol=1e-5)
    hessian = approx_fprime(point, lambda x: log_likelihood(tallies, virtual, x).gradient)
    np.testing.assert_allclose(here.information, -hessian, atol=1e-5)


@given(rankings())
@FEW_EXAMPLES
def test_scores_of_a_vote_of_three_are_added_up(votes):
    """Each vote by itself, through the gradient of its own tallies."""
    comparisons = Comparisons.from_rankings(*votes, labels=range(5))
    nothing = VirtualVotes.even(np.zeros((0, 6)), 1.0)
    point = np.array([0.3, -0.8, 1.1, 0.0, -0.4, 0.5])
    alone = [
        log_likelihood(
            PairTallies.of(Comparisons.from_rankings([items], [ranks], labels=range(5))),
            nothing,
            point,
        ).gradient
        for items, ranks in zip(*votes, strict=True)
    ]
    expected = sum((np.outer(s, s) for s in alone), np.zeros((6, 6)))

    found = score_variance(comparisons, 1, row_scores(comparisons, point))
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_bootstrap_and_sandwich_agree_on_many_votes():
    model = davidson(tied(simulate_pairs([-0.5, 0, 0.4], 1500, np.random.default_rng(1)), 0.3))

    np.testing.assert_allclose(
        np.subtract(*model.intervals(method="bootstrap", rounds=300)),
        np.subtract(*model.intervals()),
        rtol=0.2,
    )


def test_other_ties_are_refused():
    with pytest.raises(ValueError, match="unknown ties 'rao-kupper'; use 'half' or 'davidson'"):
        BradleyTerry(ties="rao-kupper")


@pytest.mark.slow
def test_intervals_hold_the_truth_in_95_of_100():
    """The rounds are many enough to tell (see test_intervals)."""
    strengths, hits = np.linspace(-1, 1, 5), []
    truth = 1000 + BradleyTerry().scale * strengths
    for seed in range(3000):
        lower, upper = davidson(simulate_davidson(strengths, 500, seed)).intervals()
        hits.append(np.mean((lower <= truth) & (truth <= upper)))

    assert np.std(hits) / np.sqrt(len(hits)) <= 0.01 / 3
    assert 0.94 <= np.mean(hits) <= 0.96


def simulate_davidson(strengths: np.ndarray, votes: int, seed: int) -> Comparisons:
    """Votes of two; between equals a tie is as likely as a win."""
    generator, size = np.random.default_rng(seed), strengths.size
    left = generator.integers(size, size=votes)
    right = (left + generator.integers(1, size, size=votes)) % size
    gap = strengths[left] - strengths[right]
    odds = np.stack([np.exp(-gap / 2), np.ones(votes), np.exp(gap / 2)])
    below = np.cumsum(odds / odds.sum(axis=0), axis=0)
    outcome = 0.5 * (generator.random(votes) > below[:2]).sum(axis=0)
    return Comparisons.from_arrays(left, right, outcome, labels=range(size))
