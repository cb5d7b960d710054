"""`python -m config.supervisor`: prepares the arena and keeps its processes running.

Every process's lines come out with its name in front. What crashes is started again, after a pause
that doubles. Ctrl-C or SIGTERM stops all of it and leaves no process behind.
"""

import asyncio
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import psutil

from config import redis_server

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
MODEL = "smollm2-135m-instruct"
SPACE_NEEDED_GB = 1.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
HEALTHY_AFTER_S = 30.0  # a process that ran so long starts again without a pause
GRACE_S = 8.0
COLOURS = (36, 35, 34, 33, 32, 31)


class CannotStart(Exception):
    """The arena cannot be started; the message says what to do."""


@dataclass(frozen=True)
class Service:
    """A process that is kept running."""

    name: str
    command: Sequence[str]
    niceness: int = 0


@dataclass
class Output:
    """Prints lines with the name of the process they come from."""

    width: int = 8
    stream: TextIO = field(default_factory=lambda: sys.stdout)
    _colours: dict[str, int] = field(default_factory=dict)

    def line(self, name: str, text: str) -> None:
        label = name.ljust(self.width)
        if self.stream.isatty():
            colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
            label = f"\x1b[{colour}m{label}\x1b[0m"
        print(f"{label} │ {text}", file=self.stream, flush=True)


class Supervisor:
    """Keeps services running until `stop` is called; then ends them and all their children."""

    def __init__(self, services: Sequence[Service], env: dict[str, str], output: Output) -> None:
        self.services = services
        self.env = env
        self.output = output
        self._stopping = asyncio.Event()
        self._running: dict[str, asyncio.subprocess.Process] = {}

    def stop(self) -> None:
        self._stopping.set()

    async def run(self) -> None:
        keepers = [asyncio.create_task(self._keep(service)) for service in self.services]
        await self._stopping.wait()
        self.output.line("arena", "stopping")
        await self._end_all()
        await asyncio.gather(*keepers)

    async def _keep(self, service: Service) -> None:
        pause = FIRST_PAUSE_S
        while not self._stopping.is_set():
            started = time.monotonic()
            status = await self._run_once(service)
            if self._stopping.is_set():
                return
            if time.monotonic() - started > HEALTHY_AFTER_S:
                pause = FIRST_PAUSE_S
            ended = f"ended with status {status}" if status >= 0 else f"was killed by signal {-status}"
            self.output.line(service.name, f"{ended}; starting again in {pause:g} s")
            try:
                await asyncio.wait_for(self._stopping.wait(), timeout=pause)
            except TimeoutError:
                pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _run_once(self, service: Service) -> int:
        process = await asyncio.create_subprocess_exec(
            *service.command,
            env=self.env,
            cwd=ROOT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=2**20,
            start_new_session=True,  # Ctrl-C reaches the supervisor alone, which ends in order
            preexec_fn=lambda: _prepare_child(service.niceness),
        )
        self._running[service.name] = process
        if self._stopping.is_set():
            process.terminate()
        await self._copy_lines(service.name, process)
        status = await process.wait()
        del self._running[service.name]
        return status

    async def _copy_lines(self, name: str, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:  # a line longer than the limit: readline has dropped it
                self.output.line(name, "(a line too long to show)")
                continue
            if not line:
                return
            self.output.line(name, line.decode(errors="replace").rstrip())

    async def _end_all(self) -> None:
        """TERM to everything below this process, KILL to what is left after the grace."""
        family = psutil.Process().children(recursive=True)
        for process in family:
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_S
        while any(map(_alive, family)) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        for process in filter(_alive, family):
            _signal(process, signal.SIGKILL)


def main() -> int:
    output = Output()
    try:
        home = _home()
        port = int(os.environ.get("PORT") or 8000)
        with _only_one(home):
            check_space(home)
            check_port(port)
            env = environment(home, port)
            output.line("arena", f"everything is kept in {home}")
            return asyncio.run(_serve(home, port, env, output))
    except (CannotStart, RuntimeError) as error:
        print(f"\n✗ {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


async def _serve(home: Path, port: int, env: dict[str, str], output: Output) -> int:
    started = time.monotonic()
    await prepare(env, output)
    host = env["ARENA_HOST"]
    supervisor = Supervisor(services(home, port, env), env, output)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, supervisor.stop)
    announcing = asyncio.create_task(_announce(host, port, started, output))
    await supervisor.run()
    announcing.cancel()
    output.line("arena", "stopped")
    return 0


async def prepare(env: dict[str, str], output: Output) -> None:
    """Tables, static files, the admin account, contenders and prompts. Safe at every start."""
    await _step(["manage.py", "migrate", "--verbosity", "0"], env, output)
    await asyncio.gather(
        _step(["manage.py", "collectstatic", "--noinput", "--verbosity", "0"], env, output),
        _step(["manage.py", "bootstrap"], env, output),
    )


async def _step(arguments: Sequence[str], env: dict[str, str], output: Output) -> None:
    process = await asyncio.create_subprocess_exec(
        PYTHON, *arguments, env=env, cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    printed, _ = await process.communicate()
    for line in printed.decode(errors="replace").splitlines():
        output.line("set-up", line)
    if process.returncode:
        raise CannotStart(
            f"“{' '.join(arguments)}” failed (its lines stand above). "
            "Mend the cause and start again; nothing is lost."
        )


def services(home: Path, port: int, env: dict[str, str]) -> list[Service]:
    """What runs: Redis (unless one was given), model server, two workers, web."""
    model_port = env["ARENA_MODEL_SERVER_URL"].rsplit(":", 1)[1].split("/")[0]
    celery = [PYTHON, "-m", "celery", "-A", "config", "-q", "worker", "-l", "WARNING"]
    threads = ["--pool", "threads", "--without-gossip", "--without-mingle"]
    found = [
        Service("models", [PYTHON, "-m", "rlhf.serving", "--home", str(home), "--port", model_port]),
        Service("web", [
            PYTHON, "-m", "uvicorn", "config.asgi:application",
            "--host", env["ARENA_HOST"], "--port", str(port),
            "--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "3",
        ]),
        Service("worker", [*celery, "-Q", "default", "-n", "default@%h", "-c", "4", *threads]),
        Service("trainer", [*celery, "-Q", "training", "-n", "training@%h", "-c", "1", *threads]),
    ]  # fmt: skip
    if "ARENA_PRIVATE_REDIS" in env:
        found.insert(0, Service("redis", redis_server.command(home)))
    if "ARENA_OWN_MODEL_SERVER" not in env:
        found = [service for service in found if service.name != "models"]
    return found


def environment(home: Path, port: int) -> dict[str, str]:
    """The environment of every process; what the operator has set wins."""
    env = dict(os.environ)
    env |= {"ARENA_HOME": str(home), "PORT": str(port), "PYTHONUNBUFFERED": "1"}
    env.setdefault("ARENA_HOST", "127.0.0.1")
    env.setdefault("ARENA_HASHED_STATIC", "1")
    env.setdefault("HF_HUB_OFFLINE", "1")
    env.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    if not env.get("REDIS_URL"):
        env["ARENA_PRIVATE_REDIS"] = "1"
        env["REDIS_URL"] = f"unix://{redis_server.socket_path(home)}"
    if not env.get("ARENA_MODEL_SERVER_URL"):
        env["ARENA_OWN_MODEL_SERVER"] = "1"
        env["ARENA_MODEL_SERVER_URL"] = f"http://127.0.0.1:{_free_port()}/v1"
    return env


def check_port(port: int) -> None:
    host = os.environ.get("ARENA_HOST") or "127.0.0.1"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotStart(
                f"Port {port} is taken ({error.strerror}). Choose another one: "
                f"make run PORT={port + 1}"
            ) from None


def check_space(home: Path) -> None:
    free = shutil.disk_usage(home).free / 1e9
    if free < SPACE_NEEDED_GB:
        raise CannotStart(
            f"{home} has {free:.1f} GB free and the arena needs {SPACE_NEEDED_GB:g} GB. "
            "Free some space, or set ARENA_HOME to a folder on another disk."
        )


async def _announce(host: str, port: int, started: float, output: Output) -> None:
    """Says where the arena is, once the web server answers."""
    while True:
        try:
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            line = await reader.readline()
            writer.close()
            if b" 200 " in line:
                break
        except OSError:
            pass  # not listening yet
        await asyncio.sleep(0.1)
    seconds = time.monotonic() - started
    output.line("arena", f"ready after {seconds:.1f} s:  http://{host}:{port}/")


def _home() -> Path:
    home = Path(os.environ.get("ARENA_HOME") or ROOT / "var").resolve()
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStart(f"{home} cannot be made: {error.strerror}. Set ARENA_HOME.") from None
    return home


def _only_one(home: Path) -> TextIO:
    """A lock on the home; a second arena there would share its database and its Redis."""
    file = (home / "arena.lock").open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise CannotStart(
            f"An arena already runs on {home}. Stop it first, or set ARENA_HOME for another one."
        ) from None
    return file


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        pass  # it went by itself


def _alive(process: psutil.Process) -> bool:
    # Asking never collects the exit status, which belongs to asyncio.
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _prepare_child(niceness: int) -> None:
    os.nice(niceness)
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
