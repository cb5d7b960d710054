"""Votes that leave a rating without a limit: finite figures and a caveat, of every estimator."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ranking.estimators import BradleyTerry, Comparisons, Elo, PlackettLuce, StyleControlled

Fit = Callable[[Comparisons], Any]


def styled(votes: Comparisons) -> StyleControlled:
    covariates = np.random.default_rng(1).normal(size=(len(votes), 2))
    return StyleControlled().fit(votes, covariates)


FITS: dict[str, Fit] = {
    "Bradley-Terry": lambda votes: BradleyTerry().fit(votes),
    "Davidson": lambda votes: BradleyTerry(ties="davidson").fit(votes),
    "Plackett-Luce": lambda votes: PlackettLuce().fit(votes),
    "style-controlled": styled,
    "Elo": lambda votes: Elo().fit(votes),
}


def won(*games: tuple[str, str, int]) -> Comparisons:
    left, right, times = zip(*games, strict=True)
    return Comparisons.from_arrays(left, right, [1] * len(games), weight=times)


def ranked(*lineups: str, ranks: tuple[int, ...] = (1, 2, 3)) -> Comparisons:
    return Comparisons.from_rankings([list(one) for one in lineups], [ranks] * len(lineups))


# The votes, and what a caveat says of them under each estimator that has a prior, and under Elo.
CASES: dict[str, tuple[Comparisons, str, str]] = {
    "undefeated": (won(("a", "b", 40), ("b", "c", 40), ("c", "b", 40)), "Undefeated", ""),
    "winless": (won(("a", "b", 500)), "Winless", ""),
    "disconnected": (
        won(("a", "b", 2), ("b", "a", 2), ("c", "d", 2), ("d", "c", 2)),
        "Not comparable",
        "Not comparable",
    ),
    "disconnected rankings": (ranked("abc", "cba", "xyz"), "Not comparable", "Not comparable"),
    "one way": (
        won(("a", "b", 2), ("b", "a", 2), ("c", "d", 2), ("d", "c", 2), ("a", "c", 2)),
        "go one way",
        "Too few votes",
    ),
    "single vote": (won(("a", "b", 1)), "Too few votes", "Too few votes"),
    "single vote of three": (ranked("abc"), "Too few votes", "Too few votes"),
    "all ties": (
        Comparisons.from_arrays(["a"] * 90, ["b"] * 90, [0.5] * 90),
        "Only ties",
        "Only ties",
    ),
    "all ties of three": (ranked(*["abc"] * 40, ranks=(1, 1, 1)), "Only ties", "Only ties"),
    "one contender": (Comparisons.from_arrays([], [], [], labels=["a"]), "No votes", "No votes"),
    "nobody": (Comparisons.from_arrays([], [], []), "No votes", "No votes"),
    "somebody without votes": (
        Comparisons.from_arrays(["a", "b"], ["b", "a"], [1, 1], labels="abc"),
        "No votes yet: c.",
        "No votes yet: c.",
    ),
}


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("case", CASES)
def test_it_is_finite_and_says_why_it_is_unsure(name: str, case: str) -> None:
    votes, caveat, of_elo = CASES[case]
    model = FITS[name](votes)
    assert np.isfinite(model.ratings_).all()
    assert np.abs(model.ratings_ - 1000).max(initial=0) < 2500
    assert any((of_elo if name == "Elo" else caveat) in text for text in model.caveats_) or (
        name == "Elo" and not of_elo
    )


@pytest.mark.parametrize("name", [name for name in FITS if name != "Elo"])
@pytest.mark.parametrize("method", ["sandwich", "bootstrap"])
@pytest.mark.parametrize("case", CASES)
def test_its_intervals_are_finite_and_no_certainty(name: str, method: str, case: str) -> None:
    votes, _, _ = CASES[case]
    lower, upper = FITS[name](votes).intervals(method=method, rounds=40)
    assert np.isfinite(lower).all()
    assert np.isfinite(upper).all()
    if len(votes.labels) > 1:
        assert (upper - lower > 5).all()
    assert (upper - lower < 6000).all()


@pytest.mark.parametrize("case", CASES)
def test_intervals_of_elo_are_finite(case: str) -> None:
    assert np.isfinite(Elo().fit(CASES[case][0]).intervals(rounds=20)).all()


@pytest.mark.parametrize("name", [name for name in FITS if name != "Elo"])
@pytest.mark.parametrize("method", ["sandwich", "bootstrap"])
def test_one_rater_or_two_are_no_certainty(name: str, method: str) -> None:
    """All of a lone rater's votes get one weight, and a refit to them is the same as before."""
    generator = np.random.default_rng(3)
    left = generator.integers(3, size=90)
    right = (left + generator.integers(1, 3, size=90)) % 3
    votes = Comparisons.from_arrays(left, right, (generator.random(90) < 0.5).astype(float))
    by_vote = -np.subtract(*FITS[name](votes).intervals())
    for raters in (1, 2):
        model = FITS[name](votes.clustered_by(np.arange(90) % raters))
        widths = -np.subtract(*model.intervals(method=method, rounds=50))
        assert (widths >= by_vote - 1e-9).all()
        assert any("of votes: intervals may be too narrow" in text for text in model.caveats_)


@pytest.mark.parametrize("method", ["sandwich", "bootstrap"])
def test_a_single_vote_is_never_a_narrow_interval(method: str) -> None:
    """Its only weight moves nothing: whatever it is, the refit explains the vote as well."""
    votes = Comparisons.from_arrays([*"aabbab", "d"], [*"bbaaba", "a"], [1, 1, 1, 0.5, 1, 0.5, 0.5])
    model = BradleyTerry().fit(votes)
    lower, upper = model.intervals(method=method, rounds=200)
    assert (upper - lower)[model.labels_.index("d")] > 400


@pytest.mark.parametrize("model", [BradleyTerry, PlackettLuce])
@pytest.mark.parametrize("method", ["sandwich", "bootstrap"])
def test_a_group_apart_blurs_nobody(model, method):
    """Those known by many votes stay as they are when five others begin among themselves."""
    dice = np.random.default_rng(3)
    left = dice.integers(0, 6, 3000)
    right = (left + dice.integers(1, 6, 3000)) % 6
    outcome = (dice.random(3000) < 0.5 + 0.03 * (right - left)).astype(float)
    known = model().fit(Comparisons.from_arrays(left, right, outcome, labels=range(6)))
    more = Comparisons.from_arrays(
        np.append(left, [6, 7, 8, 9, 6]),
        np.append(right, [7, 8, 6, 10, 9]),
        np.append(outcome, [1.0, 1.0, 1.0, 1.0, 0.5]),
        labels=range(11),
    )
    both = model().fit(more)
    assert both.ratings_[:6] == pytest.approx(known.ratings_, abs=0.5)
    assert both.comparable_.tolist() == [True] * 6 + [False] * 5
    widths = [np.subtract(*one.intervals(method=method)[::-1])[:6] for one in (both, known)]
    assert widths[0] == pytest.approx(widths[1], rel=0.15)
    assert min(np.subtract(*both.intervals(method=method)[::-1])[6:]) > 4 * max(widths[0])


@pytest.mark.parametrize("name", ["Bradley-Terry", "Davidson", "Plackett-Luce"])
def test_nobody_is_certain_after_three_votes(name: str) -> None:
    """One contender beats another, ties a second, and a third beats the first's loser."""
    votes = Comparisons.from_arrays(["a", "b", "d"], ["c", "a", "c"], [1, 0.5, 1])
    lower, upper = FITS[name](votes).intervals()
    assert (upper - lower > 100).all()
