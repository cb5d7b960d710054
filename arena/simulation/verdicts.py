"""From what a simulated rater likes to the ranks it gives. Pure."""

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
