"""Votes as ranking counts them: equal verdicts together, and online Elo in the order cast."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from arena.selectors import DecidedVote
from ranking.estimators.elo import INITIAL, elo_update

OVERALL = "overall"
ALL = "all"  # people and simulated raters together

# The contenders' ids in ascending order, and their ranks in that order.
Verdict = tuple[tuple[int, ...], tuple[int, ...]]
# {(battle, contender): (Elo before, Elo after)}
Moves = Mapping[tuple[UUID, int], tuple[float, float]]


class Slice(NamedTuple):
    """Which votes are counted together."""

    category: str
    population: str


@dataclass(slots=True)
class EloScore:
    rating: float = INITIAL
    votes: int = 0


def verdict(vote: DecidedVote) -> Verdict:
    """The vote without its positions; a rank is 1 plus the number of better contenders."""
    pairs = sorted(zip(vote.contender_ids, vote.ranks, strict=True))
    ranks = tuple(1 + sum(other < rank for _, other in pairs) for _, rank in pairs)
    return tuple(contender for contender, _ in pairs), ranks


@dataclass(slots=True)
class Counts:
    """Tallies and online Elo of any number of votes, slice by slice.

    A vote counts overall and in its battle's category. Tallies keep people and simulated raters
    apart and can be added up; Elo cannot, so that it also has a slice for all of them together.
    """

    tallies: Counter[tuple[Slice, Verdict]] = field(default_factory=Counter)
    elo: dict[tuple[Slice, int], EloScore] = field(default_factory=dict)

    def add(self, vote: DecidedVote) -> Moves:
        """Count one vote. Returns how it moved the overall Elo among its own population."""
        categories = [OVERALL] if vote.category in {"", OVERALL} else [OVERALL, vote.category]
        before = self._ratings(vote, Slice(OVERALL, vote.population))
        for category in categories:
            self.tallies[Slice(category, vote.population), verdict(vote)] += 1
            for population in (vote.population, ALL):
                self._play(vote, Slice(category, population))
        after = self._ratings(vote, Slice(OVERALL, vote.population))
        return {
            (vote.battle_id, contender): (old, new)
            for contender, old, new in zip(vote.contender_ids, before, after, strict=True)
        }

    def _scores(self, vote: DecidedVote, part: Slice) -> list[EloScore]:
        return [self.elo.setdefault((part, who), EloScore()) for who in vote.contender_ids]

    def _ratings(self, vote: DecidedVote, part: Slice) -> list[float]:
        return [score.rating for score in self._scores(vote, part)]

    def _play(self, vote: DecidedVote, part: Slice) -> None:
        scores = self._scores(vote, part)
        moved = elo_update([score.rating for score in scores], vote.ranks)
        for score, rating in zip(scores, moved, strict=True):
            score.rating = rating
            score.votes += 1
