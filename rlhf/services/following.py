"""Starts a run's training process, or finds it again, and watches it to its end."""

import logging
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from arena.errors import ArenaError
from arena.sentences import Sentence
from rlhf import metrics_file, processes
from rlhf.launching import training_command
from rlhf.locks import exclusive
from rlhf.models import Job, Metric, Run
from rlhf.services.announcing import announce_run
from rlhf.services.finishing import end_run, finish
from rlhf.services.preparing import Cancelled, prepare
from rlhf.services.resuming import goes_on
from rlhf.services.run_log import BEGINS_AGAIN, GOES_ON, log
from rlhf.training.sole import OCCUPIED, occupant, occupy
from rlhf.training.state import can_go_on, cut_back

logger = logging.getLogger(__name__)
NOT_FOLLOWED = Sentence("The lab could not follow this run: %(error)s")
NOT_STARTED = Sentence("%(command)s could not be started: %(error)s.")


class Deserted(Exception):
    """The worker that a follower belongs to is gone; its training process lives on."""


@dataclass(frozen=True)
class Pace:
    """How often a run is looked at, and how long it may take to stop when asked to.

    silence_s: after so long without a report the run is announced all the same, since its time
    left goes on counting down.
    """

    poll_s: float = 0.5
    grace_s: float = 15.0
    silence_s: float = 5.0


def follow_run(
    run_id: int,
    *,
    announce: Callable[[Run], None] = announce_run,
    stop: Callable[[], bool] = lambda: False,
    deserted: Callable[[], bool] = lambda: False,
    pace: Pace = Pace(),
) -> None:
    """See the run through to its end. Safe to run twice: only one follower holds its lock.

    A queued run is prepared and its process started. A running one is followed further if its
    process still lives. If that died without a word and kept a state, another one goes on from
    there; else the run ends here, as succeeded, failed or cancelled. A process that trains in the
    run's folder though nobody wrote down its start is followed too, and no other is started beside
    it. `stop` asks for cancellation, like `Run.cancel_requested`. Raises Deserted, and leaves the
    process to whoever follows the run next, once `deserted` says so.
    """
    run = Run.objects.get(pk=run_id)
    with exclusive(lock_of(run)) as free:
        if not free:
            logger.info("%s is followed already.", run)
            return
        run.refresh_from_db()
        if not run.ended:
            _Follower(run, announce, stop, deserted, pace).see_through()
    announce(run)


def lock_of(run: Run) -> Path:
    """Whoever follows the run holds it."""
    return run.folder / "follow.lock"


class _Follower:
    def __init__(
        self,
        run: Run,
        announce: Callable[[Run], None],
        stop: Callable[[], bool],
        deserted: Callable[[], bool],
        pace: Pace,
    ) -> None:
        self.run, self._tell, self.pace = run, announce, pace
        self.announced = time.monotonic()
        self.asked_to_stop, self.deserted = stop, deserted
        self.child: subprocess.Popen[bytes] | None = None
        self.stopping_since: float | None = None
        self.seen_alive = False

    def announce(self, run: Run) -> None:
        self._tell(run)
        self.announced = time.monotonic()

    def see_through(self) -> None:
        try:
            while True:
                # Without a pid nothing was started, even if a worker died while it prepared.
                if self.run.pid is None and not self._begin():
                    return
                code = self._watch()
                if self._adopt():
                    continue
                if code == OCCUPIED:  # by one that has ended as well
                    code = None
                if not goes_on(self.run, code, watched=self.seen_alive):
                    break
                logger.warning("%s died (%s): another process follows.", self.run, self.run.died_at)
            finish(self.run, code, watched=self.seen_alive)
        except Deserted:
            raise
        except Exception as error:
            self._kill()
            reason = NOT_FOLLOWED(error=f"{type(error).__name__}: {error}")
            end_run(self.run, Job.State.FAILED, reason)
            raise

    def _begin(self) -> bool:
        """See to it that a process trains in the run's folder; False if the run ended instead.

        While inputs are written, or lines of a former process are cut, no trainer can begin there.
        """
        while (place := occupy(self.run.folder)) is None:
            if self._adopt():
                return True
            if self._cancelled():
                end_run(self.run, Job.State.CANCELLED)
                return False
            time.sleep(self.pace.poll_s)
        with place:
            config = self._inputs()
        return config is not None and self._start(config)

    def _adopt(self) -> bool:
        """Follow the process that trains in the run's folder now; False if there is none."""
        pid = occupant(self.run.folder)
        identity = processes.identify(pid) if pid is not None else None
        if identity is None:
            return False
        logger.warning("%s: process %d trains in its folder already.", self.run, identity.pid)
        self.child = self.stopping_since = None
        self._write_down(identity)
        return True

    def _inputs(self) -> Path | None:
        """What the process reads, written or as it was left; None if the run ended instead."""
        run = self.run
        if self._cancelled():
            end_run(run, Job.State.CANCELLED)
            return None
        config = run.folder / "config.json"
        kept = can_go_on(run.folder) and config.is_file()
        try:
            if kept:
                self._go_back()
            run.state, run.phase = Job.State.RUNNING, "preparing"
            if run.started_at is None:
                run.started_at = timezone.now()
            else:  # what it did before says nothing of how fast it goes now
                run.resumed_at = timezone.now()
                if run.interruptions:
                    run.interruptions[-1]["resumed_at"] = run.resumed_at.isoformat()
            run.save(update_fields=["state", "started_at", "resumed_at", "phase", "interruptions"])
            self.announce(run)
            if not kept:
                config = prepare(run, self._cancelled)
        except Cancelled:
            end_run(run, Job.State.CANCELLED)
            return None
        except (ArenaError, OSError) as error:
            end_run(run, Job.State.FAILED, str(error))
            return None
        return config

    def _start(self, config: Path) -> bool:
        run = self.run
        if run.interruptions:
            log(run, GOES_ON if run.resumed_from else BEGINS_AGAIN)
        command = [*training_command(run.config), run.stage, "--config", str(config)]
        try:
            identity, self.child = processes.start(
                command, log=run.folder / "log.txt", folder=settings.BASE_DIR
            )
        except OSError as error:
            end_run(run, Job.State.FAILED, NOT_STARTED(command=command[0], error=error))
            return False
        run.phase = "starting"
        self._write_down(identity)
        return True

    def _write_down(self, identity: processes.ProcessId) -> None:
        run = self.run
        run.pid, run.process_started = identity.pid, identity.started
        run.state, run.started_at = Job.State.RUNNING, run.started_at or timezone.now()
        run.save(update_fields=["pid", "process_started", "state", "started_at", "phase"])

    def _go_back(self) -> None:
        """Forget what was reported after the state that the next process goes on from."""
        run = self.run
        cut_back(run.folder)
        (run.folder / "error.json").unlink(missing_ok=True)
        self._forget_metrics()
        while self._store_metrics():
            pass
        run.resumed_from = run.progress
        run.save(update_fields=["resumed_from"])

    def _forget_metrics(self) -> None:
        run = self.run
        run.metrics_offset = run.unreadable_lines = run.step = run.total = 0
        run.metrics_mark, run.reported_at = "", None
        run.progress = run.resumed_from = 0.0
        Metric.objects.filter(run=run).delete()
        self._save_place()

    def _watch(self) -> int | None:
        """Follow until the process has ended; its exit code, or None where nobody can know it."""
        while self._alive():
            self.seen_alive = True
            if not self._take_metrics() and self._is_silent():
                self.announce(self.run)
            if self._cancelled():
                self._ask_to_stop()
            if self.deserted():
                raise Deserted
            self._pause()
        while self._take_metrics():
            pass
        return self.child.returncode if self.child else None

    def _is_silent(self) -> bool:
        return time.monotonic() - self.announced >= self.pace.silence_s

    def _alive(self) -> bool:
        if self.child is not None:
            return self.child.poll() is None
        identity = _identity(self.run)
        return identity is not None and processes.is_alive(identity)

    def _pause(self) -> None:
        if self.child is None:
            time.sleep(self.pace.poll_s)
            return
        try:
            self.child.wait(self.pace.poll_s)
        except subprocess.TimeoutExpired:
            return

    def _cancelled(self) -> bool:
        if self.asked_to_stop():
            Run.objects.filter(pk=self.run.pk).update(cancel_requested=True)
        self.run.cancel_requested = Run.objects.values_list("cancel_requested", flat=True).get(
            pk=self.run.pk
        )
        return self.run.cancel_requested

    def _ask_to_stop(self) -> None:
        identity = _identity(self.run)
        assert identity is not None
        if self.stopping_since is None:
            self.stopping_since = time.monotonic()
            processes.send(identity, signal.SIGTERM)
        elif time.monotonic() - self.stopping_since > self.pace.grace_s:
            processes.send(identity, signal.SIGKILL)

    def _kill(self) -> None:
        if (identity := _identity(self.run)) is not None:
            processes.send(identity, signal.SIGKILL)
        if self.child is not None:
            self.child.wait()

    def _take_metrics(self) -> bool:
        """Store and announce what was reported since; whether there was anything."""
        told = self._store_metrics()
        if told:
            self.announce(self.run)
        return told

    def _store_metrics(self) -> bool:
        run = self.run
        path = run.folder / "metrics.jsonl"
        reading = metrics_file.read(path, run.metrics_offset, run.metrics_mark)
        if reading.began_anew:
            self._forget_metrics()
            return True
        if reading.offset == run.metrics_offset:
            return False
        run.metrics_offset, run.metrics_mark = reading.offset, reading.mark
        run.unreadable_lines += reading.unreadable
        if reading.reports:
            last = reading.reports[-1]
            run.phase, run.step, run.total = last.phase, last.step, last.total
            run.progress, run.reported_at = last.progress, datetime.fromtimestamp(last.time, UTC)
        with transaction.atomic():
            Metric.objects.bulk_create(
                Metric(run=run, phase=report.phase, step=report.step, name=name, value=value)
                for report in reading.reports
                for name, value in report.metrics.items()
            )
            self._save_place()
        return True

    def _save_place(self) -> None:
        """Where the run is, by what of its reports was read."""
        self.run.save(
            update_fields=[
                "metrics_offset", "metrics_mark", "unreadable_lines", "phase", "step", "total",
                "progress", "reported_at", "resumed_from",
            ]
        )  # fmt: skip


def _identity(run: Run) -> processes.ProcessId | None:
    if run.pid is None or run.process_started is None:
        return None
    return processes.ProcessId(run.pid, run.process_started)
