"""Who may be drawn, and how far failures lower the chance of it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Good responses that everybody is taken to have given, so that one failure proves little.
_GIVEN = 4
_LEAST = 0.02
# With less than this left, as after two failures in a row, a contender counts as failing.
FAILING_BELOW = 0.5


class Candidate(NamedTuple):
    """A contender that may be drawn.

    new                  has few votes
    failures, responses  how many of its recent responses failed, and of how many
    rival                the contender that it shall be measured against, or None
    """

    pk: int
    slug: str
    new: bool = False
    failures: int = 0
    responses: int = 0
    rival: int | None = None


def chances(candidates: Sequence[Candidate]) -> NDArray[np.float64]:
    """(K,) in (0, 1]: what is left of each one's chance to be drawn, given its failures.

    (1 − share)³, where share = failures / (responses + 4), and at least 0.02. So one failure
    among ten responses leaves four fifths, and ten in a row leave about the least: enough to
    find out that the contender works again.
    """
    failures = np.array([candidate.failures for candidate in candidates], np.float64)
    responses = np.array([candidate.responses for candidate in candidates], np.float64)
    return np.asarray(np.maximum((1.0 - failures / (responses + _GIVEN)) ** 3, _LEAST))
