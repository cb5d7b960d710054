"""The draw of a line-up, and the probability of its set.

A set grows: the first contender is drawn in proportion to how much its pairs are wanted, each
next one in proportion to how much its pairs with those already in are. So a battle of two draws
each pair exactly as much as it is wanted, and one of three needs no list of all triples.
"""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from arena.matchmaking.candidates import FAILING_BELOW, Candidate, chances
from arena.matchmaking.policies import Policy

FloatArray = NDArray[np.float64]

# This share of the draws is spread evenly over all pairs, whatever the policy wants: every set
# can come up, and votes can be weighted by the propensities stored with them.
UNIFORM_SHARE = 0.1

# While contenders are on trial, this share goes to the pairs of each and its rival.
TRIAL_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Lineup:
    """Contenders by position, A first.

    `propensity` is the probability with which the policy in force drew this *set* of contenders;
    each order of the set is equally likely.
    """

    contenders: tuple[int, ...]
    propensity: float


def draw_lineup(
    policy: Policy,
    candidates: Sequence[Candidate],
    size: int,
    rng: random.Random,
    *,
    population: str = "people",
) -> Lineup:
    """A line-up of `size` of the candidates; ValueError when there are fewer, or for one."""
    if not 2 <= size <= len(candidates):
        raise ValueError(f"A line-up of {size} cannot be drawn from {len(candidates)} candidates.")
    matrix = wanted(policy.pairs(candidates, population), chances(candidates), duels(candidates))
    drawn = draw_set(matrix, size, rng)
    return Lineup(tuple(candidates[i].pk for i in drawn), propensity(matrix, drawn))


def duels(candidates: Sequence[Candidate]) -> list[tuple[int, int]]:
    """The indices of each one that is on trial and of its rival, where that can be drawn too."""
    index = {candidate.pk: i for i, candidate in enumerate(candidates)}
    return [
        (i, index[candidate.rival])
        for i, candidate in enumerate(candidates)
        if candidate.rival in index and candidate.rival != candidate.pk
    ]


def draw_next(
    policy: Policy,
    candidates: Sequence[Candidate],
    *,
    staying: Collection[int],
    out: Collection[int],
    rng: random.Random,
    population: str = "people",
) -> tuple[int, float] | None:
    """One more contender beside those that stay, and the probability of this draw.

    Drawn as a set grows, but nobody of `out` and nobody that is failing. None if nobody is left.
    """
    chance = chances(candidates)
    matrix = wanted(policy.pairs(candidates, population), chance, duels(candidates))
    weight = matrix[[candidate.pk in staying for candidate in candidates]].sum(axis=0)
    for i, candidate in enumerate(candidates):
        if candidate.pk in staying or candidate.pk in out or chance[i] < FAILING_BELOW:
            weight[i] = 0.0
    total = float(weight.sum())
    if total <= 0.0:
        return None
    (drawn,) = rng.choices(range(len(candidates)), weight.tolist())
    return candidates[drawn].pk, float(weight[drawn]) / total


def wanted(
    pairs: FloatArray, chance: FloatArray, trials: Sequence[tuple[int, int]] = ()
) -> FloatArray:
    """(K, K) positive but on the diagonal: the policy's pairs, evened out and lowered.

    `trials` are pairs of indices that share `TRIAL_SHARE`. All shares are mixed in first, so that
    failing contenders lose of them as well.
    """
    matrix = np.array(pairs, np.float64)
    np.fill_diagonal(matrix, 0.0)
    total = matrix.sum()
    if not np.isfinite(total) or matrix.min(initial=0.0) < 0.0:
        raise ValueError("A policy gave a pair a weight that is negative or not finite.")
    size = len(matrix)
    even = 1.0 / (size * (size - 1))
    rest = 1.0 - TRIAL_SHARE if trials else 1.0
    if total > 0.0:
        matrix *= rest * (1.0 - UNIFORM_SHARE) / total
        matrix += rest * UNIFORM_SHARE * even
    else:
        matrix += rest * even
    for one, other in trials:
        matrix[[one, other], [other, one]] += 0.5 * TRIAL_SHARE / len(trials)
    matrix *= np.outer(chance, chance)
    np.fill_diagonal(matrix, 0.0)
    return matrix


def draw_set(matrix: FloatArray, size: int, rng: random.Random) -> list[int]:
    """`size` different indices of the matrix that `wanted` gives, in random order."""
    indices = range(len(matrix))
    weight = matrix.sum(axis=1)
    drawn: list[int] = []
    for _ in range(size):
        drawn += rng.choices(indices, weight.tolist())
        weight = matrix[drawn].sum(axis=0)
        weight[drawn] = 0.0
    rng.shuffle(drawn)
    return drawn


def propensity(matrix: FloatArray, drawn: Sequence[int]) -> float:
    """The probability of the set: the sum over the orders in which it can have grown."""
    among = matrix[np.ix_(drawn, drawn)].tolist()
    reach = matrix[list(drawn)].sum(axis=1).tolist()
    start = float(matrix.sum())
    found = 0.0
    for order in permutations(range(len(drawn))):
        chance, inside = 1.0, order[:0]
        rest = start
        for entering in order:
            towards = sum(among[i][entering] for i in inside) if inside else reach[entering]
            chance *= towards / rest
            inside = (*inside, entering)
            rest = sum(reach[i] for i in inside) - sum(among[i][j] for i in inside for j in inside)
        found += chance
    return found
