"""Votes as ranking counts them: equal verdicts together, and online Elo in the order cast."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from arena.categories import OVERALL, categories_of
from arena.selectors import DecidedVote
from ranking.estimators.elo import INITIAL, elo_update
from ranking.estimators.style_features import count_style
from ranking.items import item_of
from ranking.tallies import Tallies, Verdict

ALL = "all"  # people and simulated raters together

Moves = Mapping[int, tuple[float, float]]
"""{contender: (Elo before, Elo after)}"""
MovesInBattles = Mapping[tuple[UUID, int], tuple[float, float]]
"""The same by battle and contender."""


class Slice(NamedTuple):
    """Which votes are counted together."""

    category: str
    population: str


class Ballot(NamedTuple):
    """A vote without its texts, by position: what a row of `CountedVote` holds."""

    vote: int
    rater: int
    population: str
    categories: tuple[str, ...]
    cast_at: datetime
    lineup: tuple[int, ...]
    ranks: tuple[int, ...]
    style: tuple[tuple[int | None, ...], ...] = ()
    item: str = ""  # equal where the same was judged, see `ranking.items`

    @property
    def verdict(self) -> Verdict:
        """The vote without its positions."""
        return verdict_of(self.lineup, self.ranks)


def verdict_of(lineup: Sequence[int], ranks: Sequence[int]) -> Verdict:
    """Contenders in ascending order; a rank is 1 plus the number of better contenders."""
    pairs = sorted(zip(lineup, ranks, strict=True))
    places = tuple(1 + sum(other < rank for _, other in pairs) for _, rank in pairs)
    return tuple(contender for contender, _ in pairs), places


@dataclass(slots=True)
class EloScore:
    rating: float = INITIAL
    votes: int = 0


def ballot_of(vote: DecidedVote) -> Ballot:
    """A vote that was read with its texts, as ranking keeps it."""
    return Ballot(
        vote=vote.vote_id,
        rater=vote.rater_id,
        population=vote.population,
        categories=categories_of(vote),
        cast_at=vote.cast_at,
        lineup=vote.contender_ids,
        ranks=vote.ranks,
        style=_style(vote),
        item=item_of(vote),
    )


def _style(vote: DecidedVote) -> tuple[tuple[int | None, ...], ...]:
    """Nothing unless every response has a text."""
    if not all(any(response.texts) for response in vote.responses):
        return ()
    return tuple(
        (*count_style("\n\n".join(response.texts)), _milliseconds(response.seconds))
        for response in vote.responses
    )


def _milliseconds(seconds: Sequence[float | None]) -> int | None:
    known = [value for value in seconds if value is not None]
    return round(1000 * sum(known)) if seconds and len(known) == len(seconds) else None


def tallies_of(ballot: Ballot) -> list[tuple[Slice, Verdict]]:
    """The tallies that a vote adds one to."""
    verdict = ballot.verdict
    return [
        (Slice(category, ballot.population), verdict) for category in (OVERALL, *ballot.categories)
    ]


def slices_of(ballot: Ballot) -> list[Slice]:
    """The slices in which a vote moves Elo."""
    return [
        Slice(category, population)
        for category in (OVERALL, *ballot.categories)
        for population in (ballot.population, ALL)
    ]


@dataclass(slots=True)
class Counts:
    """Tallies and online Elo of any number of votes, slice by slice.

    A vote counts overall and in each of its categories. Tallies keep people and simulated raters
    apart and can be added up; Elo cannot, so that it also has a slice for all of them together.
    """

    tallies: Counter[tuple[Slice, Verdict]] = field(default_factory=Counter)
    elo: dict[tuple[Slice, int], EloScore] = field(default_factory=dict)

    def add(self, ballot: Ballot) -> Moves:
        """Count one vote. Returns how it moved the overall Elo among its own population."""
        before = self._ratings(ballot, Slice(OVERALL, ballot.population))
        self.tallies.update(tallies_of(ballot))
        self.play(ballot)
        after = self._ratings(ballot, Slice(OVERALL, ballot.population))
        return {
            contender: (old, new)
            for contender, old, new in zip(ballot.lineup, before, after, strict=True)
        }

    def play(self, ballot: Ballot) -> None:
        """Move the Elo alone."""
        for part in slices_of(ballot):
            play(self._scores(ballot, part), ballot.ranks)

    def _scores(self, ballot: Ballot, part: Slice) -> list[EloScore]:
        return [self.elo.setdefault((part, who), EloScore()) for who in ballot.lineup]

    def _ratings(self, ballot: Ballot, part: Slice) -> list[float]:
        return [score.rating for score in self._scores(ballot, part)]


def play(scores: Sequence[EloScore], ranks: Sequence[int]) -> None:
    """Move the Elo of those who were ranked, by position."""
    moved = elo_update([score.rating for score in scores], ranks)
    for score, rating in zip(scores, moved, strict=True):
        score.rating = rating
        score.votes += 1


class Who(NamedTuple):
    """A contender by the names that a reader may use for it."""

    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class SliceCounts:
    """What the leaderboards of one slice rest on: tallies, and Elo by contender.

    `by_rater`: the tallies of each rater, if intervals shall be clustered by them.
    """

    tallies: Tallies
    elo: dict[int, EloScore] = field(default_factory=dict)
    first_vote: int | None = None
    last_vote: int | None = None
    by_rater: Counter[tuple[int, Verdict]] | None = None

    @property
    def votes(self) -> int:
        return self.tallies.total()

    @property
    def raters(self) -> int | None:
        """How many there are, if their tallies are kept apart."""
        return None if self.by_rater is None else len({rater for rater, _ in self.by_rater})

    def digest(self, method: str, who: Mapping[int, Who]) -> str:
        """A hash that changes when, and only when, the method's ratings may change.

        SHA-256 of JSON without spaces: [kinds] or, for online Elo, [kinds, ratings]. A kind is
        [slugs, ranks, count] of equal votes, the slugs in alphabetical order; a rating is
        [slug, Elo]. Both are sorted.
        """
        basis = self.tallies.as_json({one: who[one].slug for one in self.tallies.contenders})
        if method == "elo":
            ratings = sorted([who[one].slug, score.rating] for one, score in self.elo.items())
            basis += "," + json.dumps(ratings, separators=(",", ":"))
        return hashlib.sha256(f"[{basis}]".encode()).hexdigest()


def count_ballots(chosen: Iterable[Ballot], *, by_rater: bool = False) -> SliceCounts:
    """Count the votes of one slice, in the order given; if asked, each rater's apart as well."""
    tallies: Counter[Verdict] = Counter()
    apart: Counter[tuple[int, Verdict]] = Counter()
    elo: dict[int, EloScore] = {}
    first: int | None = None
    last: int | None = None
    for ballot in chosen:
        verdict = ballot.verdict
        tallies[verdict] += 1
        if by_rater:
            apart[ballot.rater, verdict] += 1
        play([elo.setdefault(who, EloScore()) for who in ballot.lineup], ballot.ranks)
        first, last = first or ballot.vote, ballot.vote
    return SliceCounts(Tallies.of(tallies), elo, first, last, apart if by_rater else None)
