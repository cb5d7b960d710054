"""How plots, tables and pages of the leaderboard write figures."""

from ranking.boards import StandingRecord
from ranking.estimators import expected_score

# For charts whose axis is a rating.
GAP = f"50 points more win {100 * expected_score(50, 0):.0f} %"
MINUS = "\N{MINUS SIGN}"


def whole(value: float) -> str:
    """1234.4 as "1,234"."""
    return f"{value:,.0f}".replace("-", MINUS)


def points(rating: float) -> str:
    """A rating, without anything between its digits."""
    return f"{rating + 0.0:.0f}".replace("-", MINUS)


def percent(share: float) -> str:
    """0.574 as "57 %"."""
    return f"{100 * share:.0f} %"


def dollars(amount: float) -> str:
    """Cents from ten cents upwards, below that two digits that matter."""
    return f"${amount:,.2f}" if amount >= 0.1 or amount == 0 else f"${amount:.2g}"


def seconds(value: float) -> str:
    return f"{value:.1f}"


def rating_interval(standing: StandingRecord) -> str:
    """ "1122 to 1232", or nothing where the method has no interval."""
    if standing.lower is None or standing.upper is None:
        return ""
    return f"{points(standing.lower)} to {points(standing.upper)}"


def rank_range(standing: StandingRecord) -> str:
    """ "1–14", or just "1" where no other rank is possible."""
    low, high = standing.rank_low, standing.rank_high
    if low is None or high is None or low == high:
        return str(standing.rank if low is None else low)
    return f"{low}–{high}"


def share_range(lower: float, upper: float) -> str:
    """ "21 to 79 %" """
    return f"{100 * lower:.0f} to {percent(upper)}"
