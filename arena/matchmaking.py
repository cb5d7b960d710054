"""Who meets whom. Pure: ids in, a line-up out; settings.ARENA_MATCHMAKER names the class."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Lineup:
    """Contenders by position, A first.

    `propensity` is the probability with which the matchmaker chose this *set* of contenders;
    each order of the set is equally likely.
    """

    contenders: tuple[int, ...]
    propensity: float


class Matchmaker(Protocol):
    def draw(self, contenders: Sequence[int], size: int, rng: random.Random) -> Lineup:
        """A line-up of `size` of the distinct `contenders`; ValueError when there are fewer."""


class Uniform:
    """Every set of contenders, in every order, is equally likely."""

    def draw(self, contenders: Sequence[int], size: int, rng: random.Random) -> Lineup:
        if size < 1:
            raise ValueError(f"A line-up has at least one contender, not {size}.")
        # A sample is an ordered draw without replacement: its order is the shuffled positions.
        chosen = rng.sample(contenders, size)
        return Lineup(tuple(chosen), 1 / math.comb(len(contenders), size))
