"""How few votes carry the first rank: which of them would have to go for it to change hands.

Broderick, Giordano & Meager (2020), arXiv:2011.14999, approximate the effect of leaving out the
most influential data; Huang, Shen, Wei & Broderick (2025), arXiv:2508.11847, apply it to arenas.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from .arrays import FloatArray, Label, ones
from .comparisons import Comparisons
from .connectivity import Connectivity, Links
from .half_ties import fit_tallies, row_scores
from .newton import inverse
from .prior import VirtualVotes
from .results import Maximum
from .tallies import PairTallies

# Challengers that are tried: those nearest to the leader, in standard errors of the gap.
_CHALLENGERS = 10


# Not tried are those expected to need this many times as many votes as another did.
_WORTH_TRYING = 2
# Strengths closer than this are the same: the rest is rounding in the fit.
_RESOLUTION = 1e-8


class Leverage(NamedTuple):
    """The smallest set of votes that was found.

    leader     who is first
    successor  who is first without these votes
    votes      how many they are
    share      of all votes
    indices    (M,) which, counted as votes in the order of the comparisons; the most influential
               comes first
    counts     (M,) how many go of each: its weight or, of the last, perhaps less
    """

    leader: Label
    successor: Label
    votes: int
    share: float
    indices: NDArray[np.intp]
    counts: FloatArray


def leverage(comparisons: Comparisons, *, prior: float = 1.0) -> Leverage | None:
    """The votes on which the first rank of `BradleyTerry` rests; None if nobody can take it.

    For each challenger, votes are ordered by how much leaving one out shrinks the leader's gap,
    to first order. As many as needed go in that order, and the rest is fitted again: without the
    votes returned somebody else was first in a refit, with the last of them back it was still
    the leader. Another set may be smaller. Equal votes may be given as one with a weight
    (`Comparisons.from_tallies`), then the cost does not grow with the votes.
    """
    if len(comparisons.labels) < 2 or not comparisons.weight.any():
        return None
    fitted = _Fitted.to(comparisons, prior)
    best: Leverage | None = None
    orders = [fitted.order(rival) for rival in fitted.rivals()]
    for order in sorted(orders, key=lambda order: order.expected):
        if best is not None and order.expected > _WORTH_TRYING * best.votes:
            break
        found = fitted.shortest(order)
        if found is not None and (best is None or found.votes < best.votes):
            best = found
    return best


@dataclass(frozen=True, eq=False)
class _Order:
    """Votes (M,) in the order in which they go, and how many are expected to suffice."""

    votes: NDArray[np.intp]
    weight: FloatArray
    expected: int

    def counts(self, number: int) -> FloatArray:
        """(M,) how many of each are among the first `number`."""
        before = np.cumsum(self.weight) - self.weight
        return np.clip(number - before, 0.0, self.weight)


@dataclass(frozen=True, eq=False)
class _Fitted:
    """All votes, their weights (n_votes,), the fit to them and its inverse information."""

    comparisons: Comparisons
    weight: FloatArray
    prior: float
    strengths: FloatArray
    bread: FloatArray

    @classmethod
    def to(cls, comparisons: Comparisons, prior: float) -> Self:
        starts = comparisons.vote_starts()
        weight = comparisons.weight if starts is None else comparisons.weight[starts]
        found = _fit(comparisons, prior, np.zeros(len(comparisons.labels)))
        bread = inverse(found.information, ones(found.point.size))
        return cls(comparisons, weight, prior, found.point, bread)

    @property
    def leader(self) -> int:
        return int(self.strengths.argmax())

    def rivals(self) -> list[int]:
        """The nearest challengers, by their gap in standard errors."""
        own = np.diag(self.bread)
        variance = own[self.leader] + own - 2.0 * self.bread[self.leader]
        others = np.delete(np.arange(own.size), self.leader)
        gap = self.strengths[self.leader] - self.strengths[others]
        nearest = others[np.argsort(gap / np.sqrt(variance[others]), kind="stable")]
        return [int(rival) for rival in nearest[:_CHALLENGERS]]

    def order(self, rival: int) -> _Order:
        """Those first whose absence brings this rival closest."""
        influence = self._influence(rival)
        votes = np.flatnonzero((influence > 0.0) & (self.weight > 0.0))
        votes = votes[np.argsort(-influence[votes], kind="stable")]
        gap = float(self.strengths[self.leader] - self.strengths[rival])
        weight = self.weight[votes]
        return _Order(votes, weight, _expected(influence[votes], weight, gap))

    def shortest(self, order: _Order) -> Leverage | None:
        """The fewest votes in this order without which the leader is overtaken, if any are."""

        def first_without(number: int) -> int:
            return self._first_without(order.votes, order.counts(number))

        number = _fewest(
            lambda number: first_without(number) != self.leader,
            order.expected,
            int(np.ceil(order.weight.sum())),
        )
        if number is None:
            return None
        labels, counts = self.comparisons.labels, order.counts(number)
        return Leverage(
            leader=labels[self.leader],
            successor=labels[first_without(number)],
            votes=number,
            share=number / float(self.weight.sum()),
            indices=order.votes[counts > 0.0],
            counts=counts[counts > 0.0],
        )

    def _influence(self, rival: int) -> FloatArray:
        """(n_votes,) by how much the gap shrinks without one such vote, to first order."""
        data = self.comparisons
        toward = self.bread[self.leader] - self.bread[rival]
        residual = row_scores(data, self.strengths)(slice(None)).strength
        of_rows = residual * (toward[data.left] - toward[data.right])
        starts = data.vote_starts()
        return of_rows if starts is None else np.add.reduceat(of_rows, starts)

    def _first_without(self, votes: NDArray[np.intp], counts: FloatArray) -> int:
        """Who is first in a fit without that many of these votes: the leader unless overtaken."""
        weight = self.weight.copy()
        weight[votes] -= counts
        vote = self.comparisons.vote
        rest = self.comparisons.weighted_by(weight if vote is None else weight[vote])
        strengths = _fit(rest, self.prior, self.strengths).point
        ahead = strengths.max() > strengths[self.leader] + _RESOLUTION
        return int(strengths.argmax()) if ahead else self.leader


def _fit(comparisons: Comparisons, prior: float, start: FloatArray) -> Maximum:
    tallies = PairTallies.of(comparisons)
    connectivity = Connectivity.of(Links.of(tallies))
    return fit_tallies(tallies, VirtualVotes.against_core(connectivity, prior), start)


def _expected(influence: FloatArray, weight: FloatArray, gap: float) -> int:
    """How many votes, the most influential first, close the gap to first order."""
    closed = np.cumsum(influence * weight)
    last = int(np.searchsorted(closed, gap))
    if last == closed.size:
        return int(np.ceil(weight.sum()))
    missing = gap - (closed[last] - influence[last] * weight[last])
    return int(np.ceil(weight[:last].sum() + missing / influence[last]))


def _fewest(enough: Callable[[int], bool], guess: int, most: int) -> int | None:
    """A number of at most `most` that is enough while one less is not; zero is not."""
    too_few, number = 0, min(max(guess, 1), most)
    while number > too_few and not enough(number):
        too_few, number = number, min(2 * number, most)
    if number == too_few:
        return None
    while number - too_few > 1:
        middle = (too_few + number) // 2
        too_few, number = (too_few, middle) if enough(middle) else (middle, number)
    return number
