"""Rankings of K contenders to rows of pairs, and back."""

import math
from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arrays import FloatArray, IntArray, first_position


class RankingBlock(NamedTuple):
    """Votes that rank the same number of contenders.

    items  (N, K) indices of contenders
    ranks  (N, K) 1 is best, ties share a rank and the next rank is skipped: 1, 2, 2, 4
    rows   (N,) index of the first row of each vote among the comparisons
    """

    items: IntArray
    ranks: IntArray
    rows: NDArray[np.intp]


def read_rankings(items: Any, ranks: Any) -> tuple[Any, IntArray, NDArray[np.intp]]:
    """Flat labels, flat ranks and the size of each ranking, from one ranking or many.

    Raises ValueError, naming the ranking, for unequal lengths, fewer than two contenders or
    a rank that is not a whole number from 1.
    """
    if isinstance(items, np.ndarray) and isinstance(ranks, np.ndarray) and items.ndim == 2:
        if items.shape != ranks.shape:
            raise ValueError(f"items have the shape {items.shape}, ranks {ranks.shape}")
        sizes = np.full(items.shape[0], items.shape[1], np.intp)
        return items.ravel(), _whole(ranks.ravel(), sizes), sizes
    item_rows, rank_rows = _as_rows(_plain(items), _plain(ranks))
    sizes, rank_sizes = (
        np.fromiter(map(len, rows), np.intp, count=len(rows)) for rows in (item_rows, rank_rows)
    )
    if (unequal := sizes != rank_sizes).any():
        bad = first_position(unequal)
        raise ValueError(f"ranking {bad}: {sizes[bad]} contenders, but {rank_sizes[bad]} ranks")
    labels = list(chain.from_iterable(item_rows))
    return labels, _whole(list(chain.from_iterable(rank_rows)), sizes), sizes


def expand(
    items: IntArray, ranks: IntArray, sizes: NDArray[np.intp]
) -> tuple[IntArray, IntArray, FloatArray, IntArray]:
    """Rows (left, right, outcome, vote) of every pair of every ranking, in order."""
    pairs = sizes * (sizes - 1) // 2
    vote = np.repeat(np.arange(sizes.size, dtype=np.int32), pairs)
    if (sizes == sizes[:1]).all():
        table = (-1, int(sizes[0]) if sizes.size else 2)
        left, right, outcome = _pairs(items.reshape(table), ranks.reshape(table))
    else:
        left, right, outcome = _place_pairs(items, ranks, sizes, pairs)
    twice = left == right
    if twice.any():
        raise ValueError(f"ranking {vote[first_position(twice)]} ranks a contender twice")
    return left, right, outcome, vote


def _pairs(items: IntArray, ranks: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Left, right and outcome of all pairs, row after row, of rankings (N, K) of one size."""
    one, other = np.triu_indices(items.shape[1], 1)
    outcome = 0.5 * np.sign(ranks[:, other] - ranks[:, one])
    outcome += 0.5
    return items[:, one].ravel(), items[:, other].ravel(), outcome.ravel()


def _place_pairs(
    items: IntArray, ranks: IntArray, sizes: NDArray[np.intp], pairs: NDArray[np.intp]
) -> tuple[IntArray, IntArray, FloatArray]:
    """The same for rankings of several sizes, each pair put where its vote belongs."""
    row_starts, item_starts = np.cumsum(pairs) - pairs, np.cumsum(sizes) - sizes
    left, right = (np.empty(pairs.sum(), np.int32) for _ in range(2))
    outcome = np.empty(pairs.sum(), np.float64)
    for size in np.unique(sizes):
        chosen = np.flatnonzero(sizes == size)
        cells = item_starts[chosen][:, None] + np.arange(size)
        rows = (row_starts[chosen][:, None] + np.arange(size * (size - 1) // 2)).ravel()
        left[rows], right[rows], outcome[rows] = _pairs(items[cells], ranks[cells])
    return left, right, outcome


def split(
    left: IntArray, right: IntArray, outcome: FloatArray, vote: IntArray | None
) -> list[RankingBlock]:
    """The inverse of `expand`: votes of the same size together, in order within a block."""
    if left.size == 0:
        return []
    if vote is None:
        rows = np.arange(left.size)
        return [_block(left, right, outcome, rows, 2)]
    pairs = np.bincount(vote)
    starts = np.cumsum(pairs) - pairs
    blocks = []
    for count in np.unique(pairs[pairs > 0]):
        size = (1 + math.isqrt(1 + 8 * int(count))) // 2
        blocks.append(_block(left, right, outcome, starts[pairs == count], size))
    return blocks


def _block(
    left: IntArray, right: IntArray, outcome: FloatArray, rows: NDArray[np.intp], size: int
) -> RankingBlock:
    cells = rows[:, None] + np.arange(size * (size - 1) // 2)
    items = np.concatenate([left[rows][:, None], right[cells[:, : size - 1]]], axis=1)
    ranks = np.ones(items.shape, np.int32)
    result = outcome[cells]
    for column, (one, other) in enumerate(zip(*np.triu_indices(size, 1), strict=True)):
        ranks[:, one] += result[:, column] == 0.0
        ranks[:, other] += result[:, column] == 1.0
    return RankingBlock(items, ranks, rows)


def kinds(table: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First row of each kind of row, and the kind of each row, of a table (N, m) of counts."""
    base = int(table.max(initial=0)) + 1
    if table.shape[1] * np.log2(base) < 63:
        keys = table @ (base ** np.arange(table.shape[1], dtype=np.int64))
        _, first, kind = np.unique(keys, return_index=True, return_inverse=True)
    else:
        _, first, kind = np.unique(table, axis=0, return_index=True, return_inverse=True)
    return first, kind


def _plain(values: Any) -> list[Any]:
    return values.tolist() if isinstance(values, np.ndarray) else list(values)


def _as_rows(items: list[Any], ranks: list[Any]) -> tuple[list[Sequence[Any]], list[Sequence[Any]]]:
    if ranks and not _is_row_type(type(ranks[0])):
        return [items], [ranks]
    if items and not all(map(_is_row_type, set(map(type, items)))):
        return [items] * len(ranks), ranks
    if len(items) != len(ranks):
        raise ValueError(f"{len(items)} rows of contenders, but {len(ranks)} rows of ranks")
    return items, ranks


def _is_row_type(kind: type) -> bool:
    return issubclass(kind, (list, tuple, np.ndarray))


def _whole(ranks: Any, sizes: NDArray[np.intp]) -> IntArray:
    if (sizes < 2).any():
        position = first_position(sizes < 2)
        raise ValueError(f"ranking {position} has fewer than two contenders")
    if _are_ranks(ranks):
        return np.asarray(ranks, np.int32)
    try:
        array = np.asarray(ranks, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"ranks must be whole numbers from 1: {error}") from error
    bad = ~((array >= 1.0) & (array <= np.iinfo(np.int32).max) & (array == np.floor(array)))
    if bad.any():
        cell = first_position(bad)
        position = int(np.searchsorted(np.cumsum(sizes), cell, side="right"))
        raise ValueError(
            f"ranking {position}: rank {array[cell]:g} is unknown; ranks are whole numbers from 1"
        )
    return array.astype(np.int32)


def _are_ranks(ranks: Any) -> bool:
    """The usual case, decided faster: an integer array of nothing but ranks."""
    if not isinstance(ranks, np.ndarray) or ranks.dtype.kind not in "iu" or not ranks.size:
        return False
    return bool(ranks.min() >= 1 and ranks.max() <= np.iinfo(np.int32).max)
