"""Style-controlled Bradley-Terry: what it removes, what it leaves, and dense oracles for both."""

import numpy as np
import pytest
from hypothesis import given, settings
from scipy.optimize import approx_fprime
from scipy.special import expit

from ranking.estimators import BradleyTerry, Comparisons, StyleControlled, style_differences
from ranking.estimators.prior import VirtualVotes
from ranking.estimators.scores import score_variance
from ranking.estimators.style import log_likelihood, row_scores

from .votes import pair_rows, rankings, simulate_rankings

FEW_EXAMPLES = settings(deadline=None, max_examples=40)
STRENGTHS = np.array([-0.6, -0.1, 0.2, 0.5])
EFFECT = np.array([0.5, -0.3])


def swayed(votes: int, seed: int, ties: float = 0.1) -> tuple[Comparisons, np.ndarray]:
    """Votes of four contenders that two covariates sway, a share of them turned into ties."""
    generator = np.random.default_rng(seed)
    left = generator.integers(4, size=votes)
    right = (left + generator.integers(1, 4, size=votes)) % 4
    # The stronger write differently, so that leaving the covariates out misleads.
    covariates = generator.normal(size=(votes, 2)) + (STRENGTHS[left] - STRENGTHS[right])[:, None]
    chance = expit(STRENGTHS[left] - STRENGTHS[right] + covariates @ EFFECT)
    outcome = (generator.random(votes) < chance).astype(float)
    outcome[generator.random(votes) < ties] = 0.5
    return Comparisons.from_arrays(left, right, outcome, labels=range(4)), covariates


def design(votes: Comparisons, covariates: np.ndarray) -> np.ndarray:
    """(n, K + F) dense: each row times the parameters is the log-odds of left."""
    sides = np.eye(len(votes.labels))
    return np.hstack([sides[votes.left] - sides[votes.right], covariates])


def dense_covariance(model: StyleControlled, votes, covariates, cluster) -> np.ndarray:
    """The sandwich, one line for each of its layers, on the scale of the strengths."""
    x = design(votes, covariates)
    point = np.concatenate([model.strengths_, model.coefficients_])
    expected = expit(x @ point)
    scores = (votes.outcome - expected)[:, None] * x
    summed = np.array([scores[cluster == c].sum(axis=0) for c in np.unique(cluster)])
    held = np.diag([0.0] * len(votes.labels) + [1.0] * covariates.shape[1])
    at_one = expit(point)
    information = (x.T * expected * (1 - expected)) @ x + held * at_one * (1 - at_one)
    prior = held * 0.5 * ((1 - at_one) ** 2 + at_one**2)
    bread = np.linalg.pinv(information)
    return bread @ (summed.T @ summed + prior) @ bread


def half_widths(interval) -> np.ndarray:
    return (interval.upper - interval.lower) / (2 * 1.959963985)


def test_without_covariates_it_is_bradley_terry():
    votes = simulate_rankings([-1, 0, 0.5, 1], 200, np.random.default_rng(1))
    plain, styled = BradleyTerry().fit(votes), StyleControlled().fit(votes)

    np.testing.assert_allclose(styled.ratings_, plain.ratings_, atol=1e-8)
    np.testing.assert_allclose(styled.intervals(), plain.intervals(), atol=1e-6)
    assert styled.caveats_ == plain.caveats_
    assert styled.coefficients_.shape == (0,)


def test_a_longer_answer_no_longer_counts_as_a_stronger_contender():
    """Two equals, of which one writes twice as much and wins for it; sometimes they swap."""
    generator = np.random.default_rng(3)
    left = generator.integers(2, size=4000)
    wordy = np.where(generator.random(4000) < 0.8, left == 0, left == 1)
    counts = np.zeros((4000, 4)), np.zeros((4000, 4))
    counts[0][:, 0], counts[1][:, 0] = np.where(wordy, 400, 200), np.where(wordy, 200, 400)
    outcome = (generator.random(4000) < expit(np.where(wordy, 0.8, -0.8))).astype(float)
    votes = Comparisons.from_arrays(left, 1 - left, outcome)

    misled = BradleyTerry().fit(votes).intervals()
    styled = StyleControlled().fit(votes, style_differences(*counts))
    lower, upper = styled.intervals()
    low, high = styled.coefficient_intervals()

    assert misled.lower[0] > misled.upper[1]
    assert (lower < 1000).all()
    assert (upper > 1000).all()
    # Twice as much is one unit, up to the 1 in the denominator.
    assert low[0] < 0.8 < high[0]
    assert high[0] - low[0] < 0.2
    assert (low[1:] < 0).all()
    assert (high[1:] > 0).all()


def test_the_estimate_solves_the_dense_score_equations():
    votes, covariates = swayed(500, 1)
    model = StyleControlled().fit(votes, covariates)
    x = design(votes, covariates)
    point = np.concatenate([model.strengths_, model.coefficients_])
    score = x.T @ (votes.outcome - expit(x @ point))
    score[4:] += 0.5 - expit(model.coefficients_)

    np.testing.assert_allclose(score, 0, atol=1e-6)


def test_intervals_of_pairs_are_those_of_a_dense_sandwich():
    votes, covariates = swayed(300, 2)
    model = StyleControlled(scale=1).fit(votes, covariates)
    dense = dense_covariance(model, votes, covariates, np.arange(300))
    errors = half_widths(model.coefficient_intervals())

    np.testing.assert_allclose(model.covariance(), dense[:4, :4], rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(errors, np.sqrt(np.diag(dense)[4:]), rtol=1e-6)


def test_intervals_by_rater_are_those_of_a_dense_sandwich_widened_by_t():
    votes, covariates = swayed(300, 2)
    raters = np.arange(300) % 30
    model = StyleControlled(scale=1).fit(votes, covariates)
    dense = dense_covariance(model, votes, covariates, raters) * 30 / 29
    errors = half_widths(model.coefficient_intervals(cluster=raters))

    # Not to the last digit, since the prior's share is not widened by 30/29.
    np.testing.assert_allclose(model.covariance(cluster=raters), dense[:4, :4], rtol=1e-3)
    t_over_normal = 2.045230 / 1.959964
    np.testing.assert_allclose(errors, t_over_normal * np.sqrt(np.diag(dense)[4:]), rtol=1e-3)


def test_a_weight_of_two_is_two_votes():
    votes, covariates = swayed(200, 2)
    rows = votes.left, votes.right, votes.outcome
    weighted = StyleControlled().fit(Comparisons.from_arrays(*rows, weight=[2] * 200), covariates)
    twice = StyleControlled().fit(
        Comparisons.from_arrays(*(np.tile(row, 2) for row in rows)), np.tile(covariates, (2, 1))
    )

    np.testing.assert_allclose(weighted.ratings_, twice.ratings_, atol=1e-6)
    np.testing.assert_allclose(weighted.intervals(), twice.intervals(), atol=1e-4)
    np.testing.assert_allclose(weighted.coefficients_, twice.coefficients_, atol=1e-8)
    np.testing.assert_allclose(
        weighted.coefficient_intervals(), twice.coefficient_intervals(), atol=1e-6
    )


def test_doubling_all_votes_keeps_ratings_and_shrinks_intervals_by_root_two():
    """Up to the one virtual vote for each covariate."""
    votes, covariates = swayed(5000, 2)
    once = StyleControlled().fit(votes, covariates)
    twice = StyleControlled().fit(votes.weighted_by(np.full(5000, 2.0)), covariates)

    np.testing.assert_allclose(twice.ratings_, once.ratings_, atol=0.1)
    for one, two in (
        (once.intervals(), twice.intervals()),
        (once.coefficient_intervals(), twice.coefficient_intervals()),
    ):
        np.testing.assert_allclose(half_widths(two) * np.sqrt(2), half_widths(one), rtol=1e-3)


def test_intervals_of_rankings_are_those_of_a_dense_sandwich_clustered_by_vote():
    votes = simulate_rankings([-0.5, 0, 0.2, 0.4], 200, np.random.default_rng(5))
    covariates = np.random.default_rng(6).normal(size=(len(votes), 2))
    model = StyleControlled(scale=1).fit(votes, covariates)
    dense = dense_covariance(model, votes, covariates, votes.vote)

    np.testing.assert_allclose(model.covariance(), dense[:4, :4], rtol=1e-6, atol=1e-12)
    found = model.coefficient_intervals()
    np.testing.assert_allclose(half_widths(found), np.sqrt(np.diag(dense)[4:]), rtol=1e-6)


@given(rankings())
@FEW_EXAMPLES
def test_votes_of_any_sizes_have_the_dense_variance_of_the_score(votes):
    comparisons = Comparisons.from_rankings(*votes, labels=range(5))
    covariates = np.random.default_rng(1).normal(size=(len(comparisons), 2))
    point = np.array([0.3, -0.8, 1.1, 0.0, -0.4, 0.7, -0.2])
    x = design(comparisons, covariates)
    scores = (comparisons.outcome - expit(x @ point))[:, None] * x
    vote = np.arange(len(comparisons)) if comparisons.vote is None else comparisons.vote
    summed = np.zeros((comparisons.n_votes, 7))
    np.add.at(summed, vote, scores)

    found = score_variance(comparisons, 2, row_scores(comparisons, covariates.T, point))
    np.testing.assert_allclose(found, summed.T @ summed, atol=1e-9)


@given(pair_rows())
@FEW_EXAMPLES
def test_gradient_and_hessian_are_the_derivatives(rows):
    votes = Comparisons.from_arrays(*rows, labels=range(5))
    columns = np.random.default_rng(2).normal(size=(2, len(votes)))
    virtual = VirtualVotes.even(np.eye(7)[5:], 1.0)
    point = np.array([0.3, -0.8, 1.1, 0.0, -0.4, 0.7, -0.2])
    here = log_likelihood(votes, columns, virtual, point)

    numeric = approx_fprime(point, lambda x: log_likelihood(votes, columns, virtual, x).value)
    np.testing.assert_allclose(here.gradient, numeric, atol=1e-5)
    hessian = approx_fprime(point, lambda x: log_likelihood(votes, columns, virtual, x).gradient)
    np.testing.assert_allclose(here.information, -hessian, atol=1e-5)


def test_swapping_sides_turns_the_covariates_and_changes_nothing():
    votes, covariates = swayed(400, 4)
    swapped = Comparisons.from_arrays(votes.right, votes.left, 1 - votes.outcome, labels=range(4))
    plain, turned = (
        StyleControlled().fit(votes, covariates),
        StyleControlled().fit(swapped, -covariates),
    )

    np.testing.assert_allclose(turned.ratings_, plain.ratings_, atol=1e-6)
    np.testing.assert_allclose(turned.coefficients_, plain.coefficients_, atol=1e-8)
    np.testing.assert_allclose(turned.intervals(), plain.intervals(), atol=1e-4)


def test_the_unit_of_a_covariate_changes_no_rating():
    """Up to the one virtual vote for each covariate."""
    votes, covariates = swayed(5000, 4)
    plain = StyleControlled().fit(votes, covariates)
    other = StyleControlled().fit(votes, covariates * [10, 0.1])

    np.testing.assert_allclose(other.ratings_, plain.ratings_, atol=0.5)
    np.testing.assert_allclose(other.coefficients_ * [10, 0.1], plain.coefficients_, atol=0.01)


def test_the_order_of_votes_does_not_matter():
    votes, covariates = swayed(400, 4)
    order = np.random.default_rng(0).permutation(400)
    plain = StyleControlled().fit(votes, covariates)
    shuffled = StyleControlled().fit(
        Comparisons.from_arrays(votes.left[order], votes.right[order], votes.outcome[order]),
        covariates[order],
    )

    np.testing.assert_allclose(shuffled.ratings_, plain.ratings_, atol=1e-6)
    np.testing.assert_allclose(
        shuffled.coefficient_intervals(), plain.coefficient_intervals(), atol=1e-8
    )


def test_bootstrap_and_sandwich_agree_on_many_votes():
    model = StyleControlled().fit(*swayed(2000, 4))

    np.testing.assert_allclose(
        half_widths(model.intervals(method="bootstrap", rounds=200)),
        half_widths(model.intervals()),
        rtol=0.2,
    )


@pytest.mark.parametrize("covariate", [0.0, 1.0])
def test_a_covariate_that_never_differs_stays_finite(covariate):
    votes, _ = swayed(100, 4)
    model = StyleControlled().fit(votes, np.full((100, 1), covariate))

    assert np.isfinite(model.ratings_).all()
    assert np.isfinite(model.intervals()).all()
    assert np.isfinite(model.coefficient_intervals()).all()


def test_a_covariate_that_explains_every_vote_stays_finite():
    votes = Comparisons.from_arrays(["a", "b", "a", "b"], ["b", "a"] * 2, [1, 1, 0, 0])
    model = StyleControlled().fit(votes, [[1.0], [1.0], [-1.0], [-1.0]])

    assert model.coefficients_[0] > 1
    assert np.isfinite(model.intervals()).all()
    assert np.isfinite(model.coefficient_intervals()).all()


@given(pair_rows())
@FEW_EXAMPLES
def test_any_votes_give_finite_ratings_and_intervals(rows):
    covariates = np.random.default_rng(7).normal(size=(len(rows.left), 2))
    model = StyleControlled().fit(Comparisons.from_arrays(*rows, labels=range(5)), covariates)

    for found in (model.ratings_, model.intervals(), model.coefficient_intervals()):
        assert np.isfinite(found).all()


def test_no_votes_are_no_ratings():
    model = StyleControlled().fit(Comparisons.from_arrays([], [], []), np.zeros((0, 4)))

    assert model.ratings_.size == 0
    assert model.coefficients_.tolist() == [0.0] * 4


@pytest.mark.parametrize(
    ("covariates", "message"),
    [
        (np.zeros((3, 1)), "3, 1.* there are 2 rows"),
        (np.zeros(2), "2,.* there are 2 rows"),
        ([[0.0, 1.0], [0.0, np.nan]], "row 1: covariate 1 is nan"),
    ],
)
def test_impossible_covariates_are_refused(covariates, message):
    with pytest.raises(ValueError, match=message):
        StyleControlled().fit(Comparisons.from_arrays("ab", "ba", [1, 1]), covariates)


@pytest.mark.slow
def test_intervals_hold_the_truth_in_95_of_100():
    """Of ratings and coefficients; the rounds are many enough to tell (see test_intervals)."""
    truth, hits = np.concatenate([STRENGTHS, EFFECT]), []
    for seed in range(3000):
        model = StyleControlled(scale=1, mean=0).fit(*swayed(500, seed, ties=0))
        lower, upper = np.concatenate([model.intervals(), model.coefficient_intervals()], axis=1)
        hits.append(np.mean((lower <= truth) & (truth <= upper)))

    assert np.std(hits) / np.sqrt(len(hits)) <= 0.01 / 3
    assert 0.94 <= np.mean(hits) <= 0.96
