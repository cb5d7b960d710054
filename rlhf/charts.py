"""A curve as the path of a small SVG, drawn on the server."""

from dataclasses import dataclass

from rlhf.selectors import Curve
from rlhf.wording import figure_name, phase_name

WIDTH, HEIGHT = 300.0, 90.0


@dataclass(frozen=True, slots=True)
class Chart:
    """One figure over the steps. `path` is an SVG path in a box of 300 × 90."""

    title: str
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
        phase=phase_name(curve.phase),
        path="M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in spots),
        low=low,
        high=high,
        last=curve.last,
        first_step=min(steps),
        last_step=max(steps),
    )
