"""The checkpoints of a run as its page shows them: what reward they gained and what it cost."""

from dataclasses import dataclass

from rlhf.charts import Chart, Drawing, chart, drawing
from rlhf.models import Run
from rlhf.selectors import Curve, checkpoint_figures
from rlhf.selectors.curves import CHECKPOINTS
from rlhf.training.choosing import RULE, RULE_WITHOUT_REWARD

DAMAGE = ("nll", "repetition", "entropy", "kl")
COLUMNS = ("reward", "nll", "kl", "entropy", "repetition", "length")


@dataclass(frozen=True, slots=True)
class Line:
    """A checkpoint in the table; step 0 is the base. values: in the order of the columns."""

    step: int
    values: tuple[float | None, ...]
    within: bool
    chosen: bool


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """`tradeoff` is reward (up) against divergence from the base (across), None without reward.

    `reason` says why the chosen one is, empty while the run goes on.
    """

    columns: tuple[str, ...]
    rewarded: bool
    lines: tuple[Line, ...]
    tradeoff: Drawing | None
    charts: tuple[Chart, ...]
    rule: str
    reason: str
    chosen: int | None


def checkpoints_of(run: Run) -> Checkpoints | None:
    """What was measured at the checkpoints of a run; None before the first one."""
    figures = checkpoint_figures(run)
    if len(figures) < 2:
        return None
    told = run.summary.get("metrics", {}).get("kept") or {}
    chosen = told.get("step")
    columns = tuple(name for name in COLUMNS if any(name in found for found in figures.values()))
    lines = tuple(
        Line(
            step=step,
            values=tuple(found.get(name) for name in columns),
            within=found.get("within_limits", 1.0) == 1.0,
            chosen=step == chosen,
        )
        for step, found in figures.items()
    )
    rewarded = "reward" in columns
    return Checkpoints(
        columns=columns,
        rewarded=rewarded,
        lines=lines,
        tradeoff=_tradeoff(figures, lines),
        charts=tuple(_charts(figures)),
        rule=told.get("rule", RULE) if rewarded else RULE_WITHOUT_REWARD,
        reason=told.get("reason", ""),
        chosen=chosen,
    )


def _tradeoff(figures: dict[int, dict[str, float]], lines: tuple[Line, ...]) -> Drawing | None:
    points = [
        (line.step, found["kl"], found["reward"], line.within, line.chosen)
        for line, found in zip(lines, figures.values(), strict=True)
        if "kl" in found and "reward" in found
    ]
    return drawing(points) if len(points) > 1 else None


def _charts(figures: dict[int, dict[str, float]]) -> list[Chart]:
    """The damage over the steps, from the base on."""
    curves = []
    for name in DAMAGE:
        points = tuple((step, found[name]) for step, found in figures.items() if name in found)
        if len(points) > 1:
            curves.append(chart(Curve(CHECKPOINTS, name, points)))
    return curves
