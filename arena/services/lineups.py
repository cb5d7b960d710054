"""The policy that the settings name draws who meets whom."""

import random
import time
from collections.abc import Collection
from functools import lru_cache

from django.conf import settings
from django.utils.module_loading import import_string

from arena import selectors
from arena.matchmaking import Candidate, Lineup, Policy, draw_lineup, draw_next

# How long one look at who is new and who fails is used, by each process.
LOOKED_AT_FOR_S = 5.0


def draw(able: dict[int, str], size: int, *, population: str) -> Lineup:
    """A line-up of `size` of these contenders, {id: slug}, for a rater of that population."""
    return draw_lineup(
        _named_policy(), _recent(able), size, random.SystemRandom(), population=population
    )


def draw_other(
    able: dict[int, str], *, staying: Collection[int], out: Collection[int], population: str
) -> tuple[int, float] | None:
    """A contender in place of one that failed, and its probability; see `draw_next`.

    `able` holds those that stay as well.
    """
    return draw_next(
        _named_policy(),
        _recent(able),
        staying=staying,
        out=out,
        rng=random.SystemRandom(),
        population=population,
    )


def _recent(able: dict[int, str]) -> list[Candidate]:
    moment = int(time.monotonic() / LOOKED_AT_FOR_S)
    return _candidates(tuple(sorted(able.items())), moment)


def _named_policy() -> Policy:
    return _policy(settings.ARENA_MATCHMAKER, tuple(settings.ARENA_MATCHMAKER_WEIGHTS.items()))


@lru_cache(maxsize=1)
def _candidates(able: tuple[tuple[int, str], ...], moment: int) -> list[Candidate]:
    return selectors.candidates(dict(able))


@lru_cache
def _policy(path: str, weights: tuple[tuple[tuple[str, ...], float], ...]) -> Policy:
    """The one instance of this process, which may keep what it has computed."""
    named = import_string(path)
    policy: Policy = named(dict(weights)) if weights else named()
    return policy
