"""How sure the first place is: chances of being best, and the votes that it rests on."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ranking.boards import LEVEL, as_comparisons, as_labels
from ranking.counting import SliceCounts, Who
from ranking.estimators import BradleyTerry, leverage, probability_of_best
from ranking.estimators.significance import as_wide_as
from ranking.tallies import Tallies

DRAWS = 10_000
SHOWN = 3
LEAST_CHANCE = 0.01


class FirstPlace(NamedTuple):
    """By Bradley-Terry.

    `chances`: of being the best, the most likely first, of those that have one worth telling.
    `votes`: so few would have to go for `successor` to be first instead of `leader`, and they
    are this `share` of the `total`; 0 if no such votes were found. `left_out`: how many contenders
    no votes connect with these.
    """

    chances: tuple[tuple[str, float], ...]
    leader: str
    successor: str
    votes: int
    share: float
    total: int
    left_out: int = 0


def first_place(counts: SliceCounts, who: Mapping[int, Who]) -> FirstPlace | None:
    """None where fewer than two contenders were compared.

    Among the largest group that votes connect: others cannot be placed relative to it.
    """
    ids = counts.tallies.contenders
    if len(ids) < 2:
        return None
    comparisons = as_comparisons(counts, as_labels(ids, who))
    fitted = BradleyTerry().fit(comparisons)
    if not fitted.comparable_.all():
        connected = {ids[i] for i in np.flatnonzero(fitted.comparable_)}
        found = first_place(_among(counts, connected), who)
        return found and found._replace(left_out=len(ids) - len(connected))
    chance = probability_of_best(_draws(fitted, comparisons.n_clusters))
    likely = np.argsort(-chance, kind="stable")[:SHOWN]
    chances = tuple(
        (str(fitted.labels_[i]), float(chance[i])) for i in likely if chance[i] >= LEAST_CHANCE
    )
    lever = leverage(comparisons)
    leader = str(fitted.labels_[int(fitted.ratings_.argmax())])
    if lever is None:
        return FirstPlace(chances, leader, "", 0, 0.0, counts.votes)
    return FirstPlace(
        chances, str(lever.leader), str(lever.successor), lever.votes, lever.share, counts.votes
    )


def _among(counts: SliceCounts, chosen: set[int]) -> SliceCounts:
    """The votes on these contenders; nobody else was compared with them."""
    tallies = {
        verdict: count for verdict, count in counts.tallies.items() if verdict[0][0] in chosen
    }
    apart = counts.by_rater and Counter(
        {key: count for key, count in counts.by_rater.items() if key[1][0][0] in chosen}
    )
    return SliceCounts(Tallies.of(tallies), by_rater=apart)


def _draws(fitted: BradleyTerry, clusters: int | None) -> NDArray[np.float64]:
    """(DRAWS, K) ratings as uncertain as the board's intervals say, also those of few votes."""
    covariance = as_wide_as(fitted.intervals(LEVEL), fitted.covariance(), LEVEL, clusters=clusters)
    return np.random.default_rng(0).multivariate_normal(
        fitted.ratings_, covariance, DRAWS, method="eigh", check_valid="ignore"
    )
