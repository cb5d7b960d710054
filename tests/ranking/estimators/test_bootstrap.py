"""The bootstrap: rounds side by side are the rounds one by one, of every model."""

from dataclasses import replace

import numpy as np
import pytest

from ranking.estimators import (
    BradleyTerry,
    Comparisons,
    PlackettLuce,
    StyleControlled,
    bootstrap,
    reweighting,
)

from .votes import simulate_pairs, simulate_rankings

STRENGTHS = [-1, -0.2, 0.3, 0.9]


def votes_of(kind: str, size: int = 300) -> Comparisons:
    generator = np.random.default_rng(5)
    if kind == "rankings":
        return simulate_rankings(STRENGTHS, size, generator)
    votes = simulate_pairs(STRENGTHS, size, generator)
    if kind == "raters":
        return votes.clustered_by(np.arange(size) % 30)
    if kind == "tallies":
        return BradleyTerry().fit(votes).tallies_.comparisons(votes.labels)
    return votes


KINDS = pytest.mark.parametrize("kind", ["pairs", "tallies", "rankings", "raters"])


def styled(votes: Comparisons) -> StyleControlled:
    covariates = np.random.default_rng(1).normal(size=(len(votes), 2))
    return StyleControlled().fit(votes, covariates)


def with_ties(votes: Comparisons) -> Comparisons:
    """Every seventh vote a tie of all."""
    vote = np.arange(len(votes)) if votes.vote is None else votes.vote
    outcome = np.where(vote % 7 == 0, 0.5, votes.outcome)
    return replace(votes, outcome=outcome)


MODELS = pytest.mark.parametrize(
    "fit",
    [
        lambda votes: BradleyTerry().fit(votes),
        lambda votes: BradleyTerry(ties="davidson").fit(with_ties(votes)),
        lambda votes: PlackettLuce().fit(with_ties(votes)),
        styled,
    ],
    ids=["BradleyTerry", "Davidson", "PlackettLuce", "StyleControlled"],
)


@MODELS
@KINDS
@pytest.mark.parametrize("size", [8, 300])
def test_steps_side_by_side_end_where_newton_ends(fit, kind, size, monkeypatch):
    """In points: the side-by-side steps stop a hundredth short."""
    model = fit(votes_of(kind, size))
    fast = model.draws(60, "bootstrap")
    monkeypatch.setattr(bootstrap, "_SMALL_STEP", 0.0)

    np.testing.assert_allclose(model.draws(60, "bootstrap"), fast, atol=0.02)


@MODELS
@KINDS
def test_draws_have_the_covariance_of_the_sandwich(fit, kind):
    model = fit(votes_of(kind, 1500))
    found = np.cov(model.draws(3000, "bootstrap").T)
    sandwich = model.covariance()

    np.testing.assert_allclose(found, sandwich, atol=0.12 * np.diag(sandwich).max())


@pytest.mark.parametrize("model", [BradleyTerry, PlackettLuce])
def test_equal_rankings_draw_one_weight_together(model):
    """So that the cost does not grow with their number, however they were handed over."""
    items = [["a", "b", "c"], ["c", "a", "b"], ["a", "b", "d"]]
    votes = Comparisons.from_rankings(items * 4, [[1, 2, 3], [3, 1, 2], [2, 3, 1]] * 4)
    reweighted = model().fit(votes)._reweighted(votes)

    assert sorted(reweighted.units.shapes) == [4, 8]


def test_a_given_cluster_draws_one_weight_for_all_its_votes():
    votes = Comparisons.from_arrays([0, 0, 1], [1, 1, 0], [1, 1, 1], cluster=["x", "x", "y"])
    units = reweighting.Units.of(votes, 2, np.array([0, 0, 1]), np.arange(3))
    weight = units.draw(np.random.default_rng(0), 5)
    x, y = units.draw(np.random.default_rng(0), 5)

    assert weight.shape == (2, 5)
    np.testing.assert_array_equal(weight, [x, y])
    np.testing.assert_array_equal(units.entries.toarray(), [[2, 0], [0, 1]])


def test_a_round_is_not_the_same_in_a_larger_batch_but_alike(monkeypatch):
    """Batches bound the memory and change nothing else."""
    model = BradleyTerry().fit(votes_of("pairs"))
    whole = model.intervals(method="bootstrap", rounds=3000)
    monkeypatch.setattr(bootstrap, "_BATCH", 1)
    single = model.intervals(method="bootstrap", rounds=3000)

    np.testing.assert_allclose(np.subtract(*single), np.subtract(*whole), rtol=0.1)
