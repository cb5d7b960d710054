"""Curves and calibration as small SVGs, drawn on the server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rlhf.selectors import Curve
from rlhf.wording import figure_meaning, figure_name, phase_name

WIDTH, HEIGHT = 300.0, 90.0
WIDE, HIGH = 600.0, 220.0


@dataclass(frozen=True, slots=True)
class Chart:
    """One figure over the steps, with its name and meaning. `path`: SVG, in a box of 300 × 90."""

    title: str
    meaning: str
    phase: str
    path: str
    low: float
    high: float
    last: float
    first_step: int
    last_step: int


def chart(curve: Curve) -> Chart:
    """The curve scaled into the box, its smallest value at the bottom."""
    steps = [step for step, _ in curve.points]
    values = [value for _, value in curve.points]
    low, high = min(values), max(values)
    across = (max(steps) - min(steps)) or 1
    span = (high - low) or 1.0
    spots = [
        (WIDTH * (step - min(steps)) / across, HEIGHT * (1 - (value - low) / span))
        for step, value in curve.points
    ]
    return Chart(
        title=figure_name(curve.name),
        meaning=figure_meaning(curve.name),
        phase=phase_name(curve.phase),
        path="M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in spots),
        low=low,
        high=high,
        last=curve.last,
        first_step=min(steps),
        last_step=max(steps),
    )


@dataclass(frozen=True, slots=True)
class Spot:
    """A point of a drawing: where it is, its number, and what it is."""

    x: float
    y: float
    step: int
    within: bool
    chosen: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """Points joined in their order, in a box of 600 × 220; ends of both axes."""

    path: str
    spots: tuple[Spot, ...]
    left: float
    right: float
    low: float
    high: float


def drawing(points: Sequence[tuple[int, float, float, bool, bool]]) -> Drawing:
    """Points as (step, across, up, within, chosen), scaled into the box."""
    across, up = [point[1] for point in points], [point[2] for point in points]
    left, right, low, high = min(across), max(across), min(up), max(up)
    spots = tuple(
        Spot(
            x=round(WIDE * (x - left) / ((right - left) or 1.0), 1),
            y=round(HIGH * (1 - (y - low) / ((high - low) or 1.0)), 1),
            step=step,
            within=within,
            chosen=chosen,
        )
        for step, x, y, within, chosen in points
    )
    path = "M" + "L".join(f"{spot.x} {spot.y}" for spot in spots)
    return Drawing(path, spots, left, right, low, high)


SIDE = 300.0  # of the calibration plot
LEAST_RADIUS, MOST_RADIUS = 3.0, 9.0


@dataclass(frozen=True, slots=True)
class Dot:
    """A share with its interval in a square of 300 × 300; the area is the number of pairs."""

    x: float
    y: float
    top: float
    bottom: float
    radius: float


def calibration_dots(bins: Sequence[Mapping[str, float]]) -> list[Dot]:
    """Predicted probability from 50 % (left) to 100 %, observed share from 0 (below) to 100 %."""
    most = max((one["pairs"] for one in bins), default=1)
    return [
        Dot(
            x=SIDE * (one["predicted"] - 0.5) * 2,
            y=SIDE * (1 - one["observed"]),
            top=SIDE * (1 - one["upper"]),
            bottom=SIDE * (1 - one["lower"]),
            radius=max(LEAST_RADIUS, MOST_RADIUS * (one["pairs"] / most) ** 0.5),
        )
        for one in bins
    ]
