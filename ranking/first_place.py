"""How sure the first place is: chances of being best, and the votes that it rests on."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ranking.boards import as_labels
from ranking.counting import SliceCounts, Who
from ranking.estimators import BradleyTerry, leverage, probability_of_best

DRAWS = 10_000
SHOWN = 3
LEAST_CHANCE = 0.01


class FirstPlace(NamedTuple):
    """By Bradley-Terry.

    `chances`: of being the best, the most likely first, of those that have one worth telling.
    `votes`: so few would have to go for `successor` to be first instead of `leader`, and they
    are this `share` of all votes; 0 if no such votes were found.
    """

    chances: tuple[tuple[str, float], ...]
    leader: str
    successor: str
    votes: int
    share: float


def first_place(counts: SliceCounts, who: Mapping[int, Who]) -> FirstPlace | None:
    """None where fewer than two contenders were compared."""
    ids = counts.tallies.contenders
    if len(ids) < 2:
        return None
    comparisons = counts.tallies.comparisons.relabelled(as_labels(ids, who).values())
    fitted = BradleyTerry().fit(comparisons)
    chance = probability_of_best(fitted.draws(DRAWS))
    likely = np.argsort(-chance, kind="stable")[:SHOWN]
    chances = tuple(
        (str(fitted.labels_[i]), float(chance[i])) for i in likely if chance[i] >= LEAST_CHANCE
    )
    found = leverage(comparisons)
    leader = str(fitted.labels_[int(fitted.ratings_.argmax())])
    if found is None:
        return FirstPlace(chances, leader, "", 0, 0.0)
    return FirstPlace(chances, str(found.leader), str(found.successor), found.votes, found.share)
