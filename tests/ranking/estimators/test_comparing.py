import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr

from ranking.estimators import (
    BradleyTerry,
    Comparisons,
    StyleControlled,
    compare_pairs,
    expected_score,
    probability_of_best,
    win_rate,
)

from .votes import connected_rows, simulate_pairs

RATINGS = st.floats(-3000, 3000)


def test_fifty_points_are_57_percent():
    assert win_rate(1274, 1224) == pytest.approx(0.5715, abs=5e-5)
    assert f"{win_rate(1274, 1224):.0%}" == "57%"


def test_four_hundred_points_are_ten_to_one():
    np.testing.assert_allclose(win_rate([1400, 1000], 1000), [10 / 11, 1 / 2])


def test_another_scale_means_other_points():
    assert win_rate(1.0, 0.0, scale=1.0) == pytest.approx(1 / (1 + np.exp(-1)))


@given(RATINGS, RATINGS)
def test_it_is_elos_expected_score_and_the_two_sides_share_one(rating, other):
    assert win_rate(rating, other) == pytest.approx(expected_score(rating, other))
    assert win_rate(rating, other) + win_rate(other, rating) == pytest.approx(1)


def test_the_interval_of_a_pair_is_that_of_its_log_odds():
    """Of two contenders alone: 30 wins to 10 have the variance 1/(n p (1−p))."""
    votes = Comparisons.from_tallies({(("a", "b"), (1, 2)): 30, (("a", "b"), (2, 1)): 10})
    model = BradleyTerry().fit(votes)
    pairs = compare_pairs(model.ratings_, model.covariance())
    reach = 1.959964 / np.sqrt(40 * 0.75 * 0.25)

    assert pairs.win_rate[0, 1] == pytest.approx(0.75)
    assert pairs.lower[0, 1] == pytest.approx(1 / (1 + np.exp(reach) / 3), rel=1e-6)
    assert pairs.upper[0, 1] == pytest.approx(1 / (1 + np.exp(-reach) / 3), rel=1e-6)
    assert pairs.significant.tolist() == [[False, True], [True, False]]


@given(connected_rows())
@settings(deadline=None, max_examples=40)
def test_row_against_column_mirrors_column_against_row(rows):
    model = BradleyTerry().fit(Comparisons.from_arrays(*rows))
    pairs = compare_pairs(model.ratings_, model.covariance())

    np.testing.assert_allclose(pairs.win_rate + pairs.win_rate.T, 1)
    np.testing.assert_allclose(pairs.lower, 1 - pairs.upper.T)
    np.testing.assert_array_equal(pairs.significant, pairs.significant.T)
    np.testing.assert_array_equal(pairs.significant, (pairs.lower > 0.5) | (pairs.upper < 0.5))
    np.testing.assert_allclose(np.diag(pairs.win_rate), 0.5)
    assert not np.diag(pairs.significant).any()


def test_a_higher_level_or_few_clusters_find_fewer_differences():
    votes = simulate_pairs(np.linspace(-0.4, 0.4, 8).tolist(), 800, np.random.default_rng(2))
    model = BradleyTerry().fit(votes)
    found = model.ratings_, model.covariance()
    usual, strict, few = (
        compare_pairs(*found).significant,
        compare_pairs(*found, level=0.999).significant,
        compare_pairs(*found, clusters=3).significant,
    )

    assert strict.sum() < usual.sum()
    assert few.sum() < usual.sum()
    assert (usual | ~strict).all()


def test_overlapping_intervals_can_hide_a_significant_difference():
    pairs = compare_pairs([1000, 1030], [[100, 0], [0, 100]])

    assert 1000 + 1.96 * 10 > 1030 - 1.96 * 10
    assert pairs.significant[0, 1]


def test_a_covariance_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"2 ratings, but a covariance of shape \(1, 1\)"):
        compare_pairs([1, 2], [[1]])


def test_the_better_of_two_is_best_with_the_chance_that_their_difference_is_positive():
    votes = Comparisons.from_tallies({(("a", "b"), (1, 2)): 24, (("a", "b"), (2, 1)): 18})
    model = BradleyTerry(scale=1).fit(votes)
    gap = model.ratings_[0] - model.ratings_[1]
    error = 1 / np.sqrt(42 * (24 / 42) * (18 / 42))

    found = probability_of_best(model.draws(200_000))
    np.testing.assert_allclose(found, [ndtr(gap / error), ndtr(-gap / error)], atol=5e-3)
    np.testing.assert_allclose(
        probability_of_best(model.draws(4000, "bootstrap")), found, atol=0.03
    )


def test_equals_are_best_equally_often():
    votes = Comparisons.from_tallies(
        {((a, b), (1, 2)): 20 for a in "abcd" for b in "abcd" if a != b}
    )
    found = probability_of_best(BradleyTerry().fit(votes).draws(100_000))

    np.testing.assert_allclose(found, 0.25, atol=0.01)


def test_those_who_share_the_highest_rating_share_the_draw():
    assert probability_of_best([[2, 2, 1], [0, 1, 0]]).tolist() == [0.25, 0.75, 0]


@pytest.mark.parametrize("method", ["sandwich", "bootstrap"])
def test_draws_have_the_ratings_and_the_covariance(method):
    votes = simulate_pairs([-0.8, -0.2, 0.3, 0.7], 2000, np.random.default_rng(4))
    model = BradleyTerry(anchor={0: 1000}).fit(votes)
    drawn = model.draws(4000, method)

    np.testing.assert_allclose(drawn.mean(axis=0), model.ratings_, atol=1.5)
    np.testing.assert_allclose(np.cov(drawn.T), model.covariance(), atol=6)
    np.testing.assert_allclose(drawn.mean(axis=1), model.ratings_.mean())


def test_draws_repeat_with_their_seed():
    model = StyleControlled().fit(simulate_pairs([-1, 0, 1], 100, np.random.default_rng(1)))
    first, again, other = (model.draws(20, seed=seed) for seed in (1, 1, 2))

    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.slow
def test_intervals_of_pairs_hold_the_truth_in_95_of_100():
    """The rounds are many enough to tell (see test_intervals)."""
    strengths = np.linspace(-1, 1, 6)
    truth = win_rate(strengths[:, None], strengths, scale=1)
    above, hits = np.triu_indices(6, 1), []
    for seed in range(3000):
        model = BradleyTerry().fit(
            simulate_pairs(strengths.tolist(), 500, np.random.default_rng(seed))
        )
        found = compare_pairs(model.ratings_, model.covariance())
        hits.append(np.mean(((found.lower <= truth) & (truth <= found.upper))[above]))

    assert np.std(hits) / np.sqrt(len(hits)) <= 0.01 / 3
    assert 0.94 <= np.mean(hits) <= 0.96
