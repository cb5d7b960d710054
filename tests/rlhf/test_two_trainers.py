"""A run has one trainer at a time, whatever became of those who started it."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from arena.models import Contender
from rlhf import processes, services
from rlhf.models import Job, Metric, Run
from rlhf.training.sole import OCCUPIED, occupant
from tests.rlhf.test_runs import FAST, at_step_2, follow, left_running, reward
from tests.rlhf.test_worker import until
from tests.rlhf.votes import many_votes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def votes(base: Contender) -> None:
    many_votes(25)


def begun(run: Run) -> int:
    """How many trainers wrote into the run's folder."""
    return (run.folder / "log.txt").read_text().count("reward begins")


def test_a_trainer_whose_start_nobody_wrote_down_is_followed_further(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its follower was killed the moment after it had started it."""
    run = reward()
    trainer = left_running(run, "hang", monkeypatch)
    until(lambda: occupant(run.folder) == trainer.pid)
    Run.objects.filter(pk=run.pk).update(pid=None, process_started=None)
    follow(run, at_step_2(services.cancel_run))
    assert (run.state, run.pid) == (Job.State.CANCELLED, trainer.pid)
    assert trainer.wait(timeout=5) == 143
    assert begun(run) == 1
    assert Metric.objects.filter(run=run).count() == 2


def test_a_second_trainer_ends_and_the_first_is_followed(
    monkeypatch: pytest.MonkeyPatch, stage: Callable[..., None]
) -> None:
    """The first one takes the folder only after the new follower has looked there."""
    stage("hang")
    start = processes.start
    started: list[subprocess.Popen[bytes]] = []

    def late(*args: Any, **kwargs: Any) -> Any:
        if not started:
            _, first = start(*args, **kwargs)
            started.append(first)
            until(lambda: occupant(kwargs["log"].parent) == first.pid)
        identity, second = start(*args, **kwargs)
        started.append(second)
        second.wait(timeout=20)
        return identity, second

    monkeypatch.setattr(processes, "start", late)
    run = follow(reward(), at_step_2(services.cancel_run))
    assert [process.wait(timeout=5) for process in started] == [143, OCCUPIED]
    assert (run.state, run.pid) == (Job.State.CANCELLED, started[0].pid)
    assert begun(run) == 1


def test_what_a_trainer_left_that_ended_before_it_was_found_counts(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    run = reward()
    left_running(run, "succeed", monkeypatch).wait(timeout=20)
    settings.TRAINING_COMMAND = [sys.executable, "-c", f"raise SystemExit({OCCUPIED})"]
    Run.objects.filter(pk=run.pk).update(pid=None, process_started=None)
    assert follow(run).state == Job.State.SUCCEEDED, run.error


def test_a_follower_whose_worker_is_gone_leaves_its_trainer_to_the_next_one(
    stage: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from celery import current_app

    sent: list[tuple[str, list[int]]] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, args, **_: sent.append((name, args)))
    stage("hang")
    run = reward()
    services.follow_in_turn(run.pk, deserted=lambda: True)
    run.refresh_from_db()
    assert (run.state, run.pid is None) == (Job.State.RUNNING, False)
    assert sent == [("rlhf.tasks.follow_run", [run.pk])]
    pid = run.pid
    services.follow_run(run.pk, announce=at_step_2(services.cancel_run), pace=FAST)
    run.refresh_from_db()
    assert (run.state, run.pid) == (Job.State.CANCELLED, pid)
    assert begun(run) == 1
