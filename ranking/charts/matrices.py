"""Who beat whom, and who met whom: a row and a column for each contender."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ranking.boards import StandingRecord
from ranking.charts.chart import Chart, DataTable, unique_names
from ranking.charts.figures import percent, whole
from ranking.charts.look import Look
from ranking.selectors.pairs import Pair
from ranking.selectors.proportions import wilson

MOST = {"wide": 30, "narrow": 10}
LEAST_ROW, MOST_ROW = {"wide": 30, "narrow": 23}, {"wide": 80, "narrow": 50}
ALL_ROWS = {"wide": 600, "narrow": 250}  # unless a row gets too low or too high
AROUND = {"wide": 270, "narrow": 215}  # title, names of the columns and padding, in pixels
HOW_TO_READ = {
    "wide": gettext_lazy(
        "Per cent won by the row against the column, and of how many: the fewer, the paler"
    ),
    "narrow": gettext_lazy("Per cent won by the row, paler if of few"),
}
NOBODY_MET = gettext_lazy("No two of these contenders have met yet.")

Pairs = Mapping[tuple[int, int], Pair]


@dataclass(frozen=True, slots=True)
class _Matrix(Chart):
    """`pairs` by (contender, opponent), in both orders; `standings` best first."""

    standings: Sequence[StandingRecord]
    pairs: Pairs

    @property
    def missing(self) -> str:
        return "" if self._cells(self._shown(Look())) else str(NOBODY_MET)

    def notes(self, look: Look) -> list[str]:
        return self._left_out(look)

    def height(self, look: Look) -> int:
        rows = len(self._shown(look))
        row = min(max(ALL_ROWS[look.size] // rows, LEAST_ROW[look.size]), MOST_ROW[look.size])
        return AROUND[look.size] + rows * row

    def _shown(self, look: Look) -> Sequence[StandingRecord]:
        """Those with most comparisons, best first: the best alone may never have met."""
        total: Counter[int] = Counter()
        for (contender, _other), pair in self.pairs.items():
            total[contender] += pair.total
        busiest = sorted(self.standings, key=lambda one: -total[one.contender_id])
        chosen = {one.contender_id for one in busiest[: MOST[look.size]]}
        return [one for one in self.standings if one.contender_id in chosen]

    def _left_out(self, look: Look) -> list[str]:
        """ "The 30 of 65 with most comparisons", or nothing if that is everybody."""
        known = len(self.standings)
        if known <= MOST[look.size]:
            return []
        shown = {"shown": MOST[look.size], "known": known}
        return [_("The %(shown)s of %(known)s with most comparisons") % shown]

    def _cells(self, shown: Sequence[StandingRecord]) -> list[tuple[str, str, Pair]]:
        """Row, column and what happened, of those who met."""
        names = unique_names(shown)
        return [
            (names[one.contender_id], names[other.contender_id], pair)
            for one in shown
            for other in shown
            if (pair := self.pairs.get((one.contender_id, other.contender_id)))
        ]

    def _tabled(self, text: Callable[[Pair], str]) -> DataTable:
        shown = self._shown(Look())
        heads = list(unique_names(shown).values())
        found = {(row, column): text(pair) for row, column, pair in self._cells(shown)}
        return DataTable(
            (_("Contender"), *heads),
            [(row, *(found.get((row, column), "") for column in heads)) for row in heads],
        )

    def _drawn(
        self, look: Look, values: list[dict[str, Any]], layers: list[dict[str, Any]]
    ) -> dict[str, Any]:
        names = list(unique_names(self._shown(look)).values())
        axis = {"type": "nominal", "scale": {"domain": names}, "title": None}
        flat = {"domain": False, "ticks": False}
        above = {"orient": "top", "labelAngle": -60, "labelPadding": 8}
        return {
            "data": {"values": values},
            "encoding": {
                "y": {"field": "row", **axis, "axis": flat},
                "x": {
                    "field": "column", **axis,
                    "axis": {**flat, **above, "labelLimit": look.names - 40},
                },
            },
            "layer": layers,
        }  # fmt: skip


class WinRates(_Matrix):
    """The share that the contender of the row won against that of the column, and of how many."""

    title = gettext_lazy("Win rates")

    def notes(self, look: Look) -> list[str]:
        return [*self._left_out(look), str(HOW_TO_READ[look.size])]

    @property
    def alt(self) -> str:
        ordered = sorted(self._cells(self._shown(Look())), key=_surely)
        row, column, pair = ordered[-1]
        return _(
            "How often the contender of a row won against that of a column, a tie counting one "
            "half. Most one-sided: %(row)s won %(share)s of %(total)s against %(column)s."
        ) % {
            "row": row,
            "share": percent(pair.win_rate),
            "total": whole(pair.total),
            "column": column,
        }

    @property
    def table(self) -> DataTable:
        return self._tabled(_share_of)

    def drawing(self, look: Look) -> dict[str, Any]:
        values = [
            {"row": row, "column": column, "rate": pair.win_rate, "total": pair.total,
             "shade": _shade(pair), "label": f"{100 * pair.win_rate:.0f}"}
            for row, column, pair in self._cells(self._shown(look))
        ]  # fmt: skip
        colours = [look.colour(name) for name in ("mark", "line", "accent")]
        cells = {
            "mark": {"type": "rect", "stroke": look.colour("surface"), "strokeWidth": 1.5},
            "encoding": {
                "color": {
                    "field": "shade", "type": "quantitative",
                    "scale": {"domain": [0, 0.5, 1], "range": colours, "interpolate": "rgb"},
                    "legend": None,
                },
            },
        }  # fmt: skip
        rates = self._written(look, "label", look.text - 1, dy=-5 if look.wide else 0)
        counts = self._written(look, "total", look.text - 4, dy=7)
        return self._drawn(look, values, [cells, rates, counts] if look.wide else [cells, rates])

    @staticmethod
    def _written(look: Look, field: str, size: int, *, dy: int) -> dict[str, Any]:
        strong = "datum.shade < 0.2 || datum.shade > 0.8"
        return {
            "mark": {"type": "text", "fontSize": size, "dy": dy},
            "encoding": {
                "text": {"field": field},
                "color": {
                    "condition": {"test": strong, "value": look.colour("on-accent")},
                    "value": look.colour("ink"),
                },
            },
        }


class BattleCounts(_Matrix):
    """How often two contenders were compared."""

    title = gettext_lazy("Comparisons of each pair")

    @property
    def alt(self) -> str:
        cells = self._cells(self._shown(Look()))
        row, column, pair = max(cells, key=lambda cell: cell[2].total)
        met, pairs = len(cells) // 2, len(self._shown(Look())) * (len(self._shown(Look())) - 1) // 2
        return ngettext(
            "How often two contenders were compared. %(met)s of %(pairs)s pairs have met; "
            "%(row)s and %(column)s most often, once.",
            "How often two contenders were compared. %(met)s of %(pairs)s pairs have met; "
            "%(row)s and %(column)s most often, %(times)s times.",
            pair.total,
        ) % {
            "met": met,
            "pairs": pairs,
            "row": row,
            "column": column,
            "times": whole(pair.total),
        }

    @property
    def table(self) -> DataTable:
        return self._tabled(lambda pair: whole(pair.total))

    def drawing(self, look: Look) -> dict[str, Any]:
        cells = self._cells(self._shown(look))
        most = max((pair.total for _, _, pair in cells), default=1)
        values = [
            {"row": row, "column": column, "total": pair.total} for row, column, pair in cells
        ]
        colours = [look.colour("accent-soft"), look.colour("accent")]
        squares = {
            "mark": {"type": "rect", "stroke": look.colour("surface"), "strokeWidth": 1.5},
            "encoding": {
                "color": {
                    "field": "total", "type": "quantitative", "legend": None,
                    "scale": {"domain": [0, most], "range": colours, "interpolate": "rgb"},
                },
            },
        }  # fmt: skip
        ink = {
            "condition": {
                "test": f"datum.total > {0.55 * most}",
                "value": look.colour("on-accent"),
            },
            "value": look.colour("ink"),
        }
        labels = {
            "mark": {"type": "text", "fontSize": look.text - (2 if look.wide else 3)},
            "encoding": {"text": {"field": "total"}, "color": ink},
        }
        return self._drawn(look, values, [squares, labels])


def _share_of(pair: Pair) -> str:
    shown = {"share": percent(pair.win_rate), "total": pair.total}
    return _("%(share)s of %(total)s") % shown


def _shade(pair: Pair) -> float:
    """The win rate after two more wins and two more losses (Agresti & Coull, 1998).

    So the colour of a lone win does not shout as loud as that of ten.
    """
    return (pair.wins + 0.5 * pair.ties + 2) / (pair.total + 4)


def _surely(cell: tuple[str, str, Pair]) -> float:
    """How sure it is that the row surpasses the column: the lower end of its win rate."""
    pair = cell[2]
    return wilson(pair.wins + 0.5 * pair.ties, pair.total).lower
