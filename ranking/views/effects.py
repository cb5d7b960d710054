"""What style is worth, as a style-controlled leaderboard found it, in a reader's words."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ranking.charts.figures import percent, share_range

_WORDS = {
    "tokens": gettext_lazy("Twice as long"),
    "headers": gettext_lazy("Twice as many headers"),
    "lists": gettext_lazy("Twice as many list items"),
    "bold": gettext_lazy("Twice as much in bold"),
    "time": gettext_lazy("Twice as slow"),
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
    return Effect(
        _words(name), percent(_win_rate(log_odds)), share_range(_win_rate(lower), _win_rate(upper))
    )


def _words(name: str) -> str:
    if name in _WORDS:
        return str(_WORDS[name])
    place = name.removeprefix("position ")
    return _("Position %(place)s instead of the last") % {"place": place}


def _win_rate(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))
