"""What pages show of the gate: its written rules, a run's verdict, what operators decided."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.translation import gettext

from rlhf.gate_forms import GateForm
from rlhf.gate_wording import GATE_LIMITS, POINTS, RULES, SHARES, WHOM
from rlhf.models import Gate, Job, Run
from rlhf.templatetags.lab import figure, percent
from rlhf.training.gate import GateRules

SHOWN = 20  # changes of the limits
PREFIX = "gate_"


@dataclass(frozen=True, slots=True)
class Line:
    """A written rule, and what was measured and allowed where a run was held to it."""

    name: str
    said: str
    base: float | None = None
    figure: float | None = None
    allowed: str = ""
    passed: bool | None = None


def gate() -> dict[str, Any]:
    """The rules as they apply now, the form that changes them, and who changed them."""
    newest = Gate.objects.select_related("set_by").first()
    set_now = newest.limits if newest else {}
    return {
        "newest": newest,
        "groups": [
            (whom, [_written(rule, _limits(set_now)) for rule in rules]) for whom, rules in WHOM
        ],
        "form": GateForm(initial=set_now | {"waits": newest.waits if newest else False}),
        "changes": [
            {
                "gate": change,
                "limits": [(GATE_LIMITS[name], value) for name, value in change.limits.items()],
            }
            for change in Gate.objects.select_related("set_by")[:SHOWN]
        ],
    }


def verdict(run: Run, *, makes_contender: bool) -> dict[str, Any]:
    """What the gate said of a run's result, what was decided, and what can be; else empty.

    Runs of before were judged without a list of rules.
    """
    if not makes_contender or run.state != Job.State.SUCCEEDED:
        return {}
    told = run.summary.get("metrics", {}).get("gate") or {}
    limits = _limits(run.config) | (told.get("limits") or {})
    given = run.gate.limits if run.gate else {}
    decisions = list(run.decisions.select_related("decided_by"))
    return {
        "passed": not run.refusals,
        "rules": [_judged(one, limits) for one in told.get("checks", [])],
        "gate": run.gate,
        "own": [
            name
            for name, value in run.config.items()
            if name.startswith(PREFIX) and given.get(name) != value
        ],
        "decisions": decisions,
        "kept_out": bool(decisions) and not decisions[0].entered,
        "open": run.contender is None,
    }


def _limits(settings: Mapping[str, Any]) -> dict[str, float]:
    """The gate's limits where these settings are given."""
    defaults = asdict(GateRules())
    return {name: settings.get(PREFIX + name, value) for name, value in defaults.items()}


def _written(rule: str, limits: Mapping[str, float]) -> Line:
    name, said = RULES.get(rule, (rule, ""))
    return Line(str(name), str(said) % {key: _limit(key, one) for key, one in limits.items()})


def _limit(name: str, value: float) -> str:
    if name in POINTS:
        return figure(100 * value)
    return percent(value) if name in SHARES else figure(value)


def _judged(told: Mapping[str, Any], limits: Mapping[str, float]) -> Line:
    written = _written(told["rule"], limits)
    allowed = _allowed(told.get("least"), told.get("most"))
    return Line(
        written.name, written.said, told.get("base"), told.get("figure"), allowed, told["passed"]
    )


def _allowed(least: float | None, most: float | None) -> str:
    ends = {"least": figure(least), "most": figure(most)}
    if least is None:
        return gettext("at most %(most)s") % ends
    if most is None:
        return gettext("at least %(least)s") % ends
    return gettext("%(least)s to %(most)s") % ends
