"""The figures of a line that a table can be sorted by: what they are called and how written."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from ranking.boards import LEVEL
from ranking.charts import figures
from ranking.selectors.lines import Line


@dataclass(frozen=True, slots=True)
class Column:
    """One figure. `value` is None where it is not known; `detail` is said in smaller type.

    `low_first`: the smallest figure comes first when the table is sorted by it.
    """

    label: str | Promise
    explained: str | Promise
    value: Callable[[Line], float | None]
    text: Callable[[float], str]
    detail: Callable[[Line], str] = lambda line: ""
    low_first: bool = False


def _approval(line: Line) -> float | None:
    return line.approval.share if line.approval else None


def _approval_interval(line: Line) -> str:
    return figures.share_range(line.approval.lower, line.approval.upper) if line.approval else ""


COLUMNS = {
    "rating": Column(
        _("Rating"),
        _("400 points more mean ten times the odds to win."),
        lambda line: line.standing.rating,
        figures.points,
        lambda line: figures.rating_interval(line.standing),
    ),
    "win-rate": Column(
        _("Win rate"),
        _("Expected against a contender of average rating, a tie counting one half."),
        lambda line: line.win_rate,
        figures.percent,
    ),
    "elo": Column(
        _("Elo"),
        _("Online Elo: moves with each vote, in the order of the votes."),
        lambda line: line.elo,
        figures.points,
    ),
    "votes": Column(
        _("Votes"),
        _("Votes that it took part in."),
        lambda line: line.standing.votes,
        figures.whole,
    ),
    "won": Column(
        _("Won"),
        _("Comparisons won: a vote on three is two for each of them."),
        lambda line: line.standing.wins,
        figures.whole,
    ),
    "lost": Column(
        _("Lost"), _("Comparisons lost."), lambda line: line.standing.losses, figures.whole
    ),
    "tied": Column(
        _("Tied"), _("Comparisons tied."), lambda line: line.standing.ties, figures.whole
    ),
    "approval": Column(
        _("Approval"),
        format_lazy(
            _("Share of thumbs that point up, with its {level} interval."),
            level=f"{100 * LEVEL:.0f} %",
        ),
        _approval,
        figures.percent,
        _approval_interval,
    ),
    "seconds": Column(
        _("Seconds"),
        _("Median time of a whole response."),
        lambda line: line.seconds,
        figures.seconds,
        low_first=True,
    ),
    "cost": Column(
        _("Cost"),
        _("US dollars for a thousand responses of median length."),
        lambda line: line.cost,
        figures.dollars,
        low_first=True,
    ),
}


def known_columns(lines: Sequence[Line]) -> dict[str, Column]:
    """Those that anybody has a figure for."""
    return {
        key: column
        for key, column in COLUMNS.items()
        if any(column.value(line) is not None for line in lines)
    }


def sort_lines(lines: Sequence[Line], sort: str, *, significant: bool = False) -> list[Line]:
    """By a column's key, reversed with a minus in front; unknown figures last.

    Without a column by rank, or by `significant` differences. Who has no rank comes last always.
    """
    column = COLUMNS.get(sort.removeprefix("-"))
    if column is None:
        ordered = sorted(lines, key=_significance) if significant else list(lines)
    else:
        known = [(value, line) for line in lines if (value := column.value(line)) is not None]
        known.sort(key=lambda pair: pair[0], reverse=column.low_first == sort.startswith("-"))
        unknown = [line for line in lines if column.value(line) is None]
        ordered = [line for _, line in known] + unknown
    return sorted(ordered, key=lambda line: line.standing.rank is None)


def _significance(line: Line) -> float:
    return line.standing.significance_rank or line.standing.rank or math.inf
