"""Child processes: shown with a coloured name, restarted with back-off, stopped for good."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import psutil

# Every process of an arena carries this variable, so that its whole family can be found: training
# runs, for one, are in sessions of their own.
FAMILY_VARIABLE = "ARENA_FAMILY"
LOOK_EVERY_S = 0.05
COLOURS = (36, 33, 35, 32, 34, 31)


@dataclass(frozen=True)
class Spec:
    """What to run under which name. `last` ones are stopped after the others."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    niceness: int = 0
    last: bool = False


@dataclass
class BackOff:
    """How long to wait before each restart: doubling, and from the start again after good times."""

    first: float = 1.0
    most: float = 60.0
    healthy_after: float = 60.0
    _next: float = field(default=0.0, init=False)

    def delay(self, lived: float) -> float:
        """Seconds to wait, given how many seconds the process lived."""
        if self._next == 0 or lived >= self.healthy_after:
            self._next = self.first
        delay, self._next = self._next, min(self._next * 2, self.most)
        return delay


class Printer:
    """Writes log lines of several processes, each with its name in its colour."""

    def __init__(self, write: Callable[[str], object] | None = None) -> None:
        self._write = write or sys.stdout.write
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._names: list[str] = []
        self._lock = threading.Lock()

    def line(self, name: str, text: str) -> None:
        with self._lock:
            if name not in self._names:
                self._names.append(name)
            prefix = f"{name:<9}│"
            if self._colour:
                colour = COLOURS[self._names.index(name) % len(COLOURS)]
                prefix = f"\033[{colour}m{prefix}\033[0m"
            self._write(f"{prefix} {text}\n")
            sys.stdout.flush()


class Child:
    """One supervised process. Not thread-safe: the supervisor's main thread uses it."""

    def __init__(
        self,
        spec: Spec,
        printer: Printer,
        *,
        back_off: BackOff | None = None,
        on_start: Callable[[int], object] = lambda pid: None,
    ) -> None:
        self.spec = spec
        self._on_start = on_start
        self.process: subprocess.Popen[str] | None = None
        self._printer = printer
        self._back_off = back_off or BackOff()
        self._started = 0.0
        self._due = 0.0

    def start(self) -> None:
        # A group, not a session: Linux groups processes for scheduling by session, and niceness
        # counts only within one.
        self.process = subprocess.Popen(
            [*_niced(self.spec.niceness), *self.spec.command],
            env=os.environ | self.spec.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            process_group=0,
        )
        self._on_start(self.process.pid)
        self._started = time.monotonic()
        threading.Thread(target=self._show, args=(self.process,), daemon=True).start()

    def tend(self) -> None:
        """Restarts the process if it has ended and its time has come. To be called often."""
        now = time.monotonic()
        if self.process is None:
            if now >= self._due:
                self.start()
        elif (code := self.process.poll()) is not None:
            delay = self._back_off.delay(now - self._started)
            self._printer.line(self.spec.name, f"ended ({_ending(code)}); again in {delay:.0f} s")
            self.process, self._due = None, now + delay

    def _show(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            self._printer.line(self.spec.name, line.rstrip("\n"))


def _niced(niceness: int) -> list[str]:
    return ["nice", "-n", str(niceness)] if niceness else []


def _ending(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    return f"killed by {signal.Signals(-code).name}"


def family(token: str) -> list[psutil.Process]:
    """All processes of the arena that carries this token, but this one."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(FAMILY_VARIABLE) == token:
                found.append(process)
        except (psutil.Error, OSError):
            continue  # ended meanwhile, or another user's
    return found


def stop(children: Sequence[Child], token: str, *, grace: float = 10.0) -> None:
    """Ends the children and everything that descends from them. TERM, then KILL after `grace`."""
    # Redis hides its variables by writing its title over them, so children count by themselves.
    ours = {child.process.pid: child for child in children if child.process is not None}
    last = {pid for pid, child in ours.items() if child.spec.last}
    end([process for process in _alive(ours, token) if process.pid not in last], grace)
    end(_alive(ours, token), grace)


def _alive(pids: Iterable[int], token: str) -> list[psutil.Process]:
    found = {process.pid: process for process in family(token)}
    for pid in pids:
        try:
            found.setdefault(pid, psutil.Process(pid))
        except psutil.NoSuchProcess:
            continue
    return list(found.values())


def end(processes: Sequence[psutil.Process], grace: float) -> None:
    """TERM to all, KILL to those that live after `grace` seconds; returns when all have ended."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in processes:
            try:
                process.send_signal(number)
            except psutil.NoSuchProcess:
                continue
        deadline = time.monotonic() + grace
        while processes := [process for process in processes if _lives(process)]:
            if time.monotonic() > deadline:
                break
            time.sleep(LOOK_EVERY_S)


def _lives(process: psutil.Process) -> bool:
    """A zombie does not: it has ended, and only waits for its parent to hear of it."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
