"""The bootstrap of Bradley-Terry: rounds side by side are the rounds one by one."""

import numpy as np
import pytest

from ranking.estimators import BradleyTerry, Comparisons, bootstrap

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


@KINDS
@pytest.mark.parametrize("size", [8, 300])
def test_steps_side_by_side_end_where_newton_ends(kind, size, monkeypatch):
    """In points: the side-by-side steps stop a hundredth short."""
    model = BradleyTerry().fit(votes_of(kind, size))
    fast = model.draws(60, "bootstrap")
    monkeypatch.setattr(bootstrap, "_SMALL_STEP", 0.0)

    np.testing.assert_allclose(model.draws(60, "bootstrap"), fast, atol=0.02)


@KINDS
def test_draws_have_the_covariance_of_the_sandwich(kind):
    model = BradleyTerry(scale=100).fit(votes_of(kind, 1500))
    found, sandwich = np.cov(model.draws(4000, "bootstrap").T), model.covariance()

    np.testing.assert_allclose(found, sandwich, atol=0.1 * np.diag(sandwich).max())


def test_a_round_is_not_the_same_in_a_larger_batch_but_alike(monkeypatch):
    """Batches bound the memory and change nothing else."""
    model = BradleyTerry().fit(votes_of("pairs"))
    whole = model.intervals(method="bootstrap", rounds=3000)
    monkeypatch.setattr(bootstrap, "_BATCH", 1)
    single = model.intervals(method="bootstrap", rounds=3000)

    np.testing.assert_allclose(np.subtract(*single), np.subtract(*whole), rtol=0.1)
