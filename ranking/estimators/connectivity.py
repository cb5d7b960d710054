"""Which contenders the votes can place relative to each other, and which they cannot."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from .arrays import BoolArray, FloatArray, IntArray
from .tallies import PairTallies

# Up to this many contenders, links fit in a table of bits.
_DENSE = 2000


@dataclass(frozen=True, eq=False)
class Links:
    """Directed links "beat or tied at least once" among K contenders.

    winner, loser  (E,) a tie is a link both ways
    decided        (K,) took part in a comparison that was not a tie
    votes          (K,) weight of the comparisons of each contender
    """

    winner: IntArray
    loser: IntArray
    decided: BoolArray
    votes: FloatArray

    @classmethod
    def of(cls, tallies: PairTallies) -> Self:
        wins, losses, ties = tallies.per_contender()
        forth = tallies.wins + tallies.ties > 0
        back = tallies.losses + tallies.ties > 0
        winner = np.concatenate([tallies.first[forth], tallies.second[back]])
        loser = np.concatenate([tallies.second[forth], tallies.first[back]])
        return cls(winner, loser, wins + losses > 0, wins + losses + ties)


@dataclass(frozen=True, eq=False)
class Connectivity:
    """Groups of contenders, and who needs a prior for a finite rating.

    A maximum-likelihood rating exists within a group whose members all reach each other along
    the links (Ford, 1957). The core is the largest such group, by contenders, then by votes;
    contenders that only ever tied are not in it, since their votes show no spread.

    links      what it was derived from
    island     (K,) groups that share no comparison at all
    core       indices of the core, or of everybody if there is no single largest group
    unsettled  indices of those that the prior has to hold: outside the core, or everybody
    """

    links: Links
    island: IntArray
    core: IntArray
    unsettled: IntArray

    @classmethod
    def of(cls, links: Links) -> Self:
        size = links.votes.size
        if size == 0:
            empty = np.zeros(0, np.int32)
            return cls(links, empty, empty, empty)
        island, group = _groups(links, size)
        in_core = (group == _largest(group, links.votes)) & links.decided
        everybody = np.arange(size, dtype=np.int32)
        if in_core.sum() < 2:  # measured against itself alone, one would look perfectly certain
            return cls(links, island, everybody, everybody)
        return cls(links, island, everybody[in_core], everybody[~in_core])

    @property
    def comparable(self) -> BoolArray:
        """(K,) who is connected by any votes with the core, or without one with the largest island.

        Everybody if there is no single largest one either.
        """
        if 0 < self.core.size < self.island.size:
            return np.asarray(self.island == self.island[self.core[0]])
        largest = _largest(self.island, self.links.votes) if self.island.size else -1
        return np.asarray((self.island == largest) | (largest < 0))


def _groups(links: Links, size: int) -> tuple[IntArray, IntArray]:
    """Weakly and strongly connected components (K,)."""
    if size <= _DENSE and _is_one_group(links, size):
        return np.zeros(size, np.int32), np.zeros(size, np.int32)
    graph = csr_array((np.ones(links.winner.size), (links.winner, links.loser)), (size, size))
    island = connected_components(graph, connection="weak")[1]
    return island, connected_components(graph, connection="strong")[1]


def _is_one_group(links: Links, size: int) -> bool:
    """The usual case, decided faster: the first contender reaches all and all reach it."""
    beaten = np.zeros((size, size), np.bool_)
    beaten[links.winner, links.loser] = True
    return _reaches_all(beaten) and _reaches_all(beaten.T)


def _reaches_all(forth: BoolArray) -> bool:
    seen = np.zeros(len(forth), np.bool_)
    seen[0] = True
    new = seen
    while new.any():
        new = forth[new].any(axis=0) & ~seen
        seen |= new
    return bool(seen.all())


def _largest(group: IntArray, votes: FloatArray) -> int:
    """The single largest group of at least two, or -1. No label decides, only the votes."""
    sizes, weights = np.bincount(group), np.bincount(group, votes)
    first, *others = sorted(zip(-sizes, -weights, range(sizes.size), strict=True))
    alone = not others or others[0][:2] != first[:2]
    return int(first[2]) if alone and -first[0] >= 2 else -1
