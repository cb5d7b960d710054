"""Which of many differences are significant."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ranking.estimators import BradleyTerry, Comparisons, Interval, significantly_better
from ranking.estimators.significance import discoveries

from .votes import simulate_pairs

# Benjamini & Hochberg (1995), section 4.1: fifteen comparisons of treatments, of which the
# procedure finds the four with the smallest p-values and Bonferroni's three.
PUBLISHED = [
    0.0001,
    0.0004,
    0.0019,
    0.0095,
    0.0201,
    0.0278,
    0.0298,
    0.0344,
    0.0459,
    0.3240,
    0.4262,
    0.5719,
    0.6528,
    0.7590,
    1.0000,
]


def around(ratings, reach):
    return Interval(np.subtract(ratings, reach), np.add(ratings, reach))


def test_the_published_example():
    found = discoveries(PUBLISHED, 0.05)
    assert found.sum() == 4
    assert found[:4].all()


def test_the_order_of_the_tests_does_not_matter():
    found = discoveries(PUBLISHED[::-1], 0.05)
    assert found[-4:].all()
    assert found.sum() == 4


def test_a_smaller_one_that_fails_alone_is_found_with_a_larger_one():
    assert discoveries([0.04, 0.045], 0.05).all()
    assert not discoveries([0.04, 0.06], 0.05).any()


def test_no_tests_find_nothing():
    assert discoveries([], 0.05).shape == (0,)


def test_two_intervals_may_overlap_although_the_difference_is_significant():
    """Two independent ratings, 3 standard errors of their difference apart."""
    ratings, error = [1030.0, 970.0], 20.0 / np.sqrt(2.0)
    interval = around(ratings, 1.96 * error)
    assert interval.lower[0] < interval.upper[1] + 5.0
    better = significantly_better(ratings, np.diag([error**2] * 2), interval)
    assert better.tolist() == [[False, True], [False, False]]


def test_what_two_ratings_share_does_not_hide_their_difference():
    ratings, covariance = [1010.0, 990.0], 900.0 * np.array([[1.0, 0.99], [0.99, 1.0]])
    interval = around(ratings, 1.96 * 30.0)
    assert significantly_better(ratings, covariance, interval)[0, 1]
    assert not significantly_better(ratings, np.diag(np.diag(covariance)), interval).any()


def test_wider_intervals_than_the_covariance_says_are_believed():
    ratings, covariance = [1030.0, 970.0], np.diag([1.0, 1.0])
    assert significantly_better(ratings, covariance, around(ratings, 1.96)).any()
    assert not significantly_better(ratings, covariance, around(ratings, 100.0)).any()


@pytest.mark.parametrize("size", [0, 1])
def test_nobody_is_better_than_nobody(size):
    nothing = np.zeros((size, size))
    assert not significantly_better(np.zeros(size), nothing, around(np.zeros(size), 0.0)).any()


def test_a_covariance_of_another_size_is_refused():
    with pytest.raises(ValueError, match="2 ratings"):
        significantly_better([1.0, 2.0], np.eye(3), around([1.0, 2.0], 1.0))


@given(arrays(np.float64, st.integers(1, 8), elements=st.floats(-2000, 2000)))
def test_it_follows_the_ratings_and_is_never_mutual(ratings):
    better = significantly_better(ratings, 50.0 * np.eye(ratings.size), around(ratings, 14.0))
    assert not (better & better.T).any()
    assert (ratings[:, None] > ratings[None, :])[better].all()


def test_few_of_what_is_found_is_wrong():
    """Twenty contenders, half of them equal to another one: about one in twenty at most."""
    strengths = np.repeat(np.linspace(-0.6, 0.6, 10), 2)
    truth = np.subtract.outer(strengths, strengths)
    shares, found = [], 0
    for seed in range(60):
        fitted = BradleyTerry().fit(simulate_pairs(strengths, 4000, np.random.default_rng(seed)))
        better = significantly_better(
            fitted.ratings_, fitted.covariance(), Interval(*fitted.intervals())
        )
        found += int(better.sum())
        shares.append(better[truth <= 0.0].sum() / max(better.sum(), 1))
    assert found > 60 * 90
    assert np.mean(shares) < 0.05


def test_among_equals_it_seldom_finds_anything():
    nothing = 0
    for seed in range(100):
        fitted = BradleyTerry().fit(simulate_pairs(np.zeros(10), 1000, np.random.default_rng(seed)))
        interval = Interval(*fitted.intervals())
        nothing += not significantly_better(fitted.ratings_, fitted.covariance(), interval).any()
    assert nothing >= 88


def test_raters_with_tastes_of_their_own_prove_less():
    """Forty votes of each of four raters, three of whom always prefer the first."""
    raters = np.repeat(np.arange(4), 40)
    votes = Comparisons.from_arrays(
        ["a"] * 160, ["b"] * 160, np.where(raters == 3, 0.0, 1.0), cluster=raters
    )
    fitted = BradleyTerry().fit(votes)
    interval, clusters = fitted.intervals(), votes.n_clusters
    assert significantly_better(
        fitted.ratings_,
        fitted.covariance(cluster=np.arange(160)),
        BradleyTerry().fit(votes.clustered_by_vote()).intervals(),
    ).any()
    assert not significantly_better(
        fitted.ratings_, fitted.covariance(), interval, clusters=clusters
    ).any()
