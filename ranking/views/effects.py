"""What style is worth, as a style-controlled leaderboard found it, in a reader's words."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ranking.charts.figures import percent, share_range

_WORDS = {
    "tokens": "Twice as long",
    "headers": "Twice as many headers",
    "lists": "Twice as many list items",
    "bold": "Twice as much in bold",
    "time": "Twice as slow",
}


class Effect(NamedTuple):
    """The win rate of a response that differs from an equal one in this only."""

    name: str
    win_rate: str
    interval: str


def effects(settings: Mapping[str, Any]) -> list[Effect]:
    """Of the settings of a leaderboard; empty without style control."""
    found: Mapping[str, Sequence[float]] = settings.get("coefficients", {})
    return [_effect(name, *ends) for name, ends in found.items()]


def _effect(name: str, log_odds: float, lower: float, upper: float) -> Effect:
    words = _WORDS.get(name) or f"{name[:1].upper()}{name[1:]} instead of the last"
    return Effect(
        words, percent(_win_rate(log_odds)), share_range(_win_rate(lower), _win_rate(upper))
    )


def _win_rate(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))
