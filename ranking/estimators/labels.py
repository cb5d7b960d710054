"""Labels of any hashable kind become indices."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import BoolArray, IntArray, Label, first_position

_CHUNK = 1 << 16


def encode(
    columns: Sequence[Any], known: Iterable[Label] | None = None
) -> tuple[tuple[Label, ...], list[IntArray]]:
    """Replace the labels in one-dimensional columns by indices into one tuple of labels.

    The tuple is `known` if given, otherwise every label met: sorted where the labels can be
    sorted, else in order of first appearance. Integer arrays take a fast path without Python
    objects. Raises ValueError for a missing, unhashable or unknown label, with its position.
    """
    plain = [as_column(column) for column in columns]
    if known is None and all(isinstance(column, np.ndarray) for column in plain):
        encoded = _encode_integers(plain)
        if encoded is not None:
            return encoded
    lists = [c.tolist() if isinstance(c, np.ndarray) else list(c) for c in plain]
    if known is not None:
        names = _distinct(known)
    else:
        for column in lists:
            _check_labels(column)
        names = _in_order(dict.fromkeys(chain.from_iterable(lists)))
    index = {name: position for position, name in enumerate(names)}
    return names, [_look_up(column, index) for column in lists]


def as_column(values: Any) -> Any:
    """An integer array as it is, anything else as a list; ValueError if two-dimensional."""
    if not hasattr(values, "__array__"):
        return list(values)
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"expected a one-dimensional array, not the shape {array.shape}")
    return array if array.dtype.kind in "iu" else array.tolist()


def _encode_integers(
    columns: Sequence[NDArray[np.integer[Any]]],
) -> tuple[tuple[Label, ...], list[IntArray]] | None:
    """Integer labels through a look-up table, or None if they are spread too widely for one."""
    filled = [column for column in columns if column.size]
    if not filled:
        return (), [np.zeros(0, np.int32) for _ in columns]
    low = min(int(column.min()) for column in filled)
    span = max(int(column.max()) for column in filled) - low + 1
    if span > max(4 * sum(column.size for column in filled), 1 << 16):
        return None
    present = np.zeros(span, np.bool_)
    for column in filled:
        _mark(present, column, low)
    labels = tuple((np.flatnonzero(present) + low).tolist())
    # One block for all columns: in large ones the kernel hands out memory in larger pages.
    block = np.empty(sum(column.size for column in columns), np.int32)
    ends = np.cumsum([column.size for column in columns])[:-1]
    encoded = np.split(block, ends)
    table = np.cumsum(present, dtype=np.int32) - np.int32(1)
    for column, indices in zip(columns, encoded, strict=True):
        if low == 0 and len(labels) == span:
            indices[:] = column
        else:
            np.take(table, column - low, out=indices)
    return labels, encoded


def _mark(present: BoolArray, column: NDArray[np.integer[Any]], low: int) -> None:
    """Flag the labels that occur, looking no further once all of them have."""
    for start in range(0, column.size, _CHUNK):
        if present.all():
            return
        chunk = column[start : start + _CHUNK]
        present[chunk if low == 0 else chunk - low] = True


def _check_labels(column: Sequence[Label]) -> None:
    try:
        distinct = set(column)
    except TypeError:
        for position, label in enumerate(column):
            try:
                hash(label)
            except TypeError as error:
                raise ValueError(f"label {label!r} at position {position}: {error}") from error
        raise
    # NaN differs from itself, so it could never be found again.
    if any(label is None or label != label for label in distinct):
        position = next(i for i, label in enumerate(column) if label is None or label != label)
        raise ValueError(f"the label at position {position} is missing ({column[position]!r})")


def _in_order(labels: Iterable[Label]) -> tuple[Label, ...]:
    met = tuple(labels)
    try:
        return tuple(sorted(met))  # type: ignore[type-var]
    except TypeError:
        return met


def _distinct(known: Iterable[Label]) -> tuple[Label, ...]:
    names = tuple(known)
    _check_labels(names)
    if len(set(names)) != len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise ValueError(f"label {twice!r} is listed twice")
    return names


def _look_up(column: Sequence[Label], index: dict[Label, int]) -> IntArray:
    try:
        return np.fromiter(map(index.__getitem__, column), np.int32, count=len(column))
    except (KeyError, TypeError):
        unknown = np.array([label not in index for label in column], np.bool_)
        position = first_position(unknown)
        raise ValueError(
            f"label {column[position]!r} at position {position} is not among the labels given"
        ) from None
