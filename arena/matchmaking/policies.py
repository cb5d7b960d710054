"""How much each pair is wanted, by the simple policies. Those that look at votes are in ranking."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from arena.matchmaking.candidates import Candidate

FloatArray = NDArray[np.float64]
Weights = Mapping[tuple[str, ...], float]
"""By the slug of a contender, ("a",), or the slugs of a pair in any order, ("a", "b")."""

# A contender with few votes is drawn so many times as often.
_NEW = 3.0


class Policy(Protocol):
    """What settings.ARENA_MATCHMAKER names; its instance is kept and used by several threads."""

    def pairs(self, candidates: Sequence[Candidate], population: str) -> FloatArray:
        """(K, K), symmetric, none negative: how much each pair is wanted, in any unit.

        `population` is the rater's: "people" or "simulated". The diagonal does not matter.
        """


class Uniform:
    """Every pair alike."""

    def pairs(self, candidates: Sequence[Candidate], population: str) -> FloatArray:
        return np.ones((len(candidates), len(candidates)))


class Weighted:
    """The product of the weights of both contenders and of the pair; unnamed ones weigh 1.

    A new contender weighs three times as much.
    """

    def __init__(self, weights: Weights | None = None) -> None:
        self._weights = weights or {}

    def pairs(self, candidates: Sequence[Candidate], population: str) -> FloatArray:
        single, pair = _weights_of(candidates, self._weights, missing=1.0)
        single *= np.where([candidate.new for candidate in candidates], _NEW, 1.0)
        return np.asarray(np.outer(single, single) * pair)


class Targeted:
    """Only what is named: a pair by its weight, a contender's pairs by the contender's weight."""

    def __init__(self, weights: Weights | None = None) -> None:
        self._weights = weights or {}

    def pairs(self, candidates: Sequence[Candidate], population: str) -> FloatArray:
        single, pair = _weights_of(candidates, self._weights, missing=0.0)
        return np.asarray(single[:, None] + single[None, :] + pair)


def _weights_of(
    candidates: Sequence[Candidate], weights: Weights, *, missing: float
) -> tuple[FloatArray, FloatArray]:
    """Weights of contenders (K,) and of pairs (K, K). Names of others are passed over."""
    index = {candidate.slug: i for i, candidate in enumerate(candidates)}
    single = np.full(len(index), missing)
    pair = np.full((len(index), len(index)), missing)
    for names, weight in weights.items():
        places = [index[name] for name in names if name in index]
        if len(places) == len(names) == 1:
            single[places] = weight
        elif len(places) == len(names):
            pair[places[0], places[1]] = pair[places[1], places[0]] = weight
    return single, pair
