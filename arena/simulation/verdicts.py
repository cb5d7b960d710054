"""From what a simulated rater likes to the ranks and thumbs it gives. Pure."""

import math
from collections.abc import Sequence
from itertools import permutations
from random import Random


def preferred_ranks(utilities: Sequence[float]) -> list[int]:
    """Rank 1 for the highest utility; equal utilities share a rank and the next is skipped."""
    if any(math.isnan(utility) for utility in utilities):
        raise ValueError("a preference may not be NaN")
    return [1 + sum(other > utility for other in utilities) for utility in utilities]


def noisy_ranks(utilities: Sequence[float], consistency: float, chance: Random) -> list[int]:
    """With probability `consistency` the preferred ranks, else another order drawn uniformly.

    The other orders are those without ties: one for two responses, five for three (six if the
    preferred ranks have a tie).
    """
    preferred = preferred_ranks(utilities)
    if chance.random() < consistency:
        return preferred
    orders = permutations(range(1, len(utilities) + 1))
    return chance.choice([list(order) for order in orders if list(order) != preferred])


def noisy_thumbs(
    utilities: Sequence[float], consistency: float, share: float, chance: Random
) -> list[int]:
    """A thumb for about `share` of the responses: 1 is up, -1 down, 0 none.

    Up for what is liked best and down for what is liked least; what is between, or equal to all
    others, has none. With probability 1 - `consistency` a thumb points the other way.
    """
    preferred = preferred_ranks(utilities)
    best, worst = min(preferred), max(preferred)
    thumbs = []
    for rank in preferred:
        given, right = chance.random() < share, chance.random() < consistency
        liked = (rank == best) - (rank == worst)
        thumbs.append((liked if right else -liked) if given else 0)
    return thumbs
