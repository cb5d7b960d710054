"""From strengths to ratings: the scale of Elo, and where its zero lies."""

import math
from collections.abc import Mapping
from typing import Any

from .arrays import FloatArray, Label

# Points for each unit of log-odds: 400 points are odds of ten to one.
SCALE = 400.0 / math.log(10.0)


def rating_shift(
    ratings: FloatArray,
    labels: tuple[Label, ...],
    *,
    mean: float,
    anchor: Mapping[Any, float] | None,
) -> float:
    """What to add to `ratings` (K,), whose mean is zero, for the mean or the anchor to hold.

    Raises ValueError for an anchor that is unknown, not alone or not finite.
    """
    if anchor is None:
        return mean
    if len(anchor) != 1:
        raise ValueError(f"anchor must name exactly one contender, not {len(anchor)}")
    ((label, rating),) = anchor.items()
    if label not in labels:
        raise ValueError(f"anchor {label!r} is not among the contenders compared")
    if not math.isfinite(rating):
        raise ValueError(f"the anchor's rating {rating} is not finite")
    return float(rating - ratings[labels.index(label)])
