"""Intervals: what changes them, what does not, and how often they hold the truth."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings

from ranking.estimators import BradleyTerry, Comparisons, PlackettLuce

from .votes import connected_rows, simulate_pairs, simulate_rankings

FEW_EXAMPLES = settings(deadline=None, max_examples=40)
Davidson = partial(BradleyTerry, ties="davidson")
MODELS = pytest.mark.parametrize(
    "model",
    [BradleyTerry, Davidson, PlackettLuce],
    ids=["BradleyTerry", "Davidson", "PlackettLuce"],
)


def widths(model, **kwargs) -> np.ndarray:
    lower, upper = model.intervals(**kwargs)
    return upper - lower


@MODELS
@given(rows=connected_rows())
@FEW_EXAMPLES
def test_swapping_sides_changes_nothing(model, rows):
    plain = model().fit(Comparisons.from_arrays(*rows))
    swapped = model().fit(
        Comparisons.from_arrays(rows.right, rows.left, [1 - o for o in rows.outcome])
    )

    np.testing.assert_allclose(swapped.ratings_, plain.ratings_, atol=1e-6)
    np.testing.assert_allclose(swapped.intervals(), plain.intervals(), atol=1e-4)


@MODELS
@given(rows=connected_rows())
@FEW_EXAMPLES
def test_turning_every_outcome_round_mirrors_the_ratings(model, rows):
    plain = model().fit(Comparisons.from_arrays(*rows))
    turned = model().fit(
        Comparisons.from_arrays(rows.left, rows.right, [1 - o for o in rows.outcome])
    )

    np.testing.assert_allclose(turned.strengths_, -plain.strengths_, atol=1e-8)
    np.testing.assert_allclose(widths(turned), widths(plain), atol=1e-4)


@MODELS
@given(rows=connected_rows())
@FEW_EXAMPLES
def test_relabelling_permutes(model, rows):
    name = "dbeac"
    plain = model().fit(Comparisons.from_arrays(*rows))
    renamed = model().fit(
        Comparisons.from_arrays(
            [name[i] for i in rows.left], [name[i] for i in rows.right], rows.outcome
        )
    )
    order = [renamed.labels_.index(name[label]) for label in plain.labels_]

    np.testing.assert_allclose(renamed.ratings_[order], plain.ratings_, atol=1e-6)
    np.testing.assert_allclose(widths(renamed)[order], widths(plain), atol=1e-4)


@MODELS
@given(rows=connected_rows())
@FEW_EXAMPLES
def test_doubling_all_votes_keeps_ratings_and_shrinks_intervals_by_root_two(model, rows):
    """But for the least width of contenders with few votes, which `few=0` takes away."""
    once = model(few=0).fit(Comparisons.from_arrays(*rows))
    twice = model(few=0).fit(Comparisons.from_arrays(*(column * 2 for column in rows)))
    weighted = model(few=0).fit(Comparisons.from_arrays(*rows, weight=[2] * len(rows.left)))

    for doubled in (twice, weighted):
        np.testing.assert_allclose(doubled.ratings_, once.ratings_, atol=1e-6)
        np.testing.assert_allclose(widths(doubled) * np.sqrt(2), widths(once), rtol=1e-6)


@MODELS
def test_doubling_rankings_shrinks_intervals_by_root_two(model):
    votes = simulate_rankings([-1, 0, 0.5, 1], 100, np.random.default_rng(1))
    once = model().fit(votes)
    twice = model().fit(votes.weighted_by(np.full(len(votes), 2.0)))

    np.testing.assert_allclose(twice.ratings_, once.ratings_, atol=1e-6)
    np.testing.assert_allclose(widths(twice) * np.sqrt(2), widths(once), rtol=1e-6)


@MODELS
@given(rows=connected_rows())
@FEW_EXAMPLES
def test_the_order_of_votes_does_not_matter(model, rows):
    plain = model().fit(Comparisons.from_arrays(*rows))
    reversed_ = model().fit(Comparisons.from_arrays(*(column[::-1] for column in rows)))

    np.testing.assert_allclose(reversed_.ratings_, plain.ratings_, atol=1e-6)
    np.testing.assert_allclose(reversed_.intervals(), plain.intervals(), atol=1e-4)


def test_pairs_clustered_by_vote_are_the_rankings_they_came_from():
    """Rows that belong together count once, however they were written down."""
    votes = simulate_rankings([-1, 0, 0.5, 1], 300, np.random.default_rng(1))
    by_vote = BradleyTerry().fit(votes)
    labels = list(votes.labels)
    rows = BradleyTerry().fit(
        Comparisons.from_arrays(votes.left, votes.right, votes.outcome, labels=labels)
    )

    # Given clusters use Student's t and G/(G−1), so they are wider by 1 in some hundred.
    clustered = widths(rows, cluster=votes.vote)
    np.testing.assert_allclose(clustered, widths(by_vote), rtol=0.01)
    assert not np.allclose(widths(rows), widths(by_vote), rtol=0.02)


def test_clusters_of_one_vote_change_nothing():
    model = BradleyTerry().fit(simulate_pairs([-1, 0, 1], 100, np.random.default_rng(1)))

    np.testing.assert_array_equal(model.intervals(cluster=range(100)), model.intervals())


def test_a_cluster_label_for_each_vote_is_required():
    model = BradleyTerry().fit(Comparisons.from_rankings([["a", "b", "c"]], [[1, 2, 3]]))

    with pytest.raises(ValueError, match="cluster has 3 entries, but there are 1 votes"):
        model.intervals(cluster=[1, 2, 3])


@MODELS
def test_votes_of_a_single_rater_are_no_certainty(model):
    votes = simulate_pairs([-1, 0, 1], 60, np.random.default_rng(1))
    fitted = model().fit(votes.clustered_by(["one rater"] * 60))

    assert (widths(fitted) >= widths(model().fit(votes)) - 1e-9).all()
    assert any("Only 1 cluster of votes" in text for text in fitted.caveats_)


def test_a_contender_that_one_rater_saw_keeps_its_width():
    """Its scores sum to zero within that cluster, which alone would look like certainty."""
    votes = simulate_pairs([-1, 0, 1], 400, np.random.default_rng(1))
    left, right = [*votes.left.tolist(), *[3] * 10], [*votes.right.tolist(), *[1] * 10]
    outcome = [*votes.outcome.tolist(), *[1, 0] * 5]
    raters = [*np.arange(400) % 40, *[40] * 10]
    model = BradleyTerry().fit(Comparisons.from_arrays(left, right, outcome))

    assert widths(model, cluster=raters)[3] >= widths(model)[3] - 1e-9


def test_real_raters_widen_the_intervals(llmfao_votes, llmfao_raters):
    model = BradleyTerry().fit(llmfao_votes)

    assert np.mean(widths(model, cluster=llmfao_raters)) > 1.1 * np.mean(widths(model))


@MODELS
@pytest.mark.parametrize("clustered", [False, True])
def test_bootstrap_and_sandwich_agree_on_many_votes(model, clustered):
    votes = simulate_pairs([-0.8, -0.2, 0.3, 0.7], 2000, np.random.default_rng(4))
    if clustered:
        votes = votes.clustered_by(np.arange(2000) % 100)
    fitted = model().fit(votes)

    np.testing.assert_allclose(
        widths(fitted, method="bootstrap", rounds=300), widths(fitted), rtol=0.2
    )


def test_the_bootstrap_repeats_with_its_seed():
    model = BradleyTerry().fit(simulate_pairs([-1, 0, 1], 100, np.random.default_rng(1)))
    first, again, other = (
        model.intervals(method="bootstrap", rounds=20, seed=seed).lower for seed in (1, 1, 2)
    )

    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_higher_level_is_wider():
    model = BradleyTerry().fit(simulate_pairs([-1, 0, 1], 100, np.random.default_rng(1)))

    assert (widths(model, level=0.99) > widths(model, level=0.9)).all()


STRENGTHS = np.linspace(-1, 1, 6)
TRUTH = 1000 + BradleyTerry().scale * STRENGTHS


def check_coverage(fits, truth: np.ndarray, low: float = 0.94, high: float = 0.96, **kwargs):
    """The share of 95 % intervals that hold the truth, and that the rounds suffice to say so.

    Its standard error, from the spread between rounds (contenders of one round depend on each
    other), must be at most a third of the distance from 95 % to either end.
    """
    hits = []
    for fitted in fits:
        lower, upper = fitted.intervals(**kwargs)
        hits.append(np.mean((lower <= truth) & (truth <= upper)))

    assert np.std(hits) / np.sqrt(len(hits)) <= min(0.95 - low, high - 0.95) / 3
    assert low <= np.mean(hits) <= high


@pytest.mark.slow
def test_intervals_of_pairs_hold_the_truth_in_95_of_100():
    draws = (simulate_pairs(STRENGTHS.tolist(), 500, g) for g in generators(3000))
    check_coverage((BradleyTerry().fit(votes) for votes in draws), TRUTH)


@pytest.mark.slow
def test_intervals_by_bootstrap_hold_the_truth_about_as_often():
    draws = (simulate_pairs(STRENGTHS.tolist(), 500, g) for g in generators(1000))
    fits = (BradleyTerry().fit(votes) for votes in draws)
    check_coverage(fits, TRUTH, 0.93, 0.97, method="bootstrap", rounds=500)


@pytest.mark.slow
@pytest.mark.parametrize("model", [BradleyTerry, PlackettLuce])
def test_intervals_of_rankings_of_three_hold_the_truth_in_95_of_100(model):
    draws = (simulate_rankings(STRENGTHS.tolist(), 250, g) for g in generators(3000))
    check_coverage((model().fit(votes) for votes in draws), TRUTH)


@pytest.mark.slow
def test_intervals_by_rater_hold_the_truth_where_raters_are_consistently_odd():
    """Each rater adds their own taste; the truth is what many raters' votes converge to."""
    truth = odd_raters(60_000, 30, np.random.default_rng(10_000)).ratings_
    check_coverage((odd_raters(40, 30, g) for g in generators(3000)), truth)


@pytest.mark.slow
def test_bootstraps_over_raters_hold_the_truth_where_raters_are_consistently_odd():
    """Percentiles as they are hold 92 % of it with so few raters; more are in decision 3."""
    truth = odd_raters(60_000, 30, np.random.default_rng(10_000)).ratings_
    fits = (odd_raters(20, 30, g) for g in generators(1300))
    check_coverage(fits, truth, method="bootstrap", rounds=1000)


@pytest.mark.slow
def test_intervals_by_vote_are_too_narrow_where_raters_are_consistently_odd():
    """So the test above would notice if clusters were ignored."""
    truth = odd_raters(60_000, 30, np.random.default_rng(10_000)).ratings_
    hits = []
    for generator in generators(300):
        model = odd_raters(40, 30, generator)
        lower, upper = model.intervals(cluster=range(40 * 30))
        hits.append(np.mean((lower <= truth) & (truth <= upper)))

    assert np.mean(hits) < 0.92


def generators(rounds: int):
    return map(np.random.default_rng, range(rounds))


def odd_raters(raters: int, votes: int, generator: np.random.Generator) -> BradleyTerry:
    size, rater = STRENGTHS.size, np.repeat(np.arange(raters), votes)
    left = generator.integers(size, size=rater.size)
    right = (left + generator.integers(1, size, size=rater.size)) % size
    taste = STRENGTHS + 0.8 * generator.normal(size=(raters, size))
    chance = 1 / (1 + np.exp(taste[rater, right] - taste[rater, left]))
    outcome = (generator.random(rater.size) < chance).astype(float)
    return BradleyTerry().fit(Comparisons.from_arrays(left, right, outcome, cluster=rater))


def test_one_vote_is_never_a_narrow_interval() -> None:
    """A single vote that the fit explains has next to no residual, which proves nothing."""
    pairs = Comparisons.from_arrays(list("aabbac"), list("bbaaca"), [1, 1, 1, 0.5, 1, 0.5])
    once = Comparisons.from_arrays([*"aabbab", "d"], [*"bbaaba", "a"], [1, 1, 1, 0.5, 1, 0.5, 0.5])
    for votes in (pairs, once):
        model = BradleyTerry().fit(votes)
        low, high = model.intervals()
        rarest = model.labels_.index("d" if "d" in model.labels_ else "c")
        assert (high - low)[rarest] == (high - low).max()
        assert (high - low)[rarest] > 400
