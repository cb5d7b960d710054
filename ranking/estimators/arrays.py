"""Array types that the estimators share."""

from collections.abc import Hashable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]
BoolArray = NDArray[np.bool_]
Label = Hashable

# Rows at a time. An array of as many numbers stays in the processor's cache, and below the 128 KB
# from which the allocator asks the kernel for fresh pages again and again.
PART = 15_000


def ones(size: int) -> FloatArray:
    """A read-only array of ones that takes no memory, recognised by `is_ones`."""
    return np.broadcast_to(np.float64(1.0), (size,))


def is_ones(weight: FloatArray) -> bool:
    """True if the array came from `ones`, so that weighting can be skipped."""
    return weight.strides == (0,) and (weight.size == 0 or weight[0] == 1.0)


def first_position(flags: BoolArray) -> int:
    """Index of the first true flag."""
    return int(np.argmax(flags))
