"""One contender against each of the others."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ranking.boards import StandingRecord
from ranking.estimators import expected_score
from ranking.selectors.pairs import Pair
from ranking.selectors.proportions import Proportion, wilson

LEAST_COMPARISONS = 5  # before a duel is called won or lost
MOST_NAMED = 3


class Duel(NamedTuple):
    """Comparisons with one opponent. `expected` is the win rate that the ratings predict."""

    opponent: StandingRecord
    pair: Pair
    observed: Proportion
    expected: float

    @property
    def surprising(self) -> bool:
        """Whether the ratings predict what the interval rules out."""
        return not self.observed.lower <= self.expected <= self.observed.upper


def duels(
    standing: StandingRecord,
    others: Sequence[StandingRecord],
    met: Mapping[tuple[int, int], Pair],
) -> list[Duel]:
    """With everybody it was compared with, in the order of `others`."""
    return [
        Duel(
            other,
            pair,
            wilson(pair.wins + 0.5 * pair.ties, pair.total),
            expected_score(standing.rating, other.rating),
        )
        for other in others
        if (pair := met.get((standing.contender_id, other.contender_id)))
    ]


def most_won(fought: Sequence[Duel]) -> list[Duel]:
    """The clearest first; none that is as likely luck."""
    won = [duel for duel in _decided(fought) if duel.observed.share > 0.5]
    return sorted(won, key=lambda duel: -duel.observed.lower)[:MOST_NAMED]


def most_lost(fought: Sequence[Duel]) -> list[Duel]:
    lost = [duel for duel in _decided(fought) if duel.observed.share < 0.5]
    return sorted(lost, key=lambda duel: duel.observed.upper)[:MOST_NAMED]


def _decided(fought: Sequence[Duel]) -> list[Duel]:
    return [duel for duel in fought if duel.pair.total >= LEAST_COMPARISONS]
