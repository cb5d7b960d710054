"""Sums over rows of pairs, part by part so that intermediate arrays stay in the cache.

A sum is kept for each ordered pair: (K·K,) cells, cell left·K + right.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .arrays import PART, FloatArray, IntArray
from .comparisons import Comparisons

Rows = Any
"""What selects rows of an array: a slice, or an array of indices."""


def parts(comparisons: Comparisons, size: int = PART) -> Iterator[slice]:
    """Slices of so many rows that cover all of them."""
    return (slice(start, start + size) for start in range(0, len(comparisons), size))


def cells(comparisons: Comparisons, rows: Rows) -> NDArray[np.intp]:
    """The cell of each of these rows."""
    size = np.intp(len(comparisons.labels))
    return np.asarray(comparisons.left[rows] * size + comparisons.right[rows])


def laplacian(sums: FloatArray, size: int) -> FloatArray:
    """(K, K) sum over the cells of value · (e_left − e_right)(e_left − e_right)ᵀ."""
    both = sums.reshape(size, size)
    both = both + both.T
    matrix = -both
    np.fill_diagonal(matrix, both.sum(axis=1))
    return np.asarray(matrix)


def differences(sums: FloatArray, size: int) -> FloatArray:
    """(…, K) sum over the cells (…, K·K) of value · (e_left − e_right)."""
    table = sums.reshape(*sums.shape[:-1], size, size)
    return np.asarray(table.sum(axis=-1) - table.sum(axis=-2))


def side_matrix(left: IntArray, right: IntArray, size: int) -> csr_array:
    """(K, m) single precision: 1 at a row's left contender, −1 at its right one."""
    rows = np.arange(left.size)
    signs = np.repeat(np.array([1.0, -1.0], np.float32), rows.size)
    ends = np.concatenate([left, right]), np.concatenate([rows, rows])
    return csr_array((signs, ends), (size, rows.size))


def gaps(strengths: FloatArray) -> FloatArray:
    """(K·K,) θ_left − θ_right of each cell."""
    return np.asarray(np.subtract.outer(strengths, strengths).ravel())
