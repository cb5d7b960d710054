"""What a run came to, from the files that its process left and the code it ended with."""

import json
import logging
from pathlib import Path
from typing import Any

from django.utils import timezone

from arena.errors import ArenaError
from arena.sentences import Sentence
from rlhf import processes
from rlhf.models import Job, Run
from rlhf.selectors import first_metric_after, log_tail, most_memory
from rlhf.services.entering import enter
from rlhf.services.resuming import CANCELLED, queue_again, why_not
from rlhf.services.run_log import log
from rlhf.stages import get_stage
from rlhf.training import choosing, gate, text_gate
from rlhf.training.state import can_go_on

logger = logging.getLogger(__name__)
LOG_LINES_KEPT = 30
NO_RESULT = Sentence("The training process left no result.")
NOT_EVALUATED = Sentence("The run was not evaluated, so nothing is known about its damage.")
NOT_PASSED = Sentence("The gate did not pass it.")
# Written by the training process.
GATE_REASONS = [Sentence(reason) for reason in (*gate.REASONS, *text_gate.REASONS)]
CHOICE_REASONS = [Sentence(reason) for reason in (*choosing.RULES, *choosing.REASONS)]


def end_run(run: Run, state: Job.State, error: str = "") -> None:
    """Write down that the run has ended, and how."""
    run.state, run.error, run.finished_at = state, error, timezone.now()
    run.save(update_fields=["state", "error", "finished_at"])


def finish(run: Run, code: int | None, *, watched: bool = True) -> None:
    """End a run whose process has ended with `code` (None: nobody could collect it).

    A whole summary and checkpoint count as success even when nobody saw the process end: the
    process writes the summary last. The result of a policy stage enters the arena if its gate
    allows. A run that was stopped together with its worker waits for the next one.
    """
    summary = read_object(run.folder / "summary.json")
    if code in (0, None) and summary is not None and (run.folder / "checkpoint").is_dir():
        _succeed(run, summary)
    elif run.cancel_requested:
        log(run, CANCELLED())
        end_run(run, Job.State.CANCELLED)
    elif reason := Run.objects.values_list("error", flat=True).get(pk=run.pk):
        if can_go_on(run.folder):
            queue_again(run, reason)  # until a worker starts
        else:
            _fail(run, reason)  # written by who stopped it
    elif told := read_object(run.folder / "error.json"):
        reason = " ".join(str(told[key]) for key in ("reason", "what to do") if told.get(key))
        end_run(run, Job.State.FAILED, _with_log(run, reason))
    elif code == 0:
        _fail(run, NO_RESULT())
    else:
        reason = f"{processes.cause_of_death(code, watched=watched)} {why_not(run)}".strip()
        _fail(run, reason)


def _fail(run: Run, reason: str) -> None:
    """End a run whose process did not say itself why it ended."""
    log(run, reason)
    end_run(run, Job.State.FAILED, _with_log(run, reason))


def _succeed(run: Run, summary: dict[str, Any]) -> None:
    if (first := first_metric_after(run)) is not None:
        summary = {**summary, "seconds_to_first_metric": first}
    run.summary, run.progress = summary, 1.0
    if memory := most_memory(run):
        run.summary = {**summary, "peak_memory": memory}
    run.save(update_fields=["summary", "progress"])
    if get_stage(run.stage).makes_contender:
        _enter_if_allowed(run)
    end_run(run, Job.State.SUCCEEDED)


def _enter_if_allowed(run: Run) -> None:
    run.refusals = refusals(run.summary)
    if not run.refusals and run.config.get("enter") != "operator":
        try:
            enter(run)
        except ArenaError as error:
            run.refusals = [error.reason]
    run.save(update_fields=["refusals"])


def refusals(summary: dict[str, Any]) -> list[str]:
    """Why the evaluation's gate keeps this result out of the arena; empty when it may enter."""
    found = summary.get("metrics", {}).get("gate")
    if not isinstance(found, dict):
        return [NOT_EVALUATED()]
    if found.get("passed") is True:
        return []
    return [str(reason) for reason in found.get("reasons", [])] or [NOT_PASSED()]


def read_object(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file, or None where there is no whole one."""
    try:
        # NaN and Infinity are not JSON, and databases refuse them.
        value = json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda _: None)
    except FileNotFoundError:
        return None
    except ValueError as error:
        logger.warning("%s is not whole JSON: %s", path, error)
        return None
    return value if isinstance(value, dict) else None


def _with_log(run: Run, reason: str) -> str:
    tail = log_tail(run, LOG_LINES_KEPT)
    return f"{reason}\n\n{tail}" if tail else reason
