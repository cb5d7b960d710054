"""Rating against cost, and who is surpassed by nobody that is as cheap."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ranking.boards import LEVEL, StandingRecord
from ranking.charts.chart import Chart, DataTable, unique_names
from ranking.charts.figures import dollars, gap, percent, points, rating_interval
from ranking.charts.labels import Box, without_overlap
from ranking.charts.look import Look
from ranking.selectors.lines import Line

NO_PRICE = gettext_lazy(
    "No contender on this board has both a price and responses to measure. The operator sets the "
    "price of a million tokens in the admin, under Contenders."
)
LOGARITHMIC_FROM = 20.0  # times the smallest cost
AROUND = 140  # title, axes and padding, in pixels
LETTER = 0.55  # the width of one, times the font size


class Spot(NamedTuple):
    """A contender on the plot. `front`: better than everybody who is as cheap or cheaper."""

    name: str
    cost: float
    standing: StandingRecord
    win_rate: float | None
    front: bool


@dataclass(frozen=True, slots=True)
class Costs(Chart):
    """Of the lines with a rank whose cost is known."""

    lines: Sequence[Line]
    tie_odds: float = 0.0

    title = gettext_lazy("Rating against cost")

    @property
    def missing(self) -> str:
        return "" if self.spots else str(NO_PRICE)

    @property
    def alt(self) -> str:
        front = ", ".join(
            f"{spot.name} ({dollars(spot.cost)}, {points(spot.standing.rating)})"
            for spot in self.spots
            if spot.front
        )
        return ngettext(
            "The rating of %(count)s contender against US dollars for a thousand responses. "
            "The front, on which better means dearer: %(front)s.",
            "Ratings of %(count)s contenders against US dollars for a thousand responses. "
            "The front, on which better means dearer: %(front)s.",
            len(self.spots),
        ) % {"count": len(self.spots), "front": front}

    @property
    def table(self) -> DataTable:
        interval = _("%(level)s interval") % {"level": percent(LEVEL)}
        return DataTable(
            (
                _("Contender"),
                _("1,000 responses"),
                _("Rating"),
                interval,
                _("Win rate"),
                _("On the front"),
            ),
            [
                (
                    spot.name,
                    dollars(spot.cost),
                    points(spot.standing.rating),
                    rating_interval(spot.standing) or "–",
                    percent(spot.win_rate),
                    _("yes") if spot.front else _("no"),
                )
                for spot in self.spots
            ],
        )

    @property
    def spots(self) -> list[Spot]:
        """The cheapest first, at the same cost the better."""
        names = unique_names([line.standing for line in self.lines])
        known = [
            (line.cost, line)
            for line in self.lines
            if line.cost is not None and line.standing.rank is not None
        ]
        known.sort(key=lambda pair: (pair[0], -pair[1].standing.rating))
        best, found = -math.inf, []
        for cost, line in known:
            standing, name = line.standing, names[line.standing.contender_id]
            found.append(Spot(name, cost, standing, line.win_rate, standing.rating > best))
            best = max(best, standing.rating)
        return found

    def notes(self, look: Look) -> list[str]:
        unknown = sum(line.cost is None for line in self.lines)
        if not unknown:
            return [gap(self.tie_odds)]
        left_out = ngettext(
            "%(count)s without a known cost is left out",
            "%(count)s without a known cost are left out",
            unknown,
        )
        return [left_out % {"count": unknown}, gap(self.tie_odds)]

    def height(self, look: Look) -> int:
        return 480 if look.wide else 400

    def drawing(self, look: Look) -> dict[str, Any]:
        spots = self.spots
        values = [
            {
                "name": spot.name,
                "cost": spot.cost,
                "rating": spot.standing.rating,
                "lower": spot.standing.lower,
                "upper": spot.standing.upper,
                "front": spot.front,
                "named": named,
            }
            for spot, named in zip(spots, self._named(spots, look), strict=True)
        ]
        # Without its zero, a linear axis would make nearly equal costs look far apart.
        kind = {"type": "log"} if _wide_range(spots) else {"type": "linear", "zero": True}
        return {
            "data": {"values": values},
            "encoding": {
                "x": {
                    "field": "cost",
                    "type": "quantitative",
                    "title": _("US dollars for 1,000 responses"),
                    "scale": {**kind, "nice": False, "padding": look.names // 2},
                    "axis": {"format": "~g", "grid": False, "tickCount": 8 if look.wide else 4},
                },
                "y": {"title": _("Rating"), "scale": {"zero": False}, "axis": {"format": "d"}},
            },
            "layer": _layers(look),
        }

    def _named(self, spots: Sequence[Spot], look: Look) -> list[bool]:
        """Whose names fit in: first those on the front, from the top down."""
        size = look.text - 1
        place = _Places.of(spots, look.width - look.names, self.height(look) - AROUND)
        order = sorted(
            range(len(spots)), key=lambda i: (not spots[i].front, -spots[i].standing.rating)
        )
        boxes = []
        for spot in (spots[i] for i in order):
            x, y = place.across(spot.cost), place.down(spot.standing.rating)
            long = min(LETTER * size * len(spot.name), look.names)
            # Nobody is above and left of the front; below and right of it there is more room.
            box = (
                (x - long, y - size - 4, x, y - 4)
                if spot.front
                else (x, y + 4, x + long, y + 4 + size)
            )
            boxes.append(Box(*box))
        named = dict(zip(order, without_overlap(boxes), strict=True))
        return [named[i] for i in range(len(spots))]


class _Places(NamedTuple):
    """About where on the plot a cost and a rating are, in pixels."""

    logarithmic: bool
    cheapest: float
    dearest: float
    best: float
    worst: float
    width: float
    height: float

    @classmethod
    def of(cls, spots: Sequence[Spot], width: float, height: float) -> "_Places":
        standings = [spot.standing for spot in spots]
        return cls(
            _wide_range(spots),
            spots[0].cost,
            spots[-1].cost,
            max(one.rating if one.upper is None else one.upper for one in standings),
            min(one.rating if one.lower is None else one.lower for one in standings),
            width,
            height,
        )

    def across(self, cost: float) -> float:
        low, high, value = self.cheapest, self.dearest, cost
        if self.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return self.width * (value - low) / ((high - low) or 1.0)

    def down(self, rating: float) -> float:
        return self.height * (self.best - rating) / ((self.best - self.worst) or 1.0)


def _wide_range(spots: Sequence[Spot]) -> bool:
    return 0 < spots[0].cost * LOGARITHMIC_FROM <= spots[-1].cost


def _layers(look: Look) -> list[dict[str, Any]]:
    rating = {"field": "rating", "type": "quantitative"}
    accent, other = look.colour("accent"), look.colour("line-strong")
    tone = {"condition": {"test": "datum.front", "value": accent}, "value": other}
    steps = {"type": "line", "interpolate": "step-after", "strokeWidth": 2, "opacity": 0.5}
    return [
        {
            "transform": [{"filter": "datum.front"}],
            "mark": {**steps, "color": accent},
            "encoding": {"y": rating},
        },
        {
            "transform": [{"filter": "datum.lower !== null"}],
            "mark": {"type": "rule", "strokeWidth": 2, "opacity": 0.45},
            "encoding": {
                "y": {**rating, "field": "lower"},
                "y2": {"field": "upper"},
                "color": tone,
            },
        },
        {
            "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1},
            "encoding": {"y": rating, "color": tone},
        },
        _names(look, "datum.named && datum.front", align="right", dx=-8, dy=-9),
        _names(look, "datum.named && !datum.front", align="left", dx=8, dy=11),
    ]


def _names(look: Look, which: str, *, align: str, dx: int, dy: int) -> dict[str, Any]:
    text = {"type": "text", "align": align, "dx": dx, "dy": dy}
    return {
        "transform": [{"filter": which}],
        "mark": {**text, "limit": look.names, "fontSize": look.text - 1},
        "encoding": {"y": {"field": "rating", "type": "quantitative"}, "text": {"field": "name"}},
    }
