"""Active matchmaking: votes are asked for where they narrow the intervals most."""

import random
from itertools import combinations

import numpy as np
import pytest
from django.conf import LazySettings
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit

from arena.matchmaking import Candidate, draw_set, wanted
from arena.models import Population
from ranking import tasks
from ranking.estimators import BradleyTerry, Comparisons
from ranking.estimators.design import covariance, gains, wanted_pairs
from ranking.matchmaking import Active
from tests.ranking.ballots import cast, contender
from tests.ranking.estimators.votes import simulate_pairs

FloatArray = NDArray[np.float64]


@st.composite
def situations(draw: st.DrawFn) -> tuple[FloatArray, FloatArray]:
    """Strengths and a covariance of three to eight contenders, known very unequally."""
    size = draw(st.integers(3, 8))
    number = st.floats(-3, 3)
    strengths = np.array(draw(st.lists(number, min_size=size, max_size=size)))
    votes = np.zeros((size, size))
    for i, j in combinations(range(size), 2):
        votes[i, j] = votes[j, i] = draw(st.sampled_from([0, 1, 10, 1_000]))
    information = np.diag(votes.sum(axis=1)) - votes
    return strengths, np.asarray(np.linalg.inv(0.2 * information + np.eye(size) / 4), np.float64)


@given(situation=situations())
def test_the_gain_is_what_one_more_comparison_does_to_the_trace(
    situation: tuple[FloatArray, FloatArray],
) -> None:
    strengths, spread = situation
    found = gains(strengths, spread)
    for i, j in combinations(range(len(strengths)), 2):
        d = np.zeros(len(strengths))
        d[i], d[j] = 1.0, -1.0
        p = expit(strengths[i] - strengths[j])
        after = np.linalg.inv(np.linalg.inv(spread) + p * (1 - p) * np.outer(d, d))
        assert found[i, j] == pytest.approx(np.trace(spread) - np.trace(after), rel=1e-6, abs=1e-9)
        assert found[j, i] == pytest.approx(found[i, j])


@given(situation=situations())
def test_nobody_is_in_more_than_half_of_the_pairs(
    situation: tuple[FloatArray, FloatArray],
) -> None:
    pairs = wanted_pairs(gains(*situation))
    share = 2 * pairs.sum(axis=1) / pairs.sum()
    assert pairs == pytest.approx(pairs.T)
    assert (pairs[~np.eye(len(pairs), dtype=bool)] > 0).all()
    if len(pairs) > 4:
        assert share.max() < 0.51


def test_the_covariance_is_the_known_one_of_a_balanced_design() -> None:
    """n battles of each pair of K equals: variance (1 − 1/K) / (K n/4) about the mean of all."""
    pairs = np.array(list(combinations(range(4), 2)))
    votes = Comparisons.from_arrays(
        pairs.ravel(), pairs[:, ::-1].ravel(), np.ones(12), weight=np.full(12, 50)
    )
    spread = covariance(BradleyTerry().fit(votes))
    about_the_mean = spread - spread.mean(axis=0)
    assert np.diag(about_the_mean) == pytest.approx(np.full(4, 0.75 / 100), rel=0.01)


def active(fitted: BradleyTerry) -> FloatArray:
    return wanted_pairs(gains(fitted.strengths_, covariance(fitted)))


def test_newcomers_are_wanted_most_until_they_are_known_as_well() -> None:
    generator = np.random.default_rng(5)
    known = simulate_pairs([0.5, 0.2, 0, -0.2, -0.5], 2_000, generator)
    field = Comparisons.from_arrays(known.left, known.right, known.outcome, labels=range(6))
    pairs = active(BradleyTerry().fit(field))
    share = 2 * pairs.sum(axis=1) / pairs.sum()
    assert share[5] > 0.49
    assert share[:5].max() < 0.35  # 0.3 if the others share the rest evenly


def test_without_votes_all_pairs_are_wanted_alike() -> None:
    pairs = active(BradleyTerry().fit(Comparisons.from_tallies({}, labels="abcde")))
    assert pairs[np.triu_indices(5, 1)] == pytest.approx(np.ones(10))


def test_a_battle_whose_winner_is_known_is_wanted_less_than_an_open_one() -> None:
    left, right = list("abcdef"), list("bcdefa")
    wins = np.array([98, 50, 50, 50, 50, 2])  # a beats b and f nearly always
    votes = Comparisons.from_arrays(
        left * 2, right * 2, [1] * 6 + [0] * 6, weight=np.concatenate([wins, 100 - wins])
    )
    fitted = BradleyTerry().fit(votes)
    pairs = dict(
        zip(combinations(fitted.labels_, 2), active(fitted)[np.triu_indices(6, 1)], strict=True)
    )
    assert pairs["a", "d"] < pairs["b", "e"]


def play(strengths: FloatArray, rounds: int, size: int, seed: int) -> BradleyTerry:
    """As many votes as contenders in each round, drawn actively; ranked by Plackett-Luce."""
    generator, rng = np.random.default_rng(seed), random.Random(seed)
    count = len(strengths)
    matrix = np.ones((count, count))
    items, ranks = [], []
    for _ in range(rounds):
        chosen = wanted(matrix, np.ones(count))
        drawn = np.array([draw_set(chosen, size, rng) for _ in range(count)])
        utility = strengths[drawn] + generator.gumbel(size=drawn.shape)
        items.append(drawn)
        ranks.append((-utility).argsort(axis=1).argsort(axis=1) + 1)
        votes = Comparisons.from_rankings(
            np.concatenate(items), np.concatenate(ranks), labels=range(count)
        )
        fitted = BradleyTerry().fit(votes)
        matrix = active(fitted)
    return fitted


@pytest.mark.parametrize("size", [2, 3])
def test_votes_drawn_actively_recover_the_strengths(size: int) -> None:
    strengths = np.linspace(-1.5, 1.5, 10)
    fitted = play(strengths, 150, size, seed=3)
    error = (fitted.ratings_ - fitted.ratings_.mean()) / fitted.scale - strengths
    known_to = np.sqrt(np.diag(fitted.covariance())) / fitted.scale
    assert (np.abs(error) < 4 * known_to).all()
    assert known_to.max() < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("size", [2, 3])
def test_intervals_cover_after_active_draws(size: int) -> None:
    covered = []
    for seed in range(60):
        strengths = np.random.default_rng(seed).normal(size=12)
        fitted = play(strengths, 50, size, seed)
        truth = fitted.scale * (strengths - strengths.mean()) + fitted.ratings_.mean()
        lower, upper = fitted.intervals()
        covered.append(((lower <= truth) & (truth <= upper)).mean())
    # 720 intervals: a standard deviation of 0.8 points, somewhat more as those of a fit agree.
    assert 0.92 < np.mean(covered) < 0.98


@pytest.mark.slow
def test_active_draws_save_a_third_of_the_votes_when_contenders_join() -> None:
    from benchmarks.matchmaking import Case, play

    for size in (2, 3):
        case = Case(contenders=20, spread=100.0, size=size, start="joining")
        found = [play(case, ["uniform", "active"], 100.0, seed) for seed in range(3)]
        assert np.mean([votes["active"] / votes["uniform"] for votes in found]) < 0.67


def field(slugs: str) -> list[Candidate]:
    return [Candidate(contender(slug).pk, slug) for slug in slugs]


def share_of(slug: str, slugs: str, population: str = Population.PEOPLE) -> float:
    """In what share of battles of two a fresh process would have this contender."""
    pairs = Active().pairs(field(slugs), population)
    return float(2 * pairs[slugs.index(slug)].sum() / pairs.sum())


def known_field(population: str = Population.PEOPLE) -> None:
    """Votes that place a, b, c, d, e in relation to each other."""
    for lineup in combinations("abcde", 2):
        for ranks in ([1, 2], [2, 1], [1, 1]):
            cast(lineup, ranks, population=population)


@pytest.mark.django_db
def test_a_new_contender_is_in_half_of_the_battles_once_the_worker_has_refitted() -> None:
    known_field()
    tasks.refresh()
    assert share_of("f", "abcdef") == pytest.approx(0.5, abs=0.01)
    assert share_of("a", "abcdef") < 0.35  # 0.3 if the others share the rest evenly


@pytest.mark.django_db
def test_each_population_has_its_own_needs() -> None:
    known_field(population=Population.SIMULATED)
    tasks.refresh()
    assert share_of("f", "abcdef", Population.SIMULATED) > 0.49
    assert share_of("f", "abcdef", Population.PEOPLE) == pytest.approx(2 / 6)


@pytest.mark.django_db
def test_an_inactive_contender_counts_but_is_not_drawn() -> None:
    known_field()
    tasks.refresh()
    assert Active().pairs(field("abc"), Population.PEOPLE).shape == (3, 3)


@pytest.mark.django_db
def test_before_the_first_refit_the_draw_is_uniform() -> None:
    known_field()
    pairs = Active().pairs(field("abcdef"), Population.PEOPLE)
    assert pairs[np.triu_indices(6, 1)] == pytest.approx(np.ones(15))


@pytest.mark.django_db
def test_without_redis_the_draw_is_uniform(settings: LazySettings) -> None:
    known_field()
    tasks.refresh()
    nowhere = {"BACKEND": "django.core.cache.backends.redis.RedisCache"}
    settings.CACHES = {"default": nowhere | {"LOCATION": "unix:///nowhere/redis.sock"}}
    assert share_of("f", "abcdef") == pytest.approx(2 / 6)


@pytest.mark.django_db
def test_what_was_read_is_kept_for_seconds_but_not_for_other_contenders(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policy, people = Active(), Population.PEOPLE
    moment = 100.0
    monkeypatch.setattr("ranking.matchmaking.monotonic", lambda: moment)
    unknown = policy.pairs(field("abcdef"), people)
    known_field()
    tasks.refresh()
    assert (policy.pairs(field("abcdef"), people) == unknown).all()
    assert policy.pairs(field("abcde"), people).shape == (5, 5)
    moment += 60.0
    assert not np.allclose(policy.pairs(field("abcdef"), people), unknown)
