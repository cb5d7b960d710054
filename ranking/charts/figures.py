"""How plots, tables and pages of the leaderboard write figures, as the reader's language does."""

from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import get_language_bidi
from django.utils.translation import gettext as _

from ranking.boards import StandingRecord
from ranking.estimators import win_rate

MINUS = "\N{MINUS SIGN}"
UNKNOWN = "\N{EN DASH}"


def gap(tie_odds: float) -> str:
    """For charts whose axis is a rating."""
    return _("%(points)s points more win %(share)s") % {
        "points": 50,
        "share": percent(float(win_rate(50, 0, tie_odds=tie_odds))),
    }


def whole(value: float) -> str:
    """1234.4 as "1,234"."""
    return number_format(f"{value:.0f}", force_grouping=True).replace("-", MINUS)


def decimal(value: float, digits: int) -> str:
    return number_format(f"{value:.{digits}f}").replace("-", MINUS)


def points(rating: float) -> str:
    """A rating, without anything between its digits."""
    return f"{rating + 0.0:.0f}".replace("-", MINUS)


def percent(share: float | None) -> str:
    """0.574 as "57 %"; a dash where nothing is known."""
    return UNKNOWN if share is None else f"{100 * share:.0f} %"


def dollars(amount: float) -> str:
    """Cents from ten cents upwards, below that two digits that matter."""
    text = f"{amount:.2f}" if amount >= 0.1 or amount == 0 else _plain(amount)
    return in_dollars(number_format(text, force_grouping=True))


def in_dollars(amount: str) -> str:
    """An amount that is written already."""
    return _("$%(amount)s") % {"amount": amount}


def _plain(amount: float) -> str:
    """With two digits that matter, never as a power of ten."""
    return f"{Decimal(f'{amount:.2g}'):f}"


def seconds(value: float) -> str:
    return decimal(value, 1)


def rating_interval(standing: StandingRecord) -> str:
    """ "1122 to 1232", or nothing where the method has no interval."""
    if standing.lower is None or standing.upper is None:
        return ""
    return span(points(standing.lower), points(standing.upper))


def rank_range(standing: StandingRecord) -> str:
    """ "1–14", or just "1" where no other rank is possible, or a dash where there is none."""
    low, high = standing.rank_low, standing.rank_high
    if standing.rank is None:
        return UNKNOWN
    if low is None or high is None or low == high:
        return str(standing.rank if low is None else low)
    return left_to_right(f"{low}–{high}")


def left_to_right(text: str) -> str:
    """Figures with a dash between them, which text from right to left would turn round."""
    return f"\u2066{text}\u2069" if get_language_bidi() else text


def share_range(lower: float, upper: float) -> str:
    """ "21 to 79 %" """
    return span(f"{100 * lower:.0f}", percent(upper))


def span(lower: str, upper: str) -> str:
    """ "1122 to 1232" """
    return _("%(lower)s to %(upper)s") % {"lower": lower, "upper": upper}
