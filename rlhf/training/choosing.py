"""Which checkpoint of a run becomes its result: the best one need not be the last.

A reward model that is optimised for long enough is over-optimised: its reward still rises while
what it stands for falls (Gao et al. 2023, arXiv:2210.10760). So each checkpoint is held to the
gate's limits of damage. Among those within them the last has had the most training; that an earlier
one is better must show beyond the noise of a few responses.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rlhf.training.errors import N_

RULE = N_(
    "Of the checkpoints within the gate's limits of damage the last one is chosen, unless an "
    "earlier one's reward is higher by more than one standard error. If none is within the "
    "limits, it is the last one of all."
)
RULE_WITHOUT_REWARD = N_(
    "Of the checkpoints within the gate's limits of damage the last one is chosen. If none is "
    "within the limits, it is the last one of all."
)
LAST = N_("It is the last one within the limits.")
EARLIER = N_("Its reward was higher than that of step %(step)s by %(gap)s ± %(error)s.")
NONE_WITHIN = N_("None is within the limits; it is the last one.")
RULES = (RULE, RULE_WITHOUT_REWARD)
REASONS = (LAST, EARLIER, NONE_WITHIN)


@dataclass(frozen=True)
class Point:
    """A checkpoint as it was measured. rewards: of the same prompts at each; empty without any."""

    step: int
    within: bool
    rewards: tuple[float, ...] = ()

    @property
    def reward(self) -> float:
        """The mean."""
        return sum(self.rewards) / len(self.rewards)


def rule_of(points: Sequence[Point]) -> str:
    """What `choose` goes by, in plain words: without rewards there is no rule about them."""
    return RULE if all(point.rewards for point in points) else RULE_WITHOUT_REWARD


def choose(points: Sequence[Point]) -> tuple[Point, str]:
    """The point to choose, by `rule_of`, and why. points: in the order of training, one or more."""
    within = [point for point in points if point.within]
    if not within:
        return points[-1], NONE_WITHIN
    last = within[-1]
    if not all(point.rewards for point in within):
        return last, LAST
    best = max(within, key=lambda point: point.reward)
    gap, error = difference(best, last)
    if gap <= error:
        return last, LAST
    told = {"step": last.step, "gap": f"{gap:.2f}", "error": f"{error:.2f}"}
    return best, EARLIER % told


def difference(left: Point, right: Point) -> tuple[float, float]:
    """By how much the mean reward of `left` is higher, with its standard error over the prompts."""
    gaps = [a - b for a, b in zip(left.rewards, right.rewards, strict=True)]
    mean = sum(gaps) / len(gaps)
    if len(gaps) < 2:
        return mean, math.inf
    variance = sum((gap - mean) ** 2 for gap in gaps) / (len(gaps) - 1)
    return mean, math.sqrt(variance / len(gaps))


def still_needed(points: Sequence[Point]) -> set[int]:
    """Steps whose weights the rule may yet choose, whatever comes: for all others none are kept."""
    within = [point for point in points if point.within]
    needed = {points[-1].step}
    if within:
        needed.add(within[-1].step)
    if within and all(point.rewards for point in within):
        needed.add(max(within, key=lambda point: point.reward).step)
    return needed
