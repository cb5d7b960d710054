"""How far a reward model can be trusted, as its run's page shows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rlhf.training.judgement import LEAST_PAIRS

SIDE = 220.0  # of the drawing: from one half to one across, from nothing to one up


@dataclass(frozen=True, slots=True)
class Point:
    """A bin of pairs in the drawing: `x` by what was predicted, `y` by what raters said."""

    x: float
    y: float
    top: float
    bottom: float


@dataclass(frozen=True, slots=True)
class CategoryLine:
    """Accuracy within a category; `few` where its pairs are too few to say anything."""

    name: str
    rate: float
    lower: float
    upper: float
    pairs: int
    few: bool


@dataclass(frozen=True, slots=True)
class Reliability:
    """`bins` have low, high, predicted, observed, lower, upper and pairs. `raters` is how often two
    votes on the same comparison agree (rate, lower, upper, pairs), None where none was repeated."""

    bins: tuple[Mapping[str, Any], ...]
    points: tuple[Point, ...]
    error: float | None
    raters: Mapping[str, Any] | None
    categories: tuple[CategoryLine, ...]


def reliability_of(metrics: Mapping[str, Any]) -> Reliability | None:
    """What a reward run's summary says of it; None for a run of before it was measured."""
    if not metrics.get("calibration"):
        return None
    bins = tuple(metrics["calibration"])
    return Reliability(
        bins=bins,
        points=tuple(
            Point(
                x=_place(2 * one["predicted"] - 1),
                y=SIDE - _place(one["observed"]),
                top=SIDE - _place(one["upper"]),
                bottom=SIDE - _place(one["lower"]),
            )
            for one in bins
        ),
        error=metrics.get("calibration_error"),
        raters=metrics.get("raters"),
        categories=tuple(
            CategoryLine(
                name=name,
                rate=found["rate"],
                lower=found["lower"],
                upper=found["upper"],
                pairs=found["pairs"],
                few=found["pairs"] < LEAST_PAIRS,
            )
            for name, found in metrics.get("categories", {}).items()
        ),
    )


def _place(share: float) -> float:
    """A share of the drawing's side."""
    return round(SIDE * share, 1)
