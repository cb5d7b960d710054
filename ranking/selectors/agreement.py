"""How far raters agree where several of them judged the same item (`ranking.items`)."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np
from django.db.models import Count

from arena.categories import OVERALL
from arena.models import Population, Rater
from ranking.counting import Slice
from ranking.estimators import (
    Judgements,
    agreement_with_crowd,
    cohen_kappas,
    krippendorff_alpha,
)
from ranking.items import UNCOUNTED
from ranking.selectors.counts import CHUNK, numbers, rows_in
from ranking.selectors.kept import Kept
from ranking.selectors.leaderboards import check_slice
from ranking.selectors.proportions import Proportion, wilson

LEAST_SHARED = 10  # comparisons that two raters, or a rater and the others, have in common
LEAST_SUSPECTED = 20  # comparisons from which on a rater may be called suspicious
VALUES = ("first", "tie", "second")


class Judged(NamedTuple):
    """A vote on an item that somebody else judged too; contenders and ranks by position."""

    item: str
    rater: int
    lineup: tuple[int, ...]
    ranks: tuple[int, ...]


class Spread(NamedTuple):
    """How many figures there are; their lower quarter, middle and upper quarter."""

    number: int
    low: float
    middle: float
    high: float


class RaterAgreement(NamedTuple):
    """One rater and the others. `votes`: all that count; `agreement`: of the shared comparisons.

    `suspicious`: with LEAST_SUSPECTED comparisons or more, agrees less than raters do on the
    whole, and not clearly more than guessing would.
    """

    rater: int
    name: str
    votes: int
    agreement: Proportion
    suspicious: bool


class Agreement(NamedTuple):
    """`items` were judged by at least two of `raters`, in `judgements` votes.

    `comparisons`: pairs of responses in these items. `alpha`, `ordinal`: Krippendorff's α of
    them, None where it is not defined. `kappas`: Cohen's κ of every two raters who share at
    least LEAST_SHARED comparisons. `crowd`: in what share of their comparisons raters say what
    most of the others say, of raters who share so many with them; `pooled`: that share of all
    judgements together; `chance`: what answers drawn from all answers would reach.
    """

    items: int
    raters: int
    judgements: int
    comparisons: int
    alpha: float | None
    ordinal: float | None
    kappas: Spread | None
    crowd: Spread | None
    pooled: float | None
    chance: float | None
    by_rater: tuple[RaterAgreement, ...]


KEPT: Kept[Agreement] = Kept(size=16, seconds=60)


def kept_agreement(population: str = Population.PEOPLE) -> Agreement:
    """`agreement` of all categories, at most a minute old."""
    return KEPT.get(population, partial(agreement, population=population))


def agreement(*, population: str = Population.PEOPLE, category: str = OVERALL) -> Agreement:
    """Of the counted votes. Raises Invalid for unknown names."""
    check_slice(category, population)
    part = Slice(category, population)
    judged = list(first_judgements(_judged(part)))
    votes = dict(rows_in(part).order_by().values_list("rater").annotate(Count("pk")))
    raters = {one.rater for one in judged}
    names = {rater.pk: rater_name(rater) for rater in _raters(raters)}
    return summary(judged, votes, names)


def summary(judged: list[Judged], votes: Mapping[int, int], names: Mapping[int, str]) -> Agreement:
    """The figures, from votes of which no rater has two on one item."""
    rows = [row for one in judged for row in comparisons_of(one)]
    units, raters, values = ([row[i] for row in rows] for i in range(3))
    judgements = Judgements.from_rows(units, raters, values, order=VALUES)
    kappas = [
        pair.kappa
        for pair in cohen_kappas(judgements)
        if pair.units >= LEAST_SHARED and pair.kappa is not None
    ]
    found = {
        int(str(rater)): wilson(share * shared, shared)
        for rater, shared, share in agreement_with_crowd(judgements)
        if share is not None
    }
    total = sum(one.total for one in found.values())
    pooled = sum(one.share * one.total for one in found.values()) / total if total else None
    shares = np.bincount(judgements.value, minlength=len(VALUES)) / max(len(rows), 1)
    chance = float(shares @ shares) if rows else None
    by_rater = [
        RaterAgreement(
            rater,
            names.get(rater, f"rater {rater}"),
            votes.get(rater, 0),
            agreed,
            is_suspicious(agreed, pooled or 0.0, chance or 0.0),
        )
        for rater, agreed in found.items()
    ]
    return Agreement(
        items=len({one.item for one in judged}),
        raters=len(judgements.raters),
        judgements=len(judged),
        comparisons=len(judgements.units),
        alpha=krippendorff_alpha(judgements),
        ordinal=krippendorff_alpha(judgements, "ordinal"),
        kappas=_spread(kappas),
        crowd=_spread([one.share for one in found.values() if one.total >= LEAST_SHARED]),
        pooled=pooled,
        chance=chance,
        by_rater=tuple(sorted(by_rater, key=lambda one: (not one.suspicious, one.agreement))),
    )


def is_suspicious(agreed: Proportion, pooled: float, chance: float) -> bool:
    return agreed.total >= LEAST_SUSPECTED and agreed.upper < pooled and agreed.lower <= chance


def first_judgements(votes: Iterable[Judged]) -> Iterator[Judged]:
    """Of each rater on each item; who judges the same once more agrees with nobody but himself."""
    seen: set[tuple[str, int]] = set()
    for vote in votes:
        if (key := (vote.item, vote.rater)) not in seen:
            seen.add(key)
            yield vote


def comparisons_of(vote: Judged) -> Iterator[tuple[str, int, str]]:
    """(unit, rater, value) of each pair of responses in a vote.

    Which of the two is called the first is drawn by a hash of item and contender: were it by age
    or name, one answer might be the more frequent, and agreement by chance seem greater.
    """
    drawn = sorted(
        zip(vote.lineup, vote.ranks, strict=True), key=lambda one: _draw(vote.item, one[0])
    )
    for (one, rank), (other, others) in combinations(drawn, 2):
        value = VALUES[1] if rank == others else VALUES[0 if rank < others else 2]
        yield f"{vote.item} {one} {other}", vote.rater, value


def rater_name(rater: Rater) -> str:
    """For the operator: the account, the name in an imported file, or the number."""
    return str(rater) if rater.user else rater.external_id or str(rater)


def _draw(item: str, contender: int) -> bytes:
    return hashlib.sha256(f"{item} {contender}".encode()).digest()


def _judged(part: Slice) -> Iterator[Judged]:
    """The votes on items that at least two raters judged, in the order cast."""
    rows = rows_in(part).exclude(item__in=["", UNCOUNTED])
    several = rows.order_by().values("item").annotate(raters=Count("rater", distinct=True))
    shared = rows.filter(item__in=several.filter(raters__gt=1).values("item"))
    columns = shared.values_list("item", "rater", "lineup", "ranks")
    for item, rater, lineup, ranks in columns.iterator(chunk_size=CHUNK):
        yield Judged(item, rater, numbers(lineup), numbers(ranks))


def _raters(ids: set[int]) -> Iterator[Rater]:
    known = sorted(ids)
    for start in range(0, len(known), CHUNK):
        yield from Rater.objects.filter(pk__in=known[start : start + CHUNK]).select_related("user")


def _spread(figures: list[float]) -> Spread | None:
    if not figures:
        return None
    low, middle, high = np.quantile(figures, [0.25, 0.5, 0.75]).tolist()
    return Spread(len(figures), low, middle, high)
