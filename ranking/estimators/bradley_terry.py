"""Bradley-Terry: one strength for each contender, fitted to all votes at once.

Bradley & Terry (1952), Biometrika 39; existence of the estimate: Ford (1957).
"""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from . import davidson, half_ties
from .arrays import FloatArray
from .bootstrap import Likelihood
from .caveats import FEW, UNBOUNDED_TIES
from .comparisons import Comparisons
from .connectivity import Connectivity, Links
from .prior import VirtualVotes
from .scale import SCALE
from .scores import score_variance
from .strengths import StrengthModel
from .tallies import PairTallies

TIES = ("half", "davidson")


class BradleyTerry(StrengthModel):
    """P(left beats right) = 1 / (1 + exp(θ_right − θ_left)), fitted by Newton to the tallies.

    So its cost does not grow with the votes.

    ties  "half": a tie is half a win for each. "davidson": a tie has odds of its own, highest
          between equals (Davidson, 1970); the formula above then holds for decided votes. A vote
          of three is three pairs here; `PlackettLuce` models it as one choice after another.

    After `fit` also `tie_odds_`: {2: δ} if ties are Davidson's and there are any, δ being the
    odds of a tie against a win between equals; else {}. The other parameters and what it learns:
    see `StrengthModel`.
    """

    tie_odds_: dict[int, float]

    def __init__(
        self,
        *,
        ties: str = "half",
        scale: float = SCALE,
        mean: float = 1000.0,
        anchor: Mapping[Any, float] | None = None,
        prior: float = 1.0,
        few: int = FEW,
    ) -> None:
        if ties not in TIES:
            raise ValueError(f"unknown ties {ties!r}; use {' or '.join(map(repr, TIES))}")
        super().__init__(scale=scale, mean=mean, anchor=anchor, prior=prior, few=few)
        self.ties = ties

    def fit(self, comparisons: Comparisons) -> Self:
        tallies = PairTallies.of(comparisons)
        connectivity = Connectivity.of(Links.of(tallies))
        virtual = VirtualVotes.against_core(connectivity, self.prior)
        found = half_ties.fit_tallies(tallies, virtual, np.zeros(tallies.size))
        self.tie_odds_ = {}
        self._davidson = self.ties == "davidson" and bool(tallies.ties.any())
        if self._davidson:
            virtual = davidson.virtual_votes(virtual, tallies)
            found = davidson.fit_tallies(tallies, virtual, np.append(found.point, 0.0))
            self.tie_odds_ = {2: float(np.exp(found.point[-1]))}
        self._learn(comparisons, tallies, connectivity, virtual, found)
        if len(virtual.contrasts) > connectivity.unsettled.size:
            self.caveats_.append(UNBOUNDED_TIES)
        return self

    def _meat(self, data: Comparisons) -> FloatArray:
        data, point = self._counted(data), self._found.point
        row_scores = davidson.row_scores if self._davidson else half_ties.row_scores
        return score_variance(data, point.size - len(data.labels), row_scores(data, point))

    def _reweighted(self, data: Comparisons) -> Likelihood:
        bootstrapped = davidson.bootstrapped if self._davidson else half_ties.bootstrapped
        return bootstrapped(self._counted(data), self.tallies_)

    def _counted(self, data: Comparisons) -> Comparisons:
        """Fewer rows that say the same, where votes of two are independent."""
        if data.cluster is None and data.vote is None:
            return self.tallies_.comparisons(data.labels)
        return data
