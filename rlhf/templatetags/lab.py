"""How the lab's pages write numbers, in the reader's language."""

import math
from secrets import token_hex

from django import template
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from arena.categories import language_name
from rlhf.wording import figure_name

register = template.Library()
KEY_FIELD = "form_key"


@register.simple_tag
def form_key() -> str:
    """Marks a form, so that it is known again if it is sent twice (`rlhf.views.posting`)."""
    return format_html('<input type="hidden" name="{}" value="{}">', KEY_FIELD, token_hex(16))


@register.filter
def percent(share: float) -> str:
    """0.256 as "26 %"."""
    return gettext("%(share)s %%") % {"share": _written(100 * share, ".0f")}


@register.filter
def points(share: float | None) -> str:
    """A difference of shares in percentage points: 0.046 as "4.6"."""
    if share is None or not math.isfinite(share):
        return "–"
    return _written(100 * share, ".1f")


@register.filter
def decimal(value: float) -> str:
    """A number for an attribute, whatever the language: 0.256."""
    return f"{value:.4f}"


@register.filter
def figure(value: float | None) -> str:
    """Three digits that matter; a dash for nothing."""
    if value is None or not math.isfinite(value):
        return "–"
    if abs(value) >= 1_000:
        return _written(value, ".0f", grouped=True)
    return _written(value, ".3g")


@register.filter
def signed(points: float) -> str:
    """49.6 as "+50"."""
    return _written(points, ".0f", grouped=True, plus="+")


def _written(value: float, form: str, *, grouped: bool = False, plus: str = "") -> str:
    """A number in the reader's language, with a true minus sign, and none before zero."""
    size = f"{abs(value):{form}}"
    sign = "\N{MINUS SIGN}" if value < 0 and float(size) else plus
    return sign + str(number_format(size, use_l10n=True, force_grouping=grouped))


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
def figure_title(name: str) -> str:
    """A reported figure's name, as the head of a column."""
    said = figure_name(name)
    return said[:1].upper() + said[1:]


@register.filter
def language(code: str) -> str:
    """The name of a language by its code."""
    return language_name(code)


@register.filter
def duration(seconds: float) -> str:
    """95 as "1 min 35 s"."""
    whole = round(seconds)
    if whole < 60:
        return gettext("%(seconds)s s") % {"seconds": whole}
    if whole < 3_600:
        return gettext("%(minutes)s min %(seconds)s s") % {
            "minutes": whole // 60,
            "seconds": whole % 60,
        }
    return gettext("%(hours)s h %(minutes)s min") % {
        "hours": whole // 3_600,
        "minutes": whole % 3_600 // 60,
    }
