"""How the lab's pages write numbers."""

import math

from django import template
from django.utils.translation import gettext_lazy as _

register = template.Library()


@register.filter
def percent(share: float) -> str:
    """0.256 as "26 %"."""
    return f"{100 * share:.0f} %"


@register.filter
def decimal(value: float) -> str:
    """A number for an attribute, whatever the language: 0.256."""
    return f"{value:.4f}"


@register.filter
def figure(value: float | None) -> str:
    """Three digits that matter; a dash for nothing."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"


@register.filter
def signed(points: float) -> str:
    """49.6 as "+50", -3 with a true minus sign."""
    return f"{points:+,.0f}".replace("-", "\N{MINUS SIGN}")


_MEASURES = {
    "entropy": _("Entropy, nats per token of its own choices"),
    "nll": _("Surprise to its base, nats per token"),
    "repetition": _("Repetition, share of 4-word runs"),
    "distinct": _("Different word pairs over all"),
    "length": _("Tokens per response, in the evaluation"),
    "seconds": _("Seconds per response, in battles"),
    "tokens": _("Tokens per response, in battles"),
    "cost": _("US dollars for a thousand responses"),
    "approval": _("Share of thumbs that point up"),
    "failed": _("Share of responses that failed"),
}


@register.filter
def measure(key: str) -> str:
    """What a figure beside a contender is called."""
    return str(_MEASURES[key])


@register.filter
def duration(seconds: float) -> str:
    """95 as "1 min 35 s"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3_600} h {whole % 3_600 // 60} min"
