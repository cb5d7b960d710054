"""What Bradley-Terry and Plackett-Luce share: strengths, their scale, prior and intervals."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from .arrays import BoolArray, FloatArray, Label
from .bootstrap import Likelihood, refit
from .caveats import FEW, describe
from .comparisons import Comparisons
from .connectivity import Connectivity
from .intervals import (
    FEW_CLUSTERS,
    clusters_per_contender,
    few_cluster_factor,
    percentile_interval,
    quantile,
    sandwich,
)
from .newton import inverse
from .prior import VirtualVotes
from .results import Interval, Maximum
from .scale import SCALE, rating_shift
from .tallies import PairTallies, votes_per_contender


class StrengthModel(ABC):
    """A model with one strength θ for each contender, fitted by maximum likelihood.

    scale   points for each unit of θ: 400/ln 10, so that 400 points are odds of ten to one
    mean    mean rating of the core, unless anchored: of those whose votes place them relative to
            each other (everybody, as a rule)
    anchor  {label: rating}: this contender's rating is fixed instead of the mean
    prior   virtual votes, half won and half lost against an average of the others, for each
            contender that has no finite estimate (undefeated, winless, only ties, not connected
            to the rest, no votes). Contenders whose estimate is finite get none.
    few     contenders with fewer votes than this are named in the caveats, and their intervals, as
            those of whom the prior holds, are no narrower than the model itself says

    After `fit`: `labels_`; `ratings_` (K,) in that order; `strengths_` (K,), the θ with mean zero
    over the core; `comparable_` (K,), whom votes connect, see `Connectivity.comparable`;
    `caveats_`, plain sentences; `tallies_`, the wins, losses and ties of each pair.
    """

    labels_: tuple[Label, ...]
    ratings_: FloatArray
    strengths_: FloatArray
    comparable_: BoolArray
    tallies_: PairTallies
    caveats_: list[str]

    def __init__(
        self,
        *,
        scale: float = SCALE,
        mean: float = 1000.0,
        anchor: Mapping[Any, float] | None = None,
        prior: float = 1.0,
        few: int = FEW,
    ) -> None:
        self.scale = scale
        self.mean = mean
        self.anchor = anchor
        self.prior = prior
        self.few = few

    @abstractmethod
    def fit(self, comparisons: Comparisons) -> Self:
        """Fit to the votes. Raises ValueError for an unknown anchor."""

    def intervals(
        self,
        level: float = 0.95,
        method: str = "sandwich",
        *,
        cluster: Any = None,
        rounds: int = 1000,
        seed: int = 0,
    ) -> Interval:
        """(lower, upper), each (K,): how well each rating is known relative to the core's mean.

        So an anchored contender has an interval too, and anchoring changes no width. The
        intervals are clustered by vote; `cluster`, one label for each vote (such as its rater),
        replaces that. method "sandwich": robust covariance and normal quantiles, or Student's t
        with given clusters; a contender that only a few clusters compared gets at least the
        width that clustering by vote gives, one with fewer votes than `few` at least the width
        that the model itself gives. "bootstrap": percentiles of `rounds` refits to
        reweighted clusters (Rubin's Bayesian bootstrap).
        """
        data = self._clustered(cluster)
        least = self._least_reach(data, level)
        if method == "sandwich":
            reach = np.maximum(self._reach(data, level), least)
            return Interval(self.ratings_ - reach, self.ratings_ + reach)
        draws = self.draws(rounds, method, cluster=cluster, seed=seed)
        lower, upper = percentile_interval(draws, level, data.n_clusters)
        return Interval(
            np.minimum(lower, self.ratings_ - least), np.maximum(upper, self.ratings_ + least)
        )

    def draws(
        self, rounds: int = 10_000, method: str = "sandwich", *, cluster: Any = None, seed: int = 0
    ) -> FloatArray:
        """(rounds, K) ratings that the votes leave possible, relative to the core's mean.

        method "sandwich": from the joint normal distribution with that covariance. "bootstrap":
        refits, as in `intervals`. For `probability_of_best` and whatever depends on several
        ratings at once.
        """
        data, generator = self._clustered(cluster), np.random.default_rng(seed)
        if method == "sandwich":
            covariance = self._covariance(data)
            # The covariance is singular, since the mean is fixed: it has no Cholesky factor.
            return generator.multivariate_normal(
                self.ratings_, covariance, rounds, method="eigh", check_valid="ignore"
            )
        if method == "bootstrap":
            shift = self.ratings_ - self.scale * self.strengths_
            flat = flat_direction(self.strengths_.size, self._found.point.size)
            points = refit(
                self._reweighted(data), self._virtual, self._found, flat, rounds, generator
            )
            return self.scale * self._centred(points[:, : self.strengths_.size]) + shift
        raise ValueError(f'unknown method {method!r}; use "sandwich" or "bootstrap"')

    def covariance(self, *, cluster: Any = None) -> FloatArray:
        """(K, K) sandwich covariance of the ratings relative to the core's mean."""
        return self._covariance(self._clustered(cluster))

    @abstractmethod
    def _meat(self, data: Comparisons) -> FloatArray:
        """(D, D) variance of the score at the estimate, clustered as the data say."""

    @abstractmethod
    def _reweighted(self, data: Comparisons) -> Likelihood:
        """The likelihood of the votes, to be refitted to clusters drawn anew."""

    def _learn(
        self,
        comparisons: Comparisons,
        tallies: PairTallies,
        connectivity: Connectivity,
        virtual: VirtualVotes,
        found: Maximum,
    ) -> None:
        size = len(comparisons.labels)
        self._connectivity = connectivity
        strengths = self._centred(found.point[:size])
        ratings = self.scale * strengths
        shift = rating_shift(ratings, comparisons.labels, mean=self.mean, anchor=self.anchor)
        self.caveats_ = describe(
            comparisons.labels,
            connectivity,
            votes_per_contender(comparisons, tallies),
            self.few,
        )
        if comparisons.n_clusters is not None and comparisons.n_clusters < FEW_CLUSTERS:
            clusters = (
                "1 cluster" if comparisons.n_clusters == 1 else f"{comparisons.n_clusters} clusters"
            )
            self.caveats_.append(f"Only {clusters} of votes: intervals may be too narrow.")
        if not found.converged:
            self.caveats_.insert(0, "The fit did not converge: do not rely on these ratings.")
        self.labels_, self.tallies_ = comparisons.labels, tallies
        self.strengths_, self.ratings_ = strengths, ratings + shift
        self.comparable_ = connectivity.comparable
        self._virtual, self._found, self._comparisons = virtual, found, comparisons

    def _clustered(self, cluster: Any) -> Comparisons:
        return self._comparisons if cluster is None else self._comparisons.clustered_by(cluster)

    def _reach(self, data: Comparisons, level: float) -> FloatArray:
        """(K,) half the width of the sandwich interval."""
        variances = np.maximum(np.diag(self._covariance(data)), 0.0)
        return np.asarray(quantile(level, data.n_clusters) * np.sqrt(variances))

    def _least_reach(self, data: Comparisons, level: float) -> FloatArray:
        """(K,) half the least width, of whatever method; zero unless votes or clusters are few.

        Few votes, or votes that went all one way, agree with the fit so well that their scores, or
        refits to them, vary next to nothing: they say no more than the model does of so many. The
        scores of a lone cluster add up to zero, which says nothing either: its votes one by one
        say more.
        """
        least = np.zeros(self.strengths_.size)
        few = votes_per_contender(data, self.tallies_) < self.few
        few[self._connectivity.unsettled] = True
        if few.any():
            reach = quantile(level, data.n_clusters) * np.sqrt(self._model_variances())
            least = np.where(few, reach, least)
        scarce = clusters_per_contender(data) < FEW_CLUSTERS
        if scarce.any():
            votes = data.clustered_by_vote()
            by_vote = np.maximum(self._reach(votes, level), self._least_reach(votes, level))
            least = np.where(scarce, np.maximum(least, by_vote), least)
        return least

    def _model_variances(self) -> FloatArray:
        """(K,) variances of the ratings if the model is right: of the inverse information."""
        size, information = self.strengths_.size, self._found.information
        bread = inverse(information, flat_direction(size, len(information)))
        return self.scale**2 * np.diag(self._relative(bread)[:size, :size])

    def _covariance(self, data: Comparisons) -> FloatArray:
        size = self.strengths_.size
        return self.scale**2 * self._parameter_covariance(data)[:size, :size]

    def _parameter_covariance(self, data: Comparisons) -> FloatArray:
        """(D, D) sandwich covariance of the strengths and of what follows them."""
        size, dimension = self.strengths_.size, self._found.point.size
        bread = inverse(self._found.information, flat_direction(size, dimension))
        factor = 1.0 if data.n_clusters is None else few_cluster_factor(data.n_clusters)
        meat = factor * self._meat(data) + self._virtual.meat(self._found.point)
        return self._relative(sandwich(bread, meat))

    def _centred(self, strengths: FloatArray) -> FloatArray:
        """Strengths (…, K) with mean zero over the core."""
        if strengths.shape[-1] == 0:
            return strengths
        core = strengths[..., self._connectivity.core]
        return np.asarray(strengths - core.mean(axis=-1, keepdims=True))

    def _relative(self, covariance: FloatArray) -> FloatArray:
        """(D, D) relative to the core's mean, from one relative to the mean of all.

        Else those whom votes cannot place would blur everybody's zero.
        """
        core, size = self._connectivity.core, self.strengths_.size
        if core.size in (0, size):
            return covariance
        shift = np.eye(len(covariance))
        shift[:size, core] -= 1.0 / core.size
        return np.asarray(shift @ covariance @ shift.T)


def flat_direction(size: int, dimension: int) -> FloatArray:
    """(D,) adding a constant to all `size` strengths changes nothing; other parameters do."""
    return (np.arange(dimension) < size).astype(np.float64)
