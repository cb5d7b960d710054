"""What may sway a vote beside the contenders' strength, as differences left − right.

Each is scaled by a fixed reference instead of by the spread in the votes at hand, and none is
centred. So a covariate of a vote never depends on other votes, no new contender can move others
through the scaling, and swapping the sides of a vote turns every sign.
"""

import numpy as np
from numpy.typing import ArrayLike

from .arrays import FloatArray

STYLE = ("tokens", "headers", "lists", "bold")

# One unit of a normalised difference: one response has twice as much as the other, since then
# (a − b)/(a + b) = 1/3. The range is −3 to 3, so that coefficients of different covariates
# compare with each other and from one leaderboard to the next.
_TWICE = 1.0 / 3.0


def style_differences(left: ArrayLike, right: ArrayLike) -> FloatArray:
    """(n, 4) differences of style from the counts of both sides, each (n, 4) as `StyleCounts`.

    (a − b)/(a + b + 1) divided by 1/3: in units of "twice as much". The 1 is LMSYS's: it gives
    0 where neither response has any, and keeps one header against none from counting as much
    as thirty against none. Raises ValueError for other shapes or counts that are not ≥ 0.
    """
    return _normalised(_counts(left, len(STYLE)), _counts(right, len(STYLE)), 1.0)


def latency_difference(left: ArrayLike, right: ArrayLike) -> FloatArray:
    """(n, 1) difference of the times of both sides, each (n,), in units of "twice as long".

    (a − b)/(a + b) divided by 1/3, and 0 where a time is missing (NaN) or both are 0. Raises
    ValueError for a negative time.
    """
    ours, theirs = (np.asarray(side, np.float64).reshape(-1, 1) for side in (left, right))
    missing = np.isnan(ours) | np.isnan(theirs)
    ours, theirs = (_counts(np.where(missing, 0.0, side), 1) for side in (ours, theirs))
    return _normalised(ours, theirs, 0.0)


def position_differences(left: ArrayLike, right: ArrayLike, positions: int) -> FloatArray:
    """(n, P − 1) which of P positions (0 is A) each side was shown at, each side (n,).

    Column p is 1 where left was at p, −1 where right was. Its coefficient is the advantage of
    position p over the last one, which has no column: only differences of positions show.
    Raises ValueError for an unknown position.
    """
    sides = [np.asarray(side) for side in (left, right)]
    for side in sides:
        if side.size and not (np.isin(side, range(positions))).all():
            raise ValueError(f"positions must be whole numbers from 0 to {positions - 1}")
    columns = np.arange(positions - 1)
    ours, theirs = (side.reshape(-1, 1) == columns for side in sides)
    return np.asarray(ours.astype(np.float64) - theirs)


def _counts(values: ArrayLike, columns: int) -> FloatArray:
    counts = np.asarray(values, np.float64)
    if counts.size == 0:
        return np.zeros((0, columns))
    if counts.ndim != 2 or counts.shape[1] != columns:
        raise ValueError(f"expected {columns} columns, not the shape {counts.shape}")
    if not (np.isfinite(counts) & (counts >= 0.0)).all():
        raise ValueError("counts and times must be finite numbers that are not negative")
    return counts


def _normalised(left: FloatArray, right: FloatArray, added: float) -> FloatArray:
    if left.shape != right.shape:
        raise ValueError(f"left has the shape {left.shape}, right {right.shape}")
    total = left + right + added
    return np.asarray((left - right) / np.where(total > 0.0, total, 1.0) / _TWICE)
