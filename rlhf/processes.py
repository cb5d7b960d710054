"""Training processes: started in a group of their own, recognised again, stopped for good."""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from arena.sentences import Sentence

logger = logging.getLogger(__name__)
GONE = Sentence("The worker or machine stopped while it ran, and the training process is gone.")
DIED = Sentence(
    "The training process died. Its exit code is unknown, because the worker was restarted while "
    "it ran."
)
ASKED_TO_STOP = Sentence(
    "The training process was asked to stop (SIGTERM) by something outside the lab."
)
KILLED = Sentence(
    "The training process was killed (SIGKILL). Unless somebody did it, the machine ran out of "
    "memory: use a smaller batch or a shorter maximum length."
)
KILLED_BY = Sentence("The training process was killed by %(signal)s.")
EXITED = Sentence("The training process ended with exit code %(code)s.")
NICENESS = 5  # answering raters goes before training
CLOCK_TOLERANCE_S = 1.0


@dataclass(frozen=True)
class ProcessId:
    """A process for good: a pid alone is used again by the system."""

    pid: int
    started: float  # seconds since the epoch, as the system reports it


def start(
    command: Sequence[str], *, log: Path, folder: Path
) -> tuple[ProcessId, subprocess.Popen[bytes]]:
    """Start `command` in `folder`, in a group of its own; its outputs are appended to `log`."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # A group, not a session: Linux weighs niceness only among processes of one session.
            process_group=0,
        )
    try:
        os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        started = float(psutil.Process(process.pid).create_time())
    except (ProcessLookupError, psutil.NoSuchProcess):
        started = time.time()
    return ProcessId(process.pid, started), process


def identify(pid: int) -> ProcessId | None:
    """The process that has this pid now; None if there is none."""
    try:
        return ProcessId(pid, float(psutil.Process(pid).create_time()))
    except psutil.NoSuchProcess:
        return None


def is_alive(identity: ProcessId) -> bool:
    """Whether this very process still runs (a zombie does not)."""
    try:
        process = psutil.Process(identity.pid)
        same = abs(process.create_time() - identity.started) < CLOCK_TOLERANCE_S
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def send(identity: ProcessId, number: signal.Signals) -> None:
    """Signal the process and all of its group; nothing if it has ended.

    SIGKILL also reaches what is below it in groups of its own: torchrun, under accelerate, starts
    its workers in new sessions, and killed it stops none.
    """
    if not is_alive(identity):
        return
    try:
        process = psutil.Process(identity.pid)
        below = process.children(recursive=True) if number == signal.SIGKILL else []
        os.killpg(identity.pid, number)
        for child in below:
            with suppress(psutil.NoSuchProcess):
                child.send_signal(number)
    except (ProcessLookupError, psutil.NoSuchProcess):
        logger.info("Process group %d ended before %s.", identity.pid, number.name)


def cause_of_death(code: int | None, *, watched: bool = True) -> str:
    """Why a process ended, in words.

    `code` is None where nobody could collect it; `watched` says whether we saw it alive before.
    """
    if code is None and not watched:
        return GONE()
    if code is None:
        return DIED()
    if code == 128 + signal.SIGTERM or code == -signal.SIGTERM:
        return ASKED_TO_STOP()
    if code == -signal.SIGKILL:
        return KILLED()
    if code < 0:
        return KILLED_BY(signal=signal.Signals(-code).name)
    return EXITED(code=code)
