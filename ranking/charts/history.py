"""How ratings moved over time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ranking.boards import StandingRecord
from ranking.charts.chart import Chart, DataTable, best_of, unique_names
from ranking.charts.figures import gap, points
from ranking.charts.look import Look
from ranking.selectors.history import Moment

MOST = {"wide": 10, "narrow": 5}
STEPS = 120  # moments of a line: more could not be told apart
ROWS = 20  # of the table
CLOCK = {"hours": "%H:%M", "minutes": "%H:%M"}  # of 24 hours, as everywhere on the page
TOO_SHORT = gettext_lazy(
    "There are not yet two stored leaderboards that rank a contender, to draw a line between. They "
    "are stored for all votes together, not for a category, a time window or style control."
)
_RATING = {
    "mark": {
        "type": "line",
        "interpolate": "monotone",
        "strokeWidth": 2.2,
        "point": {"size": 18, "filled": True},
    },
    "encoding": {"y": {"field": "rating", "type": "quantitative"}},
}
_INTERVAL = {
    "transform": [{"filter": "datum.lower !== null"}],
    "mark": {"type": "area", "opacity": 0.16, "interpolate": "monotone"},
    "encoding": {"y": {"field": "lower", "type": "quantitative"}, "y2": {"field": "upper"}},
}


@dataclass(frozen=True, slots=True)
class History(Chart):
    """`standings` best first, `moments` by contender, the oldest first.

    The interval of a single contender is drawn too.
    """

    standings: Sequence[StandingRecord]
    moments: Mapping[int, Sequence[Moment]]
    tie_odds: float = 0.0

    title = gettext_lazy("Ratings over time")

    @property
    def missing(self) -> str:
        times = {one.computed_at for moments in self._lines(Look()).values() for one in moments}
        return "" if len(times) > 1 else str(TOO_SHORT)

    @property
    def alt(self) -> str:
        lines = self._lines(Look())
        first = min(moments[0].computed_at for moments in lines.values())
        moved = "; ".join(
            _("%(name)s from %(first)s to %(last)s")
            % {
                "name": name,
                "first": points(moments[0].rating),
                "last": points(moments[-1].rating),
            }
            for name, moments in lines.items()
        )
        return _("Ratings since %(day)s: %(moved)s.") % {
            "day": date_format(first),
            "moved": moved,
        }

    @property
    def table(self) -> DataTable:
        lines = self._lines(Look())
        ratings = {
            name: {moment.computed_at: points(moment.rating) for moment in moments}
            for name, moments in lines.items()
        }
        times = sorted({when for found in ratings.values() for when in found})
        times = [*times[: -1 : max(1, len(times) // ROWS)], *times[-1:]]
        return DataTable(
            (_("When (UTC)"), *lines),
            [
                (f"{when:%Y-%m-%d %H:%M}", *(found.get(when, "–") for found in ratings.values()))
                for when in times
            ],
        )

    def notes(self, look: Look) -> list[str]:
        return [*best_of(MOST[look.size], len(self._known)), gap(self.tie_odds)]

    def height(self, look: Look) -> int:
        return 430 if look.wide else 400

    def drawing(self, look: Look) -> dict[str, Any]:
        lines = self._lines(look)
        values = [
            {
                "name": name,
                "when": moment.computed_at.isoformat(),
                "rating": moment.rating,
                "lower": moment.lower,
                "upper": moment.upper,
            }
            for name, moments in lines.items()
            for moment in _thinned(moments)
        ]
        return {
            "data": {"values": values},
            "encoding": {
                "x": {
                    "field": "when",
                    "type": "temporal",
                    "title": None,
                    "axis": {"grid": False, "tickCount": 8 if look.wide else 4, "format": CLOCK},
                },
                "y": {"title": _("Rating"), "scale": {"zero": False}, "axis": {"format": "d"}},
                "color": {
                    "field": "name",
                    "type": "nominal",
                    "scale": {"domain": list(lines), "range": look.series[: len(lines)]},
                    "legend": None if self._alone else _legend(look),
                },
            },
            "layer": [_INTERVAL, _RATING] if self._alone else [_RATING],
        }

    @property
    def _alone(self) -> bool:
        return len(self.standings) == 1

    def _lines(self, look: Look) -> dict[str, Sequence[Moment]]:
        names = unique_names(self.standings)
        return {
            names[standing.contender_id]: self.moments[standing.contender_id]
            for standing in self._known[: MOST[look.size]]
        }

    @property
    def _known(self) -> list[StandingRecord]:
        """Those with votes enough for a line."""
        return [one for one in self.standings if self.moments.get(one.contender_id)]


def _thinned(moments: Sequence[Moment]) -> list[Moment]:
    """The last moment of each of `STEPS` equal spans of time."""
    if not moments:
        return []
    first: datetime = moments[0].computed_at
    elapsed = (moments[-1].computed_at - first).total_seconds() or 1.0
    kept = {
        int(STEPS * (moment.computed_at - first).total_seconds() / elapsed): moment
        for moment in moments
    }
    return list(kept.values())


def _legend(look: Look) -> dict[str, Any]:
    if look.wide:
        return {"orient": "right", "title": None}
    return {"orient": "bottom", "columns": 2, "title": None}
