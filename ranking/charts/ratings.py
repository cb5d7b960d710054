"""Ratings with their intervals, best first."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ranking.boards import LEVEL, StandingRecord, win_rates
from ranking.charts.chart import Chart, DataTable, best_of, unique_names
from ranking.charts.figures import percent, points, rank_range, rating_interval
from ranking.charts.look import Look

MOST = {"wide": 60, "narrow": 30}
STEP = {"wide": 21, "narrow": 19}
WIN_RATES = gettext_lazy("Rating and win rate against the average")
AROUND = 120  # title, axis and padding, in pixels


@dataclass(frozen=True, slots=True)
class Ratings(Chart):
    """Of the standings of a leaderboard, best first."""

    standings: Sequence[StandingRecord]
    tie_odds: float = 0.0

    title = gettext_lazy("Ratings")

    @property
    def missing(self) -> str:
        return "" if self.standings else _("There are no votes yet.")

    @property
    def alt(self) -> str:
        best, worst = self._ranked[0], self._ranked[-1]
        return ngettext(
            "The rating of %(count)s contender. %(best)s leads with %(highest)s; "
            "%(worst)s is last with %(lowest)s.",
            "Ratings of %(count)s contenders, best first. %(best)s leads with %(highest)s; "
            "%(worst)s is last with %(lowest)s.",
            len(self._ranked),
        ) % {
            "count": len(self._ranked),
            "best": best.name,
            "highest": _in_words(best),
            "worst": worst.name,
            "lowest": _in_words(worst),
        }

    @property
    def table(self) -> DataTable:
        names = unique_names(self.standings)
        return DataTable(
            (
                _("Contender"),
                _("Rank"),
                _("Rating"),
                _("%(level)s interval") % {"level": percent(LEVEL)},
                _("Win rate"),
            ),
            [
                (
                    names[standing.contender_id],
                    rank_range(standing),
                    points(standing.rating),
                    rating_interval(standing) or "–",
                    percent(win_rate),
                )
                for standing, win_rate in self._rated()
            ],
        )

    def notes(self, look: Look) -> list[str]:
        return [*best_of(MOST[look.size], len(self._ranked)), str(WIN_RATES)]

    @property
    def _ranked(self) -> list[StandingRecord]:
        """Who is drawn: others have no place on the same axis, and come last in the table."""
        return [one for one in self.standings if one.rank is not None]

    def _rated(self) -> list[tuple[StandingRecord, float | None]]:
        rates = win_rates(self.standings, self.tie_odds)
        return list(zip(self.standings, rates, strict=True))

    def height(self, look: Look) -> int:
        shown = min(MOST[look.size], len(self._ranked))
        return AROUND + shown * STEP[look.size]

    def drawing(self, look: Look) -> dict[str, Any]:
        names = unique_names(self.standings)
        values = [
            {
                "name": names[standing.contender_id],
                "rating": standing.rating,
                "lower": standing.lower,
                "upper": standing.upper,
                "end": standing.rating if standing.upper is None else standing.upper,
                "label": f"{points(standing.rating)} · {percent(win_rate)}",
            }
            for standing, win_rate in self._rated()[: min(MOST[look.size], len(self._ranked))]
        ]
        return {
            "data": {"values": values},
            "encoding": {"y": {"field": "name", "type": "nominal", "sort": None, "title": None}},
            "layer": _layers(look),
        }


def _layers(look: Look) -> list[dict[str, Any]]:
    axis = {"format": "d", "tickCount": 10 if look.wide else 5}
    across = {"type": "quantitative", "scale": {"zero": False}, "axis": axis, "title": None}
    interval = {
        "transform": [{"filter": "datum.lower !== null"}],
        "mark": {
            "type": "rule",
            "color": look.colour("accent"),
            "opacity": 0.38,
            "strokeWidth": 7 if look.wide else 5,
        },
        "encoding": {"x": {"field": "lower", **across}, "x2": {"field": "upper"}},
    }
    rating = {
        "mark": {
            "type": "tick",
            "color": look.colour("accent-strong"),
            "thickness": 3,
            "size": look.text,
        },
        "encoding": {"x": {"field": "rating", **across}},
    }
    label = {
        "mark": {"type": "text", "align": "left", "dx": 7, "color": look.colour("ink-soft")},
        "encoding": {"x": {"field": "end", **across}, "text": {"field": "label"}},
    }
    return [interval, rating, label]


def _in_words(standing: StandingRecord) -> str:
    interval = rating_interval(standing)
    return points(standing.rating) + (f" ({interval})" if interval else "")
