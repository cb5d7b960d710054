"""Counts and a method become the lines of a leaderboard. No database here."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from arena.errors import Invalid
from ranking.counting import EloScore, SliceCounts, Who
from ranking.estimators import BradleyTerry, Comparisons, Elo, PlackettLuce, rank_ranges
from ranking.estimators.elo import online_caveats
from ranking.estimators.ranks import ranks
from ranking.tallies import Tallies

METHODS = ("bradley-terry", "elo", "plackett-luce")
STYLE_CONTROLLED = "style-controlled"  # needs the votes and not their tallies: never stored
ALL_METHODS = (*METHODS, STYLE_CONTROLLED)
LEVEL = 0.95
_FITTED = {"bradley-terry": BradleyTerry, "plackett-luce": PlackettLuce}
_ELO_CAVEAT = "Online Elo depends on the order of the votes and has no interval."


@dataclass(frozen=True, slots=True)
class StandingRecord:
    """One line. Bounds and rank range are None where the method has none (online Elo)."""

    rank: int
    rank_low: int | None
    rank_high: int | None
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
    their hash, see `SliceCounts.digest`.
    """

    id: int | None
    method: str
    category: str
    population: str
    days: int | None
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
    """All by label index, (K,). `lower` and `upper` are None where there is no interval."""

    settings: dict[str, Any]
    caveats: list[str]
    rating: NDArray[np.float64]
    lower: NDArray[np.float64] | None
    upper: NDArray[np.float64] | None


def check_method(method: str) -> None:
    """Raise Invalid, naming the methods there are, for an unknown one."""
    if method not in ALL_METHODS:
        *names, last = ALL_METHODS
        raise Invalid(f"Unknown method {method!r}: say {', '.join(names)} or {last}.")


def rank_contenders(
    method: str,
    counts: SliceCounts,
    who: Mapping[int, Who],
    anchor: Mapping[int, float] | None = None,
) -> Board:
    """Standings, best first, of everybody in the tallies. `anchor` fixes one's rating."""
    check_method(method)
    ids, labels = counts.tallies.contenders, as_labels(counts.tallies.contenders, who)
    comparisons = counts.tallies.comparisons.relabelled(labels.values())
    if method == "elo":
        ratings = _elo(counts.elo, ids, anchor, online_caveats(comparisons))
    else:
        ratings = _fit(method, comparisons, {labels[c]: to for c, to in (anchor or {}).items()})
    return Board(ratings.settings, ratings.caveats, as_lines(who, ratings, counts.tallies))


def as_labels(ids: Sequence[int], who: Mapping[int, Who]) -> dict[int, str]:
    """Names, with the slug where two contenders share one: the estimators' caveats show them."""
    shared = Counter(who[contender].name for contender in ids)
    return {
        contender: name if shared[name] == 1 else f"{name} ({slug})"
        for contender in ids
        for slug, name in [who[contender]]
    }


def _fit(method: str, comparisons: Comparisons, anchor: dict[str, float]) -> Ratings:
    estimator = _FITTED[method](anchor=anchor or None)
    settings = {**vars(estimator), "level": LEVEL, "interval": "sandwich, clustered by vote"}
    estimator.fit(comparisons)
    lower, upper = estimator.intervals(LEVEL)
    return Ratings(settings, estimator.caveats_, estimator.ratings_, lower, upper)


def _elo(
    scores: Mapping[int, EloScore],
    ids: Sequence[int],
    anchor: Mapping[int, float] | None,
    caveats: list[str],
) -> Ratings:
    settings = {**vars(Elo()), "anchor": None}
    shift = 0.0
    if anchor:
        [(fixed, to)] = anchor.items()
        shift = to - scores[fixed].rating
        settings["anchor"] = to
    rating = np.array([scores[contender].rating + shift for contender in ids], np.float64)
    return Ratings(settings, [_ELO_CAVEAT, *caveats], rating, None, None)


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
    """The standings, best first, of ratings in the order of the tallies' contenders."""
    record, votes = _record(tallies.comparisons), tallies.votes_of_contenders()
    if ratings.lower is None or ratings.upper is None:
        rank, low, high = ranks(ratings.rating), None, None
    else:
        rank, low, high = rank_ranges(ratings.rating, ratings.lower, ratings.upper)
    lines = [
        StandingRecord(
            rank=int(rank[i]),
            rank_low=None if low is None else int(low[i]),
            rank_high=None if high is None else int(high[i]),
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
    return tuple(sorted(lines, key=lambda line: (line.rank, line.name, line.slug)))
