"""Who meets whom, as the environment names it."""

import math
from collections.abc import Iterable

Weights = dict[tuple[str, ...], float]

_PATHS = {
    "uniform": "arena.matchmaking.Uniform",
    "weighted": "arena.matchmaking.Weighted",
    "targeted": "arena.matchmaking.Targeted",
    "active": "ranking.matchmaking.Active",
}
_WITHOUT_WEIGHTS = {"uniform", "active"}


def matchmaker(name: str, weights: Iterable[str]) -> tuple[str, Weights]:
    """The dotted path of a policy and its weights, by the slugs of a contender or of a pair.

    `name` is one of ours or a dotted path; each of `weights` is like `slug=2`, `slug:other=3`
    or without a number, which means 1. Raises ValueError, saying what is wrong.
    """
    if name not in _PATHS and "." not in name:
        known = ", ".join(_PATHS)
        raise ValueError(f"ARENA_MATCHMAKER={name!r}: say {known}, or the dotted path of a class.")
    found = dict(_weight(item) for item in weights)
    if found and name in _WITHOUT_WEIGHTS:
        raise ValueError("ARENA_MATCHMAKER_WEIGHTS needs ARENA_MATCHMAKER=weighted or targeted.")
    return _PATHS.get(name, name), found


def _weight(item: str) -> tuple[tuple[str, ...], float]:
    slugs, _, number = item.partition("=")
    names = tuple(slug.strip() for slug in slugs.split(":"))
    try:
        weight = float(number or 1)
    except ValueError:
        weight = math.nan
    if not (all(names) and len(set(names)) == len(names) <= 2 and 0.0 <= weight < math.inf):
        raise ValueError(
            f"ARENA_MATCHMAKER_WEIGHTS: {item!r} is not like slug=2 or slug:other-slug=3."
        )
    return names, weight
