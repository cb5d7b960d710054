"""A run whose process died, or that was cut short, goes on from the state that it kept."""

import signal
from functools import partial

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from arena.errors import Conflict
from arena.sentences import Sentence
from rlhf import processes
from rlhf.models import Job, Run
from rlhf.selectors import last_word, most_memory, seconds_to_last_report
from rlhf.services.queue import FOLLOW_RUN, enqueue
from rlhf.services.run_log import log
from rlhf.training.state import can_go_on, kept_something

MOST_RESUMES = 5
DIED_TWICE = Sentence(
    "It had died at the same place before (%(phase)s, step %(step)s), so it was not started again."
)
DIED_OFTEN = Sentence("It had gone on by itself %(times)s times, so it was not started again.")
CANCELLED = Sentence("It was cancelled.")
SUDDEN = {None, -signal.SIGKILL, 128 + signal.SIGKILL}
"""Exit codes of a process that was given no chance to say why it ends; None: nobody saw it."""


def resume_run(run: Run) -> Run:
    """Queue a failed or cancelled run to go on from its last state.

    Conflict if it did not end so or kept no state; Unavailable when there is no queue.
    """
    with transaction.atomic():
        run = reopen_run(run)
        transaction.on_commit(partial(enqueue, FOLLOW_RUN, run))
    return run


@transaction.atomic
def reopen_run(run: Run) -> Run:
    """Like `resume_run`, but somebody else will follow it (`follow_run`)."""
    run = Run.objects.select_for_update().get(pk=run.pk)
    if run.state not in {Job.State.FAILED, Job.State.CANCELLED}:
        raise Conflict(
            _("%(run)s cannot be resumed (%(state)s): only one that failed or was cancelled can.")
            % {"run": run, "state": run.get_state_display()}
        )
    if not kept_something(run.folder):
        raise Conflict(
            _("%(run)s kept nothing that it could go on from. Start a new one.") % {"run": run}
        )
    run.resumes, run.died_at = 0, ""
    reason = run.error.partition("\n\n")[0]  # without the log, which stays in the folder
    queue_again(run, reason or CANCELLED())
    return run


def queue_again(run: Run, reason: str) -> None:
    """Make it a queued run, whose process starts from the state in its folder.

    `reason`: why the one before ended; it is kept in the list of interruptions.
    """
    ended = run.finished_at or timezone.now()
    last = last_word(run) if run.pid is not None else None
    run.interruptions.append(
        {"at": ended.isoformat(), "phase": run.phase, "step": run.step, "reason": reason}
        | {"silent_since": (last or ended).isoformat()}
    )
    if run.finished_at is None:  # else it was said when it ended
        log(run, reason, ended)
    if run.pid is not None:
        run.worked += seconds_to_last_report(run)
        run.peak_memory = most_memory(run)
    run.state, run.error, run.cancel_requested = Job.State.QUEUED, "", False
    run.pid = run.process_started = run.finished_at = None
    run.save(
        update_fields=[
            "state", "error", "cancel_requested", "pid", "process_started", "finished_at",
            "resumes", "died_at", "worked", "peak_memory", "interruptions",
        ]
    )  # fmt: skip


def goes_on(run: Run, code: int | None, *, watched: bool = True) -> bool:
    """Whether a run whose process ended with `code` goes on by itself; it is queued again if so.

    One that had kept nothing yet begins again. Not where the process said why it ended, nor where
    it was asked to end. `watched`: whether that process was seen alive.
    """
    told = ["summary.json", "error.json"]
    if code not in SUDDEN or any((run.folder / name).is_file() for name in told):
        return False
    run.refresh_from_db(fields=["cancel_requested", "error"])
    if run.cancel_requested or run.error or not can_go_on(run.folder) or why_not(run):
        return False
    run.resumes, run.died_at = run.resumes + 1, _place(run)
    queue_again(run, processes.cause_of_death(code, watched=watched))
    return True


def why_not(run: Run) -> str:
    """Why a run that died is not started again; empty where nothing speaks against it."""
    if run.died_at and run.died_at == _place(run):
        return DIED_TWICE(phase=run.phase, step=run.step)
    if run.resumes >= MOST_RESUMES:
        return DIED_OFTEN(times=run.resumes)
    return ""


def _place(run: Run) -> str:
    return f"{run.phase} {run.step}"
