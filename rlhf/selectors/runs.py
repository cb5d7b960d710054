"""What pages, sockets and the API tell of a run."""

from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from rlhf.estimating import remaining
from rlhf.models import Gate, Job, Run
from rlhf.selectors.estimates import starting_seconds
from rlhf.training.state import kept_something

TAIL_BYTES = 64 * 1024


def run_event(run: Run) -> dict[str, Any]:
    """Where a run is: what its socket sends."""
    return {
        "event": "run",
        "id": run.pk,
        "state": str(run.state),
        "phase": run.phase,
        "step": run.step,
        "total": run.total,
        "progress": round(run.progress, 4),
        "seconds_left": seconds_left(run),
    }


def seconds_left(run: Run, now: datetime | None = None) -> float | None:
    """Seconds that a running run still needs; None where that is not known."""
    begin = run.resumed_at or run.started_at
    if run.state != Job.State.RUNNING or begin is None:
        return None
    now = now or timezone.now()
    # What was written since is no progress yet, so neither is its time.
    reported = min(now, max(begin, run.reported_at or now))
    expected = run.estimate.get("seconds")
    left = remaining(
        expected=expected,
        again=starting_seconds(run.estimate) if run.resumed_from else 0.0,
        progress=run.progress,
        made=run.progress - run.resumed_from,
        elapsed=(reported - begin).total_seconds(),
        silent=(now - reported).total_seconds(),
    )
    return None if left is None else round(left, 1)


def seconds_to_last_report(run: Run) -> float:
    """Seconds from the begin of the run's last process to what it last wrote of itself."""
    begin, reported = run.resumed_at or run.started_at, last_word(run)
    return max(0.0, (reported - begin).total_seconds()) if begin and reported else 0.0


def seconds_taken(run: Run) -> float | None:
    """Seconds that the processes of an ended run worked, those that died among them."""
    begin = run.resumed_at or run.started_at
    if begin is None or run.finished_at is None:
        return None
    if run.worked and run.pid is None:  # cancelled before another process was started
        return run.worked
    return run.worked + (run.finished_at - begin).total_seconds()


def last_word(run: Run) -> datetime | None:
    """When its process last wrote of itself; None if it did not yet."""
    try:
        written = (run.folder / "metrics.jsonl").stat().st_mtime
    except FileNotFoundError:
        return None
    return datetime.fromtimestamp(written, UTC)


def can_resume(run: Run) -> bool:
    """Whether the run was cut short and kept a state that it can go on from."""
    return run.cut_short and kept_something(run.folder)


def gate_settings(gate: Gate | None) -> dict[str, Any]:
    """The settings of a run that an operator set with the gate; a run's own win."""
    if gate is None:
        return {}
    return {**gate.limits, **({"enter": "operator"} if gate.waits else {})}


def own_settings(run: Run) -> dict[str, Any]:
    """The run's settings but for those that the gate of its time gave it."""
    given = gate_settings(run.gate)
    return {name: value for name, value in run.config.items() if given.get(name) != value}


def who_enters() -> str:
    """The setting `enter` of runs that do not choose it: "gate", or "operator" if they wait."""
    newest = Gate.objects.first()
    return "operator" if newest and newest.waits else "gate"


def log_tail(run: Run, lines: int) -> str:
    """The last lines of the run's log; a progress bar's overwritten states are left out."""
    if not run.name:
        return ""
    try:
        with (run.folder / "log.txt").open("rb") as file:
            end = file.seek(0, 2)
            file.seek(max(0, end - TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    shown = [line.rstrip().rsplit("\r", 1)[-1] for line in text.split("\n")]
    return "\n".join([line for line in shown if line][-lines:])
