import math

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.optimize import approx_fprime

from ranking.estimators import BradleyTerry, Comparisons, PlackettLuce
from ranking.estimators.choices import Choices

from .votes import connected_rows, rankings, simulate_rankings


@pytest.mark.parametrize("name", ["rankings-1", "rankings-2"])
def test_choix_rankings_are_solved(choix_case, name):
    case = choix_case(name)
    ranks = [list(range(1, len(order) + 1)) for order in case["data"]]
    model = PlackettLuce().fit(Comparisons.from_rankings(case["data"], ranks))

    np.testing.assert_allclose(model.strengths_, case["ml_est"], atol=1e-4)


@pytest.mark.parametrize("name", ["top1-1", "top1-2"])
def test_choix_choices_of_one_are_solved(choix_case, name):
    case = choix_case(name)
    votes = Comparisons.from_rankings(
        [[winner, *losers] for winner, losers in case["data"]],
        [[1] + [2] * len(losers) for _, losers in case["data"]],
    )
    model = PlackettLuce(unranked_last=True).fit(votes)

    np.testing.assert_allclose(model.strengths_, case["ml_est"], atol=1e-6)
    assert model.tie_odds_ == {}


@given(connected_rows())
def test_pairs_without_ties_are_bradley_terry(rows):
    decided = [o if o != 0.5 else 1.0 for o in rows.outcome]
    votes = Comparisons.from_arrays(rows.left, rows.right, decided)
    luce, terry = PlackettLuce().fit(votes), BradleyTerry().fit(votes)

    np.testing.assert_allclose(luce.ratings_, terry.ratings_, atol=1e-7)
    np.testing.assert_allclose(luce.intervals(), terry.intervals(), atol=1e-5)


def test_ties_of_two_have_the_odds_of_davidsons_model():
    """Equal contenders, 10 wins each and 20 ties: P(tie) = δ/(2 + δ) = 1/2, so δ = 2."""
    votes = Comparisons.from_tallies(
        {(("a", "b"), (1, 2)): 10, (("a", "b"), (2, 1)): 10, (("a", "b"), (1, 1)): 20}
    )
    model = PlackettLuce().fit(votes)

    assert model.tie_odds_ == pytest.approx({2: 2.0})
    np.testing.assert_allclose(model.ratings_, 1000)


def test_ties_of_two_leave_the_odds_of_a_win():
    """Davidson: P(win)/P(loss) is the ratio of the strengths, whatever the ties."""
    votes = Comparisons.from_tallies(
        {(("a", "b"), (1, 2)): 30, (("a", "b"), (2, 1)): 10, (("a", "b"), (1, 1)): 20}
    )
    model = PlackettLuce(scale=1).fit(votes)

    # Two free parameters fit three frequencies: wins 30, ties 20 and losses 10 of 60.
    assert model.ratings_[0] - model.ratings_[1] == pytest.approx(math.log(3))
    assert model.tie_odds_[2] == pytest.approx(20 / math.sqrt(30 * 10))


@given(rankings())
@settings(deadline=None, max_examples=50)
def test_gradient_and_hessian_are_the_derivatives(votes):
    comparisons = Comparisons.from_rankings(*votes, labels=range(5))
    choices = Choices.of(comparisons, unranked_last=False)
    counts = choices.counts(comparisons.weight)
    point = np.linspace(-0.6, 0.9, 5 + len(choices.orders))
    here = choices.evaluate(point, 5, counts)

    numeric = approx_fprime(point, lambda x: choices.evaluate(x, 5, counts).value)
    np.testing.assert_allclose(here.gradient, numeric, atol=1e-5)
    hessian = approx_fprime(point, lambda x: choices.evaluate(x, 5, counts).gradient)
    np.testing.assert_allclose(here.information, -hessian, atol=1e-5)


@given(rankings())
@settings(deadline=None, max_examples=50)
def test_any_rankings_give_finite_ratings_and_intervals(votes):
    model = PlackettLuce().fit(Comparisons.from_rankings(*votes, labels=range(5)))

    assert np.isfinite(model.ratings_).all()
    assert np.isfinite(model.intervals()).all()
    assert all(math.isfinite(odds) and odds > 0 for odds in model.tie_odds_.values())
    assert model.caveats_


def test_probabilities_of_all_outcomes_of_three_sum_to_one():
    """Every ranking of three with ties, weighted by nothing but the model."""
    patterns = [(1, 2, 3), (1, 3, 2), (2, 1, 3), (3, 1, 2), (2, 3, 1), (3, 2, 1), (1, 1, 3),
                (1, 3, 1), (3, 1, 1), (1, 2, 2), (2, 1, 2), (2, 2, 1), (1, 1, 1)]  # fmt: skip
    votes = Comparisons.from_rankings([0, 1, 2], patterns)
    choices = Choices.of(votes, unranked_last=False)
    point = np.array([0.4, -0.3, 0.1, 0.2, -0.5])

    def probability(vote: int) -> float:
        weight = (votes.vote == vote).astype(float)
        return math.exp(choices.evaluate(point, 3, choices.counts(weight)).value)

    assert choices.orders == (2, 3)
    assert sum(probability(vote) for vote in range(13)) == pytest.approx(1)


def test_only_ties_are_finite_and_say_so():
    model = PlackettLuce().fit(Comparisons.from_rankings(["a", "b", "c"], [[1, 1, 1]] * 5))

    np.testing.assert_allclose(model.ratings_, 1000)
    assert math.isfinite(model.tie_odds_[3])
    assert any("odds of one rest on a prior" in text for text in model.caveats_)


def test_ties_that_explain_every_order_are_finite():
    """One win and two ties in a circle: without the prior the odds of a tie have no limit."""
    votes = Comparisons.from_arrays(["a", "b", "c"], ["b", "c", "a"], [1, 0.5, 0.5])
    model = PlackettLuce().fit(votes)

    assert np.abs(model.ratings_ - 1000).max() < 1500
    assert np.isfinite(model.intervals()).all()


def test_ties_in_too_many_ways_are_refused():
    votes = Comparisons.from_rankings(list(range(20)), [1] * 10 + list(range(2, 12)))

    with pytest.raises(ValueError, match="too many for PlackettLuce; use BradleyTerry"):
        PlackettLuce().fit(votes)


def test_without_votes_everybody_is_average():
    model = PlackettLuce().fit(Comparisons.from_rankings([], [], labels="abc"))

    assert model.ratings_.tolist() == [1000] * 3
    assert np.isfinite(model.intervals()).all()


def test_strengths_behind_simulated_rankings_are_found():
    true = np.array([-0.8, -0.2, 0.3, 0.7])
    model = PlackettLuce().fit(simulate_rankings(true.tolist(), 4000, np.random.default_rng(2)))

    np.testing.assert_allclose(model.strengths_, true, atol=0.1)


def test_bootstrap_and_sandwich_intervals_are_alike():
    votes = simulate_rankings([-0.8, -0.2, 0.3, 0.7], 400, np.random.default_rng(2))
    model = PlackettLuce().fit(votes)
    sandwich = np.subtract(*model.intervals())
    bootstrap = np.subtract(*model.intervals(method="bootstrap", rounds=200))

    np.testing.assert_allclose(bootstrap, sandwich, rtol=0.3)
