"""A share of a count, and how well the count tells it."""

import math
from statistics import NormalDist
from typing import NamedTuple

from ranking.boards import LEVEL

Z = NormalDist().inv_cdf((1 + LEVEL) / 2)


class Proportion(NamedTuple):
    """A share with the ends of its interval, all between 0 and 1, and what it is a share of."""

    share: float
    lower: float
    upper: float
    total: int


def wilson(successes: float, total: int) -> Proportion:
    """The interval of Wilson (1927), JASA 22. Raises ValueError if nothing was counted.

    A tie may count as half a success. The interval is then if anything too wide, since a half
    varies less than a whole.
    """
    if not 0 <= successes <= total or total < 1:
        raise ValueError(f"{successes} successes of {total}")
    share, spread = successes / total, Z * Z / total
    middle = (share + spread / 2) / (1 + spread)
    reach = math.sqrt(share * (1 - share) * spread + spread * spread / 4) / (1 + spread)
    # Rounding must not leave the share outside of its own interval.
    lower, upper = max(0.0, middle - reach), min(1.0, middle + reach)
    return Proportion(share, min(lower, share), max(upper, share), total)
