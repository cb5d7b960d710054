"""A run's figures over its steps, thinned to what a small chart can show."""

from collections import defaultdict
from dataclasses import dataclass

from rlhf.models import Metric, Run

MAX_POINTS = 160
CHECKPOINTS = "checkpoints"  # the phase of what is measured now and then, beside the training


@dataclass(frozen=True, slots=True)
class Curve:
    """One figure of one phase: (step, value) in the order reported."""

    phase: str
    name: str
    points: tuple[tuple[int, float], ...]

    @property
    def last(self) -> float:
        return self.points[-1][1]


def curves(run: Run) -> list[Curve]:
    """Every figure that was reported at least twice, in the order in which they appeared."""
    found: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
    rows = Metric.objects.filter(run=run).exclude(phase=CHECKPOINTS).order_by("pk")
    for phase, name, step, value in rows.values_list("phase", "name", "step", "value").iterator():
        found[phase, name].append((step, value))
    return [
        Curve(phase, name, tuple(_thin(points)))
        for (phase, name), points in found.items()
        if len(points) > 1
    ]


def has_figures(run: Run) -> bool:
    """Whether any step of its training told figures, be they enough for a curve or not."""
    return Metric.objects.filter(run=run, phase="training").exists()


def checkpoint_figures(run: Run) -> dict[int, dict[str, float]]:
    """What was measured at each checkpoint, by step; step 0 is the base."""
    found: dict[int, dict[str, float]] = defaultdict(dict)
    rows = Metric.objects.filter(run=run, phase=CHECKPOINTS).order_by("pk")
    for step, name, value in rows.values_list("step", "name", "value"):
        found[step][name] = value
    return dict(sorted(found.items()))


def _thin(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    if len(points) <= MAX_POINTS:
        return points
    stride = (len(points) - 1) / (MAX_POINTS - 1)
    return [points[round(index * stride)] for index in range(MAX_POINTS)]
