"""After a worker started, or while one stops: no job may look alive that nobody works on."""

import logging
import signal
from collections.abc import Callable
from contextlib import suppress

from kombu.exceptions import OperationalError

from arena.sentences import Sentence
from rlhf import processes
from rlhf.locks import exclusive
from rlhf.models import Dataset, Job, Run
from rlhf.services.following import Deserted, follow_run, lock_of
from rlhf.services.queue import FOLLOW_RUN, WRITE_DATASET, enqueue, send

logger = logging.getLogger(__name__)
OPEN = [Job.State.QUEUED, Job.State.RUNNING]
STOPPED_WITH_WORKER = Sentence("The arena was stopped while this run was running.")


def follow_in_turn(run_id: int, *, deserted: Callable[[], bool] = lambda: False) -> None:
    """Follow the run; a queued one goes behind a run that a killed worker left running.

    Else two training processes would share the machine, and nobody would hear that the first one is
    to be cancelled. One task follows one run: a worker that is stopped begins no other. Whoever is
    `deserted` by its worker leaves the run to the next one.
    """
    run = Run.objects.get(pk=run_id)
    if run.state == Job.State.QUEUED and (left := _left_running()) is not None:
        enqueue(FOLLOW_RUN, run)
        run = left
    try:
        follow_run(run.pk, deserted=deserted)
    except Deserted:
        logger.warning("The worker that followed %s is gone: the next one will.", run)
        # Without a queue there is no worker now, and the next one looks for what was left.
        with suppress(OperationalError, OSError):
            send(FOLLOW_RUN, run)


def _left_running() -> Run | None:
    for run in Run.objects.filter(state=Job.State.RUNNING).order_by("pk"):
        with exclusive(lock_of(run)) as free:
            if free:
                return run
    return None


def requeue_runs() -> int:
    """Queue every run that has not ended; how many. A task that exists twice does no harm.

    Whoever follows a running one finds its process alive and goes on, or finds it dead and starts
    another from its last state, or ends the run.
    """
    runs = Run.objects.filter(state__in=OPEN).order_by("pk")
    for run in runs:
        enqueue(FOLLOW_RUN, run)
    return len(runs)


def requeue_datasets() -> int:
    """Queue every dataset that has not ended and that no run writes itself; how many."""
    datasets = Dataset.objects.filter(state__in=OPEN).exclude(run__state__in=OPEN).order_by("pk")
    for dataset in datasets:
        enqueue(WRITE_DATASET, dataset)
    return len(datasets)


def stop_running() -> int:
    """Ask the training process of each running run to end; how many were asked.

    For the orderly end of a worker: whoever follows them writes down why they ended.
    """
    asked = 0
    for run in Run.objects.filter(state=Job.State.RUNNING).exclude(pid=None):
        identity = processes.ProcessId(run.pid or 0, run.process_started or 0.0)
        if processes.is_alive(identity):
            Run.objects.filter(pk=run.pk).update(error=STOPPED_WITH_WORKER())
            processes.send(identity, signal.SIGTERM)
            asked += 1
    return asked
