"""Active matchmaking: who meets whom follows from where a vote narrows the intervals most."""

from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple

import numpy as np
from django.core.cache import cache
from redis.exceptions import RedisError

from arena.categories import OVERALL
from arena.matchmaking import Candidate
from arena.models import Population
from ranking import selectors
from ranking.counting import Slice, SliceCounts
from ranking.estimators import BradleyTerry
from ranking.estimators.arrays import FloatArray
from ranking.estimators.design import VARIANCE_WITHOUT_VOTES, covariance, gains, wanted_pairs

# For so long a process uses what it has read.
_KEPT_FOR_S = 5.0


class Knowledge(NamedTuple):
    """What the votes say: strengths (K,) in log-odds, and their covariance (K, K)."""

    contenders: tuple[int, ...]
    strengths: FloatArray
    covariance: FloatArray


class _Kept(NamedTuple):
    until: float
    contenders: tuple[int, ...]
    pairs: FloatArray


class Active:
    """Pairs by how much a vote on them narrows the intervals of the rater's population.

    New contenders need no rule of their own: their wide intervals make a vote on them worth
    most, so they are in up to half of the battles until they are known as well as the others.
    Without votes, or before `prepare` has run, all are equally unknown: the draw is uniform.
    """

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    def pairs(self, candidates: Sequence[Candidate], population: str) -> FloatArray:
        contenders = tuple(candidate.pk for candidate in candidates)
        kept = self._kept.get(population)
        now = monotonic()
        if kept is None or kept.contenders != contenders or kept.until < now:
            pairs = _wanted(contenders, _read(population))
            kept = self._kept[population] = _Kept(now + _KEPT_FOR_S, contenders, pairs)
        return kept.pairs


def prepare() -> None:
    """Work out from the tallies what `Active` needs, and leave it where all processes find it."""
    for population in Population.values:
        known = _know(selectors.stored_counts(Slice(OVERALL, population)))
        cache.set(_key(population), tuple(known), timeout=None)


def _know(counts: SliceCounts) -> Knowledge:
    fitted = BradleyTerry().fit(counts.tallies.comparisons)
    return Knowledge(tuple(counts.tallies.contenders), fitted.strengths_, covariance(fitted))


def _wanted(contenders: Sequence[int], known: Knowledge) -> FloatArray:
    """(K, K) for these contenders, whether votes know them or not."""
    new = [one for one in contenders if one not in known.contenders]
    index = {one: i for i, one in enumerate((*known.contenders, *new))}
    size = len(known.contenders)
    extended = VARIANCE_WITHOUT_VOTES * np.eye(len(index))
    extended[:size, :size] = known.covariance
    chosen = [index[one] for one in contenders]
    gain = gains(np.pad(known.strengths, (0, len(new))), extended)
    return wanted_pairs(gain[np.ix_(chosen, chosen)])


def _read(population: str) -> Knowledge:
    """What `prepare` left; nothing if it has not run, or while Redis cannot be reached."""
    try:
        found = cache.get(_key(population))
    except RedisError:
        found = None
    return Knowledge(*found) if found else Knowledge((), np.zeros(0), np.zeros((0, 0)))


def _key(population: str) -> str:
    return f"ranking-knowledge-{population}"
