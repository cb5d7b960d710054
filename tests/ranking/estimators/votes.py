"""Votes to test with: drawn by hypothesis, or simulated from known strengths."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from ranking.estimators import Comparisons


class Rows(NamedTuple):
    left: list[int]
    right: list[int]
    outcome: list[float]


@st.composite
def pair_rows(draw: st.DrawFn, contenders: int = 5) -> Rows:
    """Any votes among a few contenders, down to none at all."""
    pair = st.tuples(st.integers(0, contenders - 1), st.integers(1, contenders - 1))
    vote = st.tuples(pair, st.sampled_from([1.0, 0.5, 0.0]))
    votes = draw(st.lists(vote, max_size=30))
    left = [a for (a, _), _ in votes]
    right = [(a + step) % contenders for (a, step), _ in votes]
    return Rows(left, right, [outcome for _, outcome in votes])


@st.composite
def connected_rows(draw: st.DrawFn, contenders: int = 5) -> Rows:
    """Votes in which everybody beat everybody, directly or through others."""
    rows = draw(pair_rows(contenders))
    ring = list(range(contenders))
    return Rows(
        [*rows.left, *ring],
        [*rows.right, *ring[1:], 0],
        [*rows.outcome, *[1.0] * contenders],
    )


@st.composite
def rankings(draw: st.DrawFn, contenders: int = 5) -> tuple[list[list[int]], list[list[int]]]:
    """Votes that rank two to four of a few contenders, ties allowed."""
    order = st.permutations(range(contenders))
    vote = st.tuples(order, st.lists(st.integers(1, 3), min_size=2, max_size=4))
    votes = draw(st.lists(vote, max_size=12))
    return [list(items[: len(ranks)]) for items, ranks in votes], [ranks for _, ranks in votes]


def simulate_pairs(
    strengths: Sequence[float], votes: int, generator: np.random.Generator
) -> Comparisons:
    """Bradley-Terry votes among uniformly drawn pairs."""
    size, strength = len(strengths), np.asarray(strengths)
    left = generator.integers(size, size=votes)
    right = (left + generator.integers(1, size, size=votes)) % size
    chance = 1.0 / (1.0 + np.exp(strength[right] - strength[left]))
    outcome = (generator.random(votes) < chance).astype(float)
    return Comparisons.from_arrays(left, right, outcome, labels=range(size))


def simulate_rankings(
    strengths: Sequence[float], votes: int, generator: np.random.Generator
) -> Comparisons:
    """Plackett-Luce rankings of three: order of strength plus Gumbel noise."""
    size, strength = len(strengths), np.asarray(strengths)
    items = generator.random((votes, size)).argsort(axis=1)[:, :3]
    utility = strength[items] + generator.gumbel(size=items.shape)
    ranks = (-utility).argsort(axis=1).argsort(axis=1) + 1
    return Comparisons.from_rankings(items, ranks, labels=range(size))
