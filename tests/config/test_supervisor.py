"""`make run`'s supervisor: what it refuses to start with, and that it leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from config import supervisor
from config.supervisor import StartError

ROOT = Path(__file__).parent.parent.parent
Usage = namedtuple("Usage", "total used free")


def test_a_taken_port_is_named_with_another_to_try() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"Port {port} .*PORT={port + 1} make run"):
            supervisor.port_from({"PORT": str(port)}, "127.0.0.1")


@pytest.mark.parametrize("text", ["http", "-1", "0", "70000", "80.5"])
def test_a_port_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(StartError, match=text):
        supervisor.port_from({"PORT": text}, "127.0.0.1")


@pytest.mark.parametrize("text", ["0", "two", "-1", "1.5", "65", "²"])
def test_a_number_of_processes_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(supervisor.StartError, match=f"ARENA_WEB_PROCESSES={text} must be"):
        supervisor.web_processes_from({"ARENA_WEB_PROCESSES": text})


def test_one_home_serves_one_arena_at_a_time(tmp_path: Path) -> None:
    already = f"running already .process {os.getpid()}"
    with supervisor.lock(tmp_path), pytest.raises(StartError, match=already):
        supervisor.lock(tmp_path)
    supervisor.lock(tmp_path).close()


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(10**9, 10**9, 5 * 2**20))
    with pytest.raises(StartError, match=r"5 MB are free.*ARENA_HOME="):
        supervisor.home_from({"ARENA_HOME": str(tmp_path)})


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="ARENA_HOME"):
        supervisor.home_from({"ARENA_HOME": str(tmp_path / "file" / "home")})


def test_a_redis_that_does_not_answer_is_named() -> None:
    with pytest.raises(StartError, match=r"REDIS_URL=redis://127\.0\.0\.1:1/0"):
        supervisor.require_redis("redis://127.0.0.1:1/0")


def test_what_the_operator_has_set_stays(tmp_path: Path) -> None:
    given = {"REDIS_URL": "redis://elsewhere/0", "OMP_WAIT_POLICY": "ACTIVE"}
    told = supervisor.environment_for(tmp_path, 8123, given)
    assert told["REDIS_URL"] == "redis://elsewhere/0"
    assert told["OMP_WAIT_POLICY"] == "ACTIVE"
    assert told["PORT"] == "8123"
    assert told["ARENA_HOME"] == str(tmp_path)
    assert told["ARENA_MODEL_SERVER_URL"].startswith("http://127.0.0.1:")


def test_no_model_server_runs_beside_the_operators_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_MODEL_SERVER_URL", "http://127.0.0.1:9999/v1")
    ours = supervisor.services(tmp_path, "127.0.0.1", 8000, {})
    given = {"ARENA_MODEL_SERVER_URL": "http://gpu:8000/v1"}
    theirs = supervisor.services(tmp_path, "127.0.0.1", 8000, given)
    assert [spec.name for spec in ours] == ["web", "worker", "training", "models"]
    assert [spec.name for spec in theirs] == ["web", "worker", "training"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Arena:
    """A supervisor in a process of its own, without a model server."""

    def __init__(self, home: Path, **more: str) -> None:
        self.port = free_port()
        self.log = home / "log"
        hidden = {"REDIS_URL", "DATABASE_URL", "DJANGO_SETTINGS_MODULE"}
        environment = {key: value for key, value in os.environ.items() if key not in hidden}
        environment |= {
            "ARENA_HOME": str(home / "home"),
            "PORT": str(self.port),
            "ARENA_MODEL_SERVER_URL": "http://127.0.0.1:1/v1",
        } | more
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "config.supervisor"],
                cwd=ROOT, env=environment, stdout=log, stderr=log,
            )  # fmt: skip

    def wait_until_ready(self) -> None:
        """Until all its processes run."""
        deadline = time.monotonic() + 120
        while self.log.read_text().count("ready.") < 2:  # both workers
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=10) as page:
            assert page.status == 200

    def members(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def serving(self) -> list[psutil.Process]:
        """The processes among which the connections are shared out."""
        (web,) = [one for one in self.members() if "uvicorn" in words(one)]
        return [one for one in web.children() if "spawn_main" in " ".join(words(one))]


def words(process: psutil.Process) -> list[str]:
    """Its command; nothing once it has ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Arena]:
    started = Arena(tmp_path)
    yield started
    if started.process.poll() is None:
        started.process.send_signal(signal.SIGTERM)
        started.process.wait(timeout=60)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_it_serves_and_leaves_no_process_behind(arena: Arena, number: signal.Signals) -> None:
    arena.wait_until_ready()
    members = arena.members()
    names = " ".join(" ".join(process.cmdline()) for process in members)
    assert all(word in names for word in ("redis-server", "uvicorn", "celery", "guardian"))
    arena.process.send_signal(number)
    status = arena.process.wait(timeout=60)
    assert status == (-signal.SIGKILL if number == signal.SIGKILL else 0)
    _, alive = psutil.wait_procs(members, timeout=30)
    assert alive == []


@pytest.mark.slow
def test_several_processes_serve_one_port(tmp_path: Path) -> None:
    arena = Arena(tmp_path, ARENA_WEB_PROCESSES="2")
    try:
        arena.wait_until_ready()
        serving = arena.serving()
        assert len(serving) == 2
        serving[0].kill()
        deadline = time.monotonic() + 60
        while len(again := arena.serving()) < 2 or serving[0].pid in {one.pid for one in again}:
            assert time.monotonic() < deadline, arena.log.read_text()
        for _ in range(4):
            urllib.request.urlopen(f"http://127.0.0.1:{arena.port}/healthz", timeout=30).close()
    finally:
        members = arena.members()
        arena.process.send_signal(signal.SIGTERM)
        assert arena.process.wait(timeout=60) == 0
    _, alive = psutil.wait_procs(members, timeout=30)
    assert alive == []


@pytest.mark.slow
def test_what_is_killed_comes_back(arena: Arena) -> None:
    arena.wait_until_ready()
    web = next(one for one in arena.members() if "uvicorn" in " ".join(one.cmdline()))
    web.kill()
    deadline = time.monotonic() + 60
    while True:
        assert time.monotonic() < deadline, arena.log.read_text()
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{arena.port}/healthz", timeout=5).close()
            break
        except OSError:
            continue
    assert "ended (killed by SIGKILL); again in 1 s" in arena.log.read_text()
