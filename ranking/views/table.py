"""The table of standings, as values for its template."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from ranking.boards import StandingRecord
from ranking.charts import figures
from ranking.selectors.history import Moment
from ranking.selectors.lines import Line
from ranking.views.columns import Column, known_columns, sort_lines
from ranking.views.query import RANK, Query

TREND_WIDTH, TREND_HEIGHT = 100.0, 24.0
TREND_LEAST_SPAN = 40.0  # rating points: so that mere noise looks flat


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's head: a link that sorts by it, and if it is the present one, in which way."""

    key: str
    label: str | Promise
    explained: str | Promise
    href: str
    direction: str = ""  # as aria-sort has it


class Cell(NamedTuple):
    label: str | Promise
    text: str
    detail: str
    known: bool


class Trend(NamedTuple):
    """How a rating moved, as an SVG path, and in words."""

    path: str
    words: str


@dataclass(frozen=True, slots=True)
class Row:
    """A line. `x`, `x_low`, `x_high`: places on the plot of intervals, 0 to 100."""

    rank: str
    ranks: str
    slug: str
    name: str
    x: float
    x_low: float
    x_high: float
    cells: list[Cell]
    trend: Trend | None


@dataclass(frozen=True, slots=True)
class Scale:
    """The rating axis that all plots of the table share, in rating points."""

    low: float
    high: float

    @classmethod
    def around(cls, lines: Sequence[Line]) -> "Scale":
        """Those with a rank: one who cannot be compared with them would only stretch it."""
        ends = [end for line in lines if line.standing.rank for end in _ends(line.standing)]
        low, high = min(ends, default=0.0), max(ends, default=0.0)
        margin = max((high - low) * 0.04, 5.0)
        return cls(low - margin, high + margin)

    @property
    def words(self) -> str:
        return figures.span(figures.points(self.low), figures.points(self.high))

    def percent(self, rating: float) -> float:
        share = (rating - self.low) / (self.high - self.low)
        return round(100 * min(max(share, 0.0), 1.0), 2)


@dataclass(frozen=True, slots=True)
class Table:
    headings: list[Heading]
    rank: Heading
    rows: list[Row]
    scale: Scale
    has_intervals: bool
    has_trends: bool


def make_table(lines: Sequence[Line], query: Query, rating: str | Promise) -> Table:
    """The table of these lines, best first. `rating` is what the rating column is called."""
    columns = known_columns(lines)
    scale = Scale.around(lines)
    ordered = sort_lines(lines, query.sort, significant=query.significant)
    rows = [_row(line, columns, scale, query) for line in ordered]
    return Table(
        headings=[
            _heading(key, rating if key == "rating" else column.label, column, query)
            for key, column in columns.items()
        ],
        rank=_rank_heading(query),
        rows=rows,
        scale=scale,
        has_intervals=any(line.standing.lower is not None for line in lines),
        has_trends=any(row.trend for row in rows),
    )


def _heading(key: str, label: str | Promise, column: Column, query: Query) -> Heading:
    opposite = {key: f"-{key}", f"-{key}": key}
    low_first = column.low_first != query.sort.startswith("-")
    return Heading(
        key=key,
        label=label,
        explained=column.explained,
        href=query.href(sort=opposite.get(query.sort, key)),
        direction=("ascending" if low_first else "descending") if query.sort in opposite else "",
    )


def _rank_heading(query: Query) -> Heading:
    direction = "ascending" if query.sort == RANK else ""
    by = _("By significant differences.") if query.significant else _("By rating.")
    return Heading(RANK, _("Rank"), by, query.href(sort=RANK), direction)


def _row(line: Line, columns: dict[str, Column], scale: Scale, query: Query) -> Row:
    standing = line.standing
    lower, upper = _ends(standing)
    rank, ranks = str(standing.rank or figures.UNKNOWN), figures.rank_range(standing)
    if query.significant and standing.significance_rank is not None:
        rank, ranks = str(standing.significance_rank), ""
    return Row(
        rank=rank,
        ranks="" if ranks == rank else ranks,
        slug=standing.slug,
        name=standing.name,
        x=scale.percent(standing.rating),
        x_low=scale.percent(lower),
        x_high=scale.percent(upper),
        cells=[_cell(column, line) for column in columns.values()],
        trend=_trend(line.moments),
    )


def _cell(column: Column, line: Line) -> Cell:
    value = column.value(line)
    text = figures.UNKNOWN if value is None else column.text(value)
    return Cell(column.label, text, column.detail(line), value is not None)


def _ends(standing: StandingRecord) -> tuple[float, float]:
    """Of its interval; the rating itself where there is none."""
    lower, upper = standing.lower, standing.upper
    return (
        standing.rating if lower is None else lower,
        standing.rating if upper is None else upper,
    )


def _trend(moments: Sequence[Moment]) -> Trend | None:
    """Scaled into a box of 100 × 24, the newest at its right end; None without two times."""
    times = [moment.computed_at for moment in moments]
    if len(set(times)) < 2:
        return None
    elapsed = (times[-1] - times[0]).total_seconds()
    # The last moment of each step across: no finer line can be seen.
    steps = {
        round(TREND_WIDTH * (moment.computed_at - times[0]).total_seconds() / elapsed): (
            moment.rating
        )
        for moment in moments
    }
    low, high = min(steps.values()), max(steps.values())
    span = max(high - low, TREND_LEAST_SPAN)
    middle = (low + high) / 2
    spots = [
        f"{x} {TREND_HEIGHT * (0.5 - (rating - middle) / span):.1f}" for x, rating in steps.items()
    ]
    words = _("From %(first)s to %(last)s since %(day)s") % {
        "first": figures.points(moments[0].rating),
        "last": figures.points(moments[-1].rating),
        "day": date_format(times[0]),
    }
    return Trend("M" + "L".join(spots), words)
