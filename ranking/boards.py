"""Counts and a method become the lines of a leaderboard. No database here."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from arena.errors import Invalid
from ranking.counting import EloScore, SliceCounts, Who
from ranking.estimators import (
    BradleyTerry,
    Comparisons,
    Elo,
    PlackettLuce,
    rank_ranges,
    significantly_better,
    win_rate,
)
from ranking.estimators.caveats import FEW, describe_online
from ranking.estimators.elo import online_connectivity
from ranking.estimators.ranks import ranks
from ranking.estimators.results import Interval
from ranking.estimators.strengths import StrengthModel
from ranking.tallies import Tallies

METHODS = ("bradley-terry", "elo", "plackett-luce")
STYLE_CONTROLLED = "style-controlled"  # needs the votes and not their tallies: never stored
ALL_METHODS = (*METHODS, STYLE_CONTROLLED)
BY_VOTE, BY_RATER = "vote", "rater"
CLUSTERS = (BY_VOTE, BY_RATER)  # whose errors may depend on each other: those of one …
LEVEL = 0.95
TIE_ODDS = "tie_odds"
FOUND = (TIE_ODDS, "coefficients")  # among the settings, but fitted to the votes
_FITTED = {"bradley-terry": BradleyTerry, "plackett-luce": PlackettLuce}
_ELO_CAVEAT = "Online Elo depends on the order of the votes and has no interval."


@dataclass(frozen=True, slots=True)
class StandingRecord:
    """One line. Bounds and what follows from them are None for online Elo, which has none.

    Ranks are among those whom votes connect: all are None for who cannot be compared with them.
    `significance_rank`: 1 plus the number of contenders that are significantly better.
    """

    rank: int | None
    rank_low: int | None
    rank_high: int | None
    significance_rank: int | None
    contender_id: int
    slug: str
    name: str
    rating: float
    lower: float | None
    upper: float | None
    votes: int
    wins: int
    losses: int
    ties: int


@dataclass(frozen=True, slots=True)
class LeaderboardRecord:
    """A leaderboard, stored or just computed (then `id` is None).

    `votes`: how many votes it rests on, from the number `first_vote` to `last_vote`; `digest`:
    their hash, see `SliceCounts.digest`. `cluster`: what the intervals are clustered by.
    """

    id: int | None
    method: str
    category: str
    population: str
    days: int | None
    cluster: str
    computed_at: datetime
    votes: int
    settings: dict[str, Any]
    caveats: list[str]
    digest: str
    first_vote: int | None
    last_vote: int | None
    standings: tuple[StandingRecord, ...]


class Board(NamedTuple):
    """What a method makes of the counts."""

    settings: dict[str, Any]
    caveats: list[str]
    standings: tuple[StandingRecord, ...]


class Ratings(NamedTuple):
    """All by label index, (K,). None where there is no interval.

    `comparable`: whom votes connect, see `Connectivity.comparable`.
    `surpassed`: how many of those are significantly better.
    """

    settings: dict[str, Any]
    caveats: list[str]
    rating: NDArray[np.float64]
    comparable: NDArray[np.bool_]
    lower: NDArray[np.float64] | None
    upper: NDArray[np.float64] | None
    surpassed: NDArray[np.intp] | None


def check_method(method: str) -> None:
    """Raise Invalid, naming the methods there are, for an unknown one."""
    if method not in ALL_METHODS:
        *names, last = ALL_METHODS
        raise Invalid(
            _("Unknown method '%(method)s': say %(names)s or %(last)s.")
            % {"method": method, "names": ", ".join(names), "last": last}
        )


def rank_contenders(
    method: str,
    counts: SliceCounts,
    who: Mapping[int, Who],
    anchor: Mapping[int, float] | None = None,
) -> Board:
    """Standings, best first, of everybody in the tallies. `anchor` fixes one's rating.

    The intervals are clustered by rater if the counts tell them apart, else by vote.
    """
    check_method(method)
    ids = counts.tallies.contenders
    labels = as_labels(ids, who)
    comparisons = as_comparisons(counts, labels)
    if method == "elo":
        ratings = _elo(counts.elo, ids, anchor, comparisons)
    else:
        anchored = {labels[contender]: to for contender, to in (anchor or {}).items()} or None
        settings = settings_of(method, counts) | {"anchor": anchored}
        fitted = _FITTED[method](anchor=anchored).fit(comparisons)
        if isinstance(fitted, PlackettLuce):
            settings[TIE_ODDS] = fitted.tie_odds_.get(2, 0.0)
        ratings = as_ratings(fitted, comparisons.n_clusters, settings)
    return Board(ratings.settings, ratings.caveats, as_lines(who, ratings, counts.tallies))


def as_labels(ids: Sequence[int], who: Mapping[int, Who]) -> dict[int, str]:
    """Names, with the slug where two contenders share one: the estimators' caveats show them."""
    shared = Counter(who[contender].name for contender in ids)
    return {
        contender: name if shared[name] == 1 else f"{name} ({slug})"
        for contender in ids
        for slug, name in [who[contender]]
    }


def as_comparisons(counts: SliceCounts, labels: Mapping[int, str]) -> Comparisons:
    """The votes with `labels` for the contenders' ids, clustered by rater where that is known."""
    if counts.by_rater is None:
        return counts.tallies.comparisons.relabelled(labels.values())
    kinds = [(verdict, count) for (_, verdict), count in counts.by_rater.items()]
    return Comparisons.from_rankings(
        [[labels[contender] for contender in lineup] for (lineup, _), _ in kinds],
        [verdict for (_, verdict), _ in kinds],
        weight=[count for _, count in kinds],
        cluster=[rater for rater, _ in counts.by_rater],
        labels=list(labels.values()),
    )


def settings_of(method: str, counts: SliceCounts) -> dict[str, Any]:
    """With what a method that takes the tallies is used, an anchor aside."""
    if method == "elo":
        return {**vars(Elo()), "anchor": None}
    return {**vars(_FITTED[method]()), **inference(counts.raters)}


def inference(raters: int | None) -> dict[str, Any]:
    """How intervals and significance are computed; `raters`: how many, if clustered by them."""
    settings: dict[str, Any] = {
        "level": LEVEL,
        "relative to": "mean of those who reach each other by votes",
        "significance": "Benjamini-Hochberg, all pairs",
    }
    if raters is None:
        return settings | {"interval": "sandwich, clustered by vote"}
    return settings | {"interval": "sandwich, clustered by rater", "raters": raters}


def as_ratings(fitted: StrengthModel, clusters: int | None, settings: dict[str, Any]) -> Ratings:
    """What a model says that was fitted to votes in so many clusters, None if in no given ones."""
    interval = fitted.intervals(LEVEL)
    comparable = np.flatnonzero(fitted.comparable_)
    better = significantly_better(
        fitted.ratings_[comparable],
        fitted.covariance()[np.ix_(comparable, comparable)],
        Interval(interval.lower[comparable], interval.upper[comparable]),
        LEVEL,
        clusters=clusters,
    )
    surpassed = np.zeros(fitted.ratings_.size, np.intp)
    surpassed[comparable] = better.sum(axis=0)
    # The clusters that an estimator speaks of are raters here.
    caveats = [
        caveat.replace("clusters of votes", "raters").replace("cluster of votes", "rater")
        for caveat in fitted.caveats_
    ]
    return Ratings(settings, caveats, fitted.ratings_, fitted.comparable_, *interval, surpassed)


def _elo(
    scores: Mapping[int, EloScore],
    ids: Sequence[int],
    anchor: Mapping[int, float] | None,
    comparisons: Comparisons,
) -> Ratings:
    settings = {**vars(Elo()), "anchor": None}
    shift = 0.0
    if anchor:
        [(fixed, to)] = anchor.items()
        shift = to - scores[fixed].rating
        settings["anchor"] = to
    rating = np.array([scores[contender].rating + shift for contender in ids], np.float64)
    connectivity = online_connectivity(comparisons)
    caveats = [_ELO_CAVEAT, *describe_online(comparisons.labels, connectivity)]
    return Ratings(settings, caveats, rating, connectivity.comparable, None, None, None)


def tie_odds(settings: Mapping[str, Any]) -> float:
    """Those that a method fitted beside its ratings; 0 where a tie is half a win."""
    return float(settings.get(TIE_ODDS, 0.0))


def win_rates(standings: Sequence[StandingRecord], odds: float = 0.0) -> list[float | None]:
    """Each one's expected win rate against a contender of average rating, a tie being one half.

    `odds` are those of a tie, see `tie_odds`. The average is of those with a rank and votes
    enough, so that a newcomer moves nobody; None for those without a rank.
    """
    ranked = [one for one in standings if one.rank is not None]
    known = [one.rating for one in ranked if one.votes >= FEW] or [one.rating for one in ranked]
    average = sum(known) / max(len(known), 1)
    return [
        None if one.rank is None else float(win_rate(one.rating, average, tie_odds=odds))
        for one in standings
    ]


def _record(comparisons: Comparisons) -> NDArray[np.int64]:
    """(3, K) comparisons won, lost and tied by each contender."""
    size, weight = len(comparisons.labels), np.asarray(comparisons.weight)
    counts = np.zeros((3, size))
    for row, of_left in enumerate((1.0, 0.0, 0.5)):
        mine, theirs = comparisons.outcome == of_left, comparisons.outcome == 1.0 - of_left
        counts[row] += np.bincount(comparisons.left[mine], weight[mine], size)
        counts[row] += np.bincount(comparisons.right[theirs], weight[theirs], size)
    return counts.round().astype(np.int64)


def as_lines(
    who: Mapping[int, Who], ratings: Ratings, tallies: Tallies
) -> tuple[StandingRecord, ...]:
    """The standings of ratings in the order of the tallies' contenders.

    Best first; those without a rank last.
    """
    record, votes = _record(tallies.comparisons), tallies.votes_of_contenders()
    placed = _places(ratings)
    lines = [
        StandingRecord(
            **placed[i]._asdict(),
            contender_id=contender,
            slug=who[contender].slug,
            name=who[contender].name,
            rating=float(ratings.rating[i]),
            lower=None if ratings.lower is None else float(ratings.lower[i]),
            upper=None if ratings.upper is None else float(ratings.upper[i]),
            votes=int(votes[i]),
            wins=int(record[0, i]),
            losses=int(record[1, i]),
            ties=int(record[2, i]),
        )
        for i, contender in enumerate(tallies.contenders)
    ]
    return tuple(sorted(lines, key=lambda line: (line.rank or math.inf, line.name, line.slug)))


class _Place(NamedTuple):
    """The ranks of a line, as in `StandingRecord`."""

    rank: int | None = None
    rank_low: int | None = None
    rank_high: int | None = None
    significance_rank: int | None = None


def _places(ratings: Ratings) -> list[_Place]:
    """By label index, among the comparable ones."""
    chosen = np.flatnonzero(ratings.comparable)
    rating = ratings.rating[chosen]
    columns: list[NDArray[np.intp]]
    if ratings.lower is None or ratings.upper is None or ratings.surpassed is None:
        columns = [ranks(rating)]
    else:
        possible = rank_ranges(rating, ratings.lower[chosen], ratings.upper[chosen])
        columns = [*possible, ratings.surpassed[chosen] + 1]
    found = [_Place()] * ratings.rating.size
    for i, *place in zip(chosen, *columns, strict=True):
        found[i] = _Place(*map(int, place))
    return found
