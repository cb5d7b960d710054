"""What the page of a trial shows, as values for the templates."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import isfinite
from typing import Any

from arena.selectors import Profile, profiles
from rlhf import selectors
from rlhf.evidence import Counts, Evidence, rating_gap, weigh
from rlhf.gate_forms import RuleForm
from rlhf.models import Run, Trial

WIDTH, HEIGHT = 600.0, 160.0
LOOKS = 60  # how many moments of the interval are drawn
ROWS = 12  # and how many are listed


@dataclass(frozen=True, slots=True)
class Line:
    """A trial in the list of trials."""

    trial: Trial
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Look:
    """What was known after so many votes."""

    votes: int
    mean: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Beside:
    """One figure of the child beside its parent's."""

    name: str
    parent: float | None
    child: float | None


def line(trial: Trial) -> Line:
    return Line(trial, weigh(selectors.trial_counts(trial), trial.level))


def trial(found: Trial) -> dict[str, Any]:
    """The evidence, how it came about, what the child cost, and what can be done."""
    outcomes = list(selectors.trial_outcomes(found))
    looks = looks_at(outcomes, found.level)
    evidence = weigh(_count(outcomes), found.level)
    run = Run.objects.filter(contender=found.child).select_related("dataset", "reward_run").first()
    gap = rating_gap(evidence.counts.mean) if outcomes else None
    votes = _votes_learnt_from(run)
    left = max(0, found.patience - len(outcomes))
    return {
        "trial": found,
        "evidence": evidence,
        "gap": _finite(gap),
        "gap_lower": _finite(rating_gap(evidence.lower)),
        "gap_upper": _finite(rating_gap(evidence.upper)),
        "left": left,
        "late": evidence.needed is not None and evidence.needed > left,
        "looks": looks,
        "listed": looks[:: -(-len(looks) // ROWS)] if looks else [],
        "band": _band(looks, len(outcomes)),
        "path": _path([(look.votes, look.mean) for look in looks], len(outcomes)),
        "run": run,
        "votes": votes,
        "gain": _gain(gap, evidence, votes),
        "beside": [*_text(run), *_serving(found)],
        "rule_form": RuleForm(initial=vars(found)),
        "rule_open": found.kept is None and not selectors.has_begun(found),
    }


def looks_at(outcomes: Sequence[float], level: float) -> list[Look]:
    """The interval after the first votes, ... and all: at most `LOOKS` moments."""
    if not outcomes:
        return []
    running = list(accumulate(map(_one, outcomes), _add))
    last = len(running)
    moments = sorted({max(1, round(last * number / LOOKS)) for number in range(1, LOOKS + 1)})
    found = []
    for votes in moments:
        evidence = weigh(running[votes - 1], level)
        found.append(Look(votes, evidence.counts.mean, evidence.lower, evidence.upper))
    return found


def _one(outcome: float) -> Counts:
    return Counts(float(outcome == 1.0), float(outcome == 0.5), float(outcome == 0.0))


def _add(one: Counts, other: Counts) -> Counts:
    return Counts(one.wins + other.wins, one.ties + other.ties, one.losses + other.losses)


def _count(outcomes: Sequence[float]) -> Counts:
    return Counts(outcomes.count(1.0), outcomes.count(0.5), outcomes.count(0.0))


def _spot(votes: int, share: float, last: int) -> str:
    return f"{WIDTH * votes / last:.1f} {HEIGHT * (1 - share):.1f}"


def _path(points: Sequence[tuple[int, float]], last: int) -> str:
    return "M" + "L".join(_spot(votes, share, last) for votes, share in points) if points else ""


def _band(looks: Sequence[Look], last: int) -> str:
    """The interval as a closed SVG path."""
    above = [(look.votes, look.upper) for look in looks]
    below = [(look.votes, look.lower) for look in reversed(looks)]
    return f"{_path([*above, *below], last)}Z" if looks else ""


def _votes_learnt_from(run: Run | None) -> int | None:
    """The votes of the run's own dataset, or of the one behind its reward model."""
    if run is None:
        return None
    learnt = run.dataset or (run.reward_run.dataset if run.reward_run else None)
    return learnt.votes - (learnt.skipped or 0) if learnt and learnt.votes else None


@dataclass(frozen=True, slots=True)
class Gain:
    """Rating points for each thousand votes learnt from, with the ends of their interval."""

    points: float
    lower: float
    upper: float


def _gain(gap: float | None, evidence: Evidence, votes: int | None) -> Gain | None:
    """None where an end of the interval is infinite: so few votes say nothing of points."""
    ends = (rating_gap(evidence.lower), rating_gap(evidence.upper))
    if gap is None or not votes or not all(map(isfinite, (gap, *ends))):
        return None
    points, lower, upper = (1000 * value / votes for value in (gap, *ends))
    return Gain(points, lower, upper)


def _text(run: Run | None) -> list[Beside]:
    """What the evaluation of the run measured on both."""
    metrics = run.summary.get("metrics", {}) if run else {}
    base, policy = metrics.get("base"), metrics.get("policy")
    if not isinstance(base, dict) or not isinstance(policy, dict):
        return []
    return [
        Beside(key, base.get(key), policy.get(key))
        for key in ("entropy", "nll", "repetition", "distinct", "length")
        if base.get(key) is not None or policy.get(key) is not None
    ]


def _serving(trial: Trial) -> list[Beside]:
    """How both answer in battles."""
    known = profiles(trial.population)
    parent, child = known.get(trial.parent_id), known.get(trial.child_id)
    if parent is None or child is None:
        return []
    lines = [
        Beside("seconds", parent.seconds, child.seconds),
        Beside("tokens", parent.tokens, child.tokens),
        Beside("cost", parent.cost, child.cost),
        Beside("approval", _approval(parent), _approval(child)),
        Beside("failed", parent.failed, child.failed),
    ]
    return [one for one in lines if one.parent is not None or one.child is not None]


def _approval(profile: Profile) -> float | None:
    thumbs = profile.thumbs_up + profile.thumbs_down
    return profile.thumbs_up / thumbs if thumbs else None


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None
