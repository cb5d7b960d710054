"""A real worker on a real Redis: what happens when it works, dies, comes back or stops."""

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import settings
from django.db import connection

from arena.models import Contender
from rlhf import processes, services
from rlhf.locks import exclusive
from rlhf.models import Dataset, Job, Run
from rlhf.services.following import lock_of
from tests.rlhf.conftest import FAKE_STAGE
from tests.rlhf.test_runs import left_running
from tests.rlhf.votes import many_votes

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
Worker = subprocess.Popen[bytes]


def database_url() -> str:
    """The test database, for another process."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    login = f"{values['USER']}:{values['PASSWORD']}@" if values["USER"] else ""
    return f"postgres://{login}{values['HOST']}:{values['PORT']}/{values['NAME']}"


@pytest.fixture
def worker(folders: Path) -> Iterator[Callable[..., Worker]]:
    """Starts workers, whose training processes behave as told; ends them after the test."""
    started: list[Worker] = []

    def start(behaviour: str = "succeed") -> Worker:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "ARENA_HOME": str(folders),
            "REDIS_URL": settings.REDIS_URL,
            "DATABASE_URL": database_url(),
            "ARENA_TRAINING_COMMAND": shlex.join([sys.executable, str(FAKE_STAGE)]),
            "FAKE_STAGE": behaviour,
        }
        command = [sys.executable, "-m", "celery", "-A", "config", "worker", "-c", "1"]
        process = subprocess.Popen(
            [*command, "-Q", "default,training", "--loglevel", "WARNING"],
            cwd=settings.BASE_DIR,
            env=environment,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)
    for run in Run.objects.exclude(pid=None):
        if trainer_lives(run):
            os.killpg(run.pid or 0, signal.SIGKILL)


def until(condition: Callable[[], Any], within: float = 60) -> None:
    """Wait for another process to bring something about."""
    deadline = time.monotonic() + within
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.05)


def trainer_lives(run: Run) -> bool:
    """Not so for a zombie: who adopts orphans here may not collect them."""
    identity = processes.ProcessId(run.pid or 0, run.process_started or 0.0)
    return run.pid is not None and processes.is_alive(identity)


def nobody_follows(run: Run) -> bool:
    with exclusive(lock_of(run)) as free:
        return free


def now(job: Run | Dataset) -> Any:
    job.refresh_from_db()
    return job


def test_it_writes_datasets_and_sees_runs_through(
    worker: Callable[..., Worker], base: Contender
) -> None:
    many_votes(20)
    worker("succeed")
    dataset = services.request_dataset(format="lmsys")
    run = services.start_run(stage="reward")
    until(lambda: now(dataset).ended and now(run).ended)
    assert (dataset.state, dataset.rows) == (Job.State.SUCCEEDED, 20)
    assert run.state == Job.State.SUCCEEDED, run.error


def test_killed_with_kill_9_its_successor_follows_the_run_further(
    worker: Callable[..., Worker], base: Contender
) -> None:
    many_votes(20)
    first = worker("hang")
    run = services.start_run(stage="reward")
    until(lambda: now(run).step == 2)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait(timeout=10)
    pid = run.pid
    assert trainer_lives(run)
    worker("hang")
    services.cancel_run(run)
    until(lambda: now(run).ended)
    assert (run.state, run.pid) == (Job.State.CANCELLED, pid)
    assert not trainer_lives(run)


def test_if_only_its_parent_is_killed_no_second_trainer_starts_beside_the_first(
    worker: Callable[..., Worker], base: Contender
) -> None:
    many_votes(20)
    first = worker("hang")
    run = services.start_run(stage="reward")
    until(lambda: now(run).step == 2)
    first.kill()
    first.wait(timeout=10)
    pid = run.pid
    until(lambda: nobody_follows(run))  # its child let go
    assert trainer_lives(run)
    queued = services.start_run(stage="reward")
    worker("succeed")
    services.cancel_run(run)
    until(lambda: now(run).ended and now(queued).ended)
    assert (run.state, run.pid) == (Job.State.CANCELLED, pid)
    assert (run.folder / "log.txt").read_text().count("reward begins") == 1
    assert queued.state == Job.State.SUCCEEDED, queued.error
    assert queued.started_at >= run.finished_at


def test_its_successor_follows_a_run_that_was_left_before_it_starts_a_queued_one(
    worker: Callable[..., Worker], base: Contender, monkeypatch: pytest.MonkeyPatch
) -> None:
    many_votes(20)
    left = services.create_run(stage="reward")
    trainer = left_running(left, "hang", monkeypatch)
    queued = services.start_run(stage="reward")  # its message is the first in the queue
    worker("succeed")
    until(lambda: now(left).step == 2 or now(queued).started_at)
    assert queued.started_at is None
    services.cancel_run(left)
    assert trainer.wait(timeout=20) == 143
    until(lambda: now(left).ended and now(queued).ended)
    assert (left.state, queued.state) == (Job.State.CANCELLED, Job.State.SUCCEEDED), queued.error


def test_killed_together_with_the_training_process_the_run_fails(
    worker: Callable[..., Worker], base: Contender
) -> None:
    many_votes(20)
    first = worker("hang")
    run = services.start_run(stage="reward")
    until(lambda: now(run).step == 2)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait(timeout=10)
    os.kill(run.pid or 0, signal.SIGKILL)
    worker("hang")
    until(lambda: now(run).ended)
    assert run.state == Job.State.FAILED
    assert "worker or machine stopped" in run.error


def test_killed_together_with_the_training_process_the_run_goes_on_from_its_state(
    worker: Callable[..., Worker], base: Contender
) -> None:
    many_votes(20)
    first = worker("keep-hang")
    run = services.start_run(stage="reward")
    until(lambda: now(run).step == 2)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait(timeout=10)
    os.kill(run.pid or 0, signal.SIGKILL)
    worker("keep-succeed")
    until(lambda: now(run).ended)
    assert (run.state, run.resumes) == (Job.State.SUCCEEDED, 1), run.error


def test_stopped_in_order_a_run_with_a_state_goes_on_with_the_next_worker(
    worker: Callable[..., Worker], base: Contender
) -> None:
    many_votes(20)
    main = worker("keep-hang")
    run = services.start_run(stage="reward")
    until(lambda: now(run).step == 2)
    main.terminate()
    main.wait(timeout=30)
    assert (now(run).state, run.error) == (Job.State.QUEUED, "")
    assert not trainer_lives(run)
    worker("keep-succeed")
    until(lambda: now(run).ended)
    assert run.state == Job.State.SUCCEEDED, run.error


def test_a_lost_pool_process_is_replaced_and_the_run_goes_on(
    worker: Callable[..., Worker], base: Contender
) -> None:
    many_votes(20)
    main = worker("hang")
    run = services.start_run(stage="reward")
    until(lambda: now(run).step == 2)
    (pool,) = [child for child in psutil.Process(main.pid).children() if child.pid != run.pid]
    pool.kill()
    services.cancel_run(run)
    until(lambda: now(run).ended)
    assert run.state == Job.State.CANCELLED


def test_stopped_in_order_it_ends_the_training_process_and_says_why(
    worker: Callable[..., Worker], base: Contender
) -> None:
    many_votes(20)
    main = worker("hang")
    run = services.start_run(stage="reward")
    until(lambda: now(run).step == 2)
    main.terminate()
    main.wait(timeout=30)
    assert now(run).state == Job.State.FAILED
    assert run.error.startswith("The arena was stopped while this run was running.")
    assert not trainer_lives(run)


def test_what_was_queued_before_redis_lost_it_is_taken_up(
    worker: Callable[..., Worker], base: Contender
) -> None:
    many_votes(20)
    run = services.create_run(stage="reward")
    dataset = services.create_dataset(format="ranking")
    worker("succeed")
    until(lambda: now(run).ended and now(dataset).ended)
    assert (run.state, dataset.state) == (Job.State.SUCCEEDED, Job.State.SUCCEEDED)
