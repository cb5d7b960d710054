"""`python -m config.supervisor`: starts the whole arena, keeps it running, and ends all of it."""

import fcntl
import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO

import redis

from config import redis_server
from config.children import FAMILY_VARIABLE, Child, Printer, Spec, stop
from rlhf.serving import weights

ROOT = Path(__file__).resolve().parent.parent
SPACE_NEEDED_BYTES = 500 * 1024 * 1024
PREPARED = "prepared"
TEND_EVERY_S = 0.2
MOST_WEB_PROCESSES = 64
TRAINING_NICENESS = 10  # answering raters goes before training


class StartError(Exception):
    """The arena cannot start; the message says what to do."""


def home_from(environment: Mapping[str, str]) -> Path:
    """The ARENA_HOME, made if need be. Raises StartError if it cannot be written or is full."""
    home = Path(environment.get("ARENA_HOME") or ROOT / "var").resolve()
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not os.access(home, os.W_OK):
            raise PermissionError("no permission to write there")
    except OSError as error:
        raise StartError(f"ARENA_HOME {home} cannot be used: {error}. Choose another.") from error
    free = shutil.disk_usage(home).free
    if free < SPACE_NEEDED_BYTES:
        raise StartError(
            f"Only {free // 2**20} MB are free in {home}, and 500 MB are needed. Make room, or "
            "choose another place: ARENA_HOME=/other/place make run"
        )
    return home


def lock(home: Path) -> IO[str]:
    """Holds `home` for this process while the file is open. Raises StartError if it is held."""
    file = (home / "supervisor.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        pid = file.read().strip() or "unknown"
        file.close()
        raise StartError(
            f"The arena of {home} is running already (process {pid}). Stop it with Ctrl-C in its "
            "terminal, or run a second one: ARENA_HOME=var2 PORT=8001 make run"
        ) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def port_from(environment: Mapping[str, str], host: str) -> int:
    """The web server's port. Raises StartError if it is no port or is taken."""
    text = environment.get("PORT") or "8000"
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise StartError(f"PORT={text} is no port. Say, for example: PORT=8001 make run")
    port = int(text)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StartError(
                f"Port {port} on {host} cannot be used ({error.strerror}). Choose another: "
                f"PORT={port + 1} make run"
            ) from error
    return port


def web_processes_from(environment: Mapping[str, str]) -> int:
    """How many processes serve the port. Raises StartError if that is no such number."""
    text = environment.get("ARENA_WEB_PROCESSES") or "1"
    if not text.isdecimal() or not 1 <= int(text) <= MOST_WEB_PROCESSES:
        raise StartError(
            f"ARENA_WEB_PROCESSES={text} must be a number from 1 to {MOST_WEB_PROCESSES}; one for "
            "each core that the arena's pages may fill."
        )
    return int(text)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment_for(home: Path, port: int, given: Mapping[str, str]) -> dict[str, str]:
    """What every process of the arena is told; what the operator has set stays."""
    defaults = {
        "REDIS_URL": redis_server.url(home),
        "ARENA_MODEL_SERVER_URL": f"http://127.0.0.1:{free_port()}/v1",
        # Cores that spin while they wait are lost to the other processes; see docs/decisions/0002.
        "OMP_WAIT_POLICY": "PASSIVE",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "TQDM_DISABLE": "1",
    }
    return {
        **defaults,
        **given,
        "ARENA_HOME": str(home),
        "PORT": str(port),
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        FAMILY_VARIABLE: secrets.token_hex(16),
    }


def services(home: Path, host: str, port: int, given: Mapping[str, str]) -> list[Spec]:
    """What runs: only what the operator does not run elsewhere."""
    python = sys.executable
    worker = [python, "-m", "celery", "-q", "-A", "config", "worker", "--without-gossip"]
    worker += ["--without-mingle", "--loglevel", "INFO"]
    specs = [
        Spec("web", [
            python, "-m", "uvicorn", "config.asgi:application", "--host", host, "--port", str(port),
            "--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "3",
            "--workers", str(web_processes_from(given)),
            # One that is slow while training fills the machine is no dead one.
            "--timeout-worker-healthcheck", "30",
        ]),
        Spec("worker", [*worker, "-Q", "default", "-n", "default@%h", "--concurrency", "2"]),
        Spec(
            "training",
            [*worker, "-Q", "training", "-n", "training@%h", "--concurrency", "1"],
            niceness=TRAINING_NICENESS,
        ),
    ]  # fmt: skip
    if not given.get("ARENA_MODEL_SERVER_URL"):
        specs.append(Spec("models", _model_server(home)))
    return specs


def _model_server(home: Path) -> list[str]:
    port = os.environ["ARENA_MODEL_SERVER_URL"].removesuffix("/v1").rpartition(":")[2]
    return [
        sys.executable, "-m", "rlhf.serving", "--home", str(home), "--port", port,
        "--default-model", weights.NAME,
    ]  # fmt: skip


def _schema(given: Mapping[str, str]) -> str:
    """The database and the migrations that make its tables, as one hash."""
    names = sorted(str(path) for path in ROOT.glob("*/migrations/*.py"))
    return hashlib.sha256(repr((given.get("DATABASE_URL"), names)).encode()).hexdigest()


def is_prepared(home: Path) -> bool:
    """Whether the database was made by this code, so that the web server need not wait for it."""
    try:
        return (home / PREPARED).read_text() == _schema(os.environ)
    except OSError:
        return False


def mark_prepared(home: Path) -> None:
    (home / PREPARED).write_text(_schema(os.environ))


def answers(url: str) -> bool:
    """Whether something answers there, well or badly."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except (urllib.error.URLError, OSError):
        return False


class Supervisor:
    """The running arena of one home."""

    def __init__(self, home: Path, host: str, port: int, given: Mapping[str, str]) -> None:
        self._home, self._host, self._port, self._given = home, host, port, given
        self._printer = Printer()
        self._began = time.monotonic()
        self._children: list[Child] = []
        self._stopping = threading.Event()
        self._guardian: Guardian

    def run(self) -> None:
        """Starts everything and returns when it was asked to stop and has stopped."""
        os.environ.update(environment_for(self._home, self._port, self._given))
        token = os.environ[FAMILY_VARIABLE]
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        self._guardian = Guardian(token)
        try:
            self._start()
            while not self._stopping.wait(TEND_EVERY_S):
                for child in self._children:
                    child.tend()
        finally:
            self._say("Stopping.")
            stop(self._children, token)
            self._guardian.close()
            self._say("Stopped.")

    def _start(self) -> None:
        """What a page needs first; the workers when the page is there, as they take its cores."""
        self._start_redis()
        specs = services(self._home, self._host, self._port, self._given)
        unpacking = self._begin_weights()
        preparing = self._process("config.prepare", stdout=subprocess.PIPE)
        if is_prepared(self._home):
            self._begin(specs, "web", *(["models"] if unpacking is None else []))
        self._finish(preparing, "The database could not be prepared.")
        assert preparing.stdout is not None
        said = preparing.stdout.read().decode(errors="replace").splitlines()
        mark_prepared(self._home)
        self._begin(specs, "web")
        if unpacking is not None:
            self._finish(unpacking, "The model weights could not be prepared.")
        self._begin(specs, "models")
        self._await_web()
        self._begin(specs, *(spec.name for spec in specs))
        for line in said:  # last of all, where the new admin's password is not overlooked
            self._say(line)

    def _start_redis(self) -> None:
        if self._given.get("REDIS_URL"):
            require_redis(self._given["REDIS_URL"])
            return
        self._begin([Spec("redis", redis_server.command(self._home), last=True)], "redis")
        deadline = time.monotonic() + redis_server.START_TIMEOUT_S
        while not redis_server.answers(self._home):
            if self._stopping.wait(0.02):
                return
            if time.monotonic() > deadline:
                raise StartError("Redis did not start; its lines above say why.")

    def _begin_weights(self) -> "subprocess.Popen[bytes] | None":
        folder = self._home / "models" / weights.NAME
        if self._given.get("ARENA_MODEL_SERVER_URL") or weights.is_complete(folder):
            return None
        self._say("Unpacking the model weights (once, about a minute).")
        return self._process("rlhf.serving.weights", "--home", str(self._home))

    def _process(
        self, module: str, *arguments: str, stdout: int | None = None
    ) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", module, *arguments]
        process = subprocess.Popen(command, cwd=ROOT, process_group=0, stdout=stdout)
        self._guardian.watch(process.pid)
        return process

    def _finish(self, process: "subprocess.Popen[bytes]", failure: str) -> None:
        while process.poll() is None:
            if self._stopping.wait(TEND_EVERY_S / 4):
                process.terminate()
                process.wait()
                return
        if process.returncode != 0:
            raise StartError(f"{failure} The lines above say why.")

    def _begin(self, specs: Sequence[Spec], *names: str) -> None:
        """Starts those of `specs` that have one of the names and do not run yet."""
        running = {child.spec.name for child in self._children}
        for spec in specs:
            if spec.name in names and spec.name not in running and not self._stopping.is_set():
                child = Child(spec, self._printer, on_start=self._guardian.watch)
                child.start()
                self._children.append(child)

    def _await_web(self) -> None:
        local = "127.0.0.1" if self._host in {"0.0.0.0", "::"} else self._host
        address = f"http://{local}:{self._port}/"
        while not answers(f"{address}healthz"):
            if self._stopping.wait(TEND_EVERY_S / 2):
                return
            for child in self._children:
                child.tend()
        seconds = time.monotonic() - self._began
        self._say(f"The arena is at {address} (ready after {seconds:.1f} s; Ctrl-C stops it).")

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping.set()

    def _say(self, text: str) -> None:
        self._printer.line("arena", text)


def require_redis(url: str) -> None:
    """Raises StartError unless a Redis answers at `url`."""
    try:
        redis.Redis.from_url(url, socket_connect_timeout=5).ping()
    except (redis.RedisError, ValueError) as error:
        raise StartError(
            f"No Redis answers at REDIS_URL={url}: {error}. Start it, or unset REDIS_URL to use a "
            "private one."
        ) from error


class Guardian:
    """A process that ends what was started here should this process be killed."""

    def __init__(self, token: str) -> None:
        environment = {key: value for key, value in os.environ.items() if key != FAMILY_VARIABLE}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "config.guardian", token],
            stdin=subprocess.PIPE,
            env=environment,
            start_new_session=True,
            text=True,
        )

    def watch(self, pid: int) -> None:
        """Notes a process that was started."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{pid}\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """After an orderly stop."""
        self._process.communicate()


def main() -> None:
    given = dict(os.environ)
    try:
        host = given.get("ARENA_BIND") or "127.0.0.1"
        home = home_from(given)
        with lock(home):
            port = port_from(given, host)
            web_processes_from(given)
            Supervisor(home, host, port, given).run()
    except (StartError, redis_server.RedisError) as error:
        sys.exit(f"\nThe arena did not start. {error}")


if __name__ == "__main__":
    main()
