"""Runs that were killed or cut short go on from the state that their process kept."""

import json
import os
import re
import shutil
import signal
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F
from django.test import Client
from django.utils import timezone

from arena.errors import Conflict
from arena.models import Contender
from rlhf import services
from rlhf.models import Job, Metric, Run
from rlhf.selectors import can_resume, seconds_left
from rlhf.services.resuming import MOST_RESUMES
from rlhf.training.state import can_go_on
from tests.rlhf.test_runs import FAST, at_step_2, follow, left_running, reward
from tests.rlhf.training.conftest import tiny_model  # noqa: F401 - a fixture
from tests.rlhf.votes import many_votes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("votes")]


@pytest.fixture
def votes(base: Contender) -> None:
    many_votes(25)


def steps(run: Run) -> list[tuple[int, float]]:
    return list(Metric.objects.filter(run=run).values_list("step", "value"))


def test_a_killed_process_is_started_again_from_its_state(stage: Callable[..., None]) -> None:
    stage("keep-die-once")
    run = follow(reward())
    assert run.state == Job.State.SUCCEEDED, run.error
    assert run.resumes == 1
    # Step 3, which came after the state, is forgotten: the second process made other ones.
    assert steps(run) == [(1, 2.0), (2, 1.0), (4, 0.5)]
    assert run.unreadable_lines == 0


def test_one_that_dies_at_the_same_place_twice_fails_with_the_reason(
    stage: Callable[..., None],
) -> None:
    stage("keep-die")
    run = follow(reward())
    assert run.state == Job.State.FAILED
    assert run.resumes == 1
    assert "SIGKILL" in run.error
    assert "died at the same place before (training, step 3)" in run.error
    assert can_resume(run)


def test_one_that_dies_again_and_again_is_given_up(stage: Callable[..., None]) -> None:
    stage("keep-die-further")
    run = follow(reward())
    assert run.state == Job.State.FAILED
    assert len(list(run.folder.glob("death-*"))) == MOST_RESUMES + 1
    assert f"gone on by itself {MOST_RESUMES} times" in run.error


def told_of(client: Client, run: Run) -> str:
    """The text of a run's page."""
    page = client.get(run.get_absolute_url()).content.decode()
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_why_a_process_died_stays_on_the_page_when_the_run_has_succeeded(
    stage: Callable[..., None], operator_client: Client
) -> None:
    stage("keep-die-once")
    run = follow(reward())
    assert run.state == Job.State.SUCCEEDED, run.error
    page = told_of(operator_client, run)
    assert "(training, step 3): The training process was killed (SIGKILL)." in page
    [told] = operator_client.get(f"/api/v1/runs/{run.pk}").json()["interruptions"]
    assert (told["phase"], told["step"]) == ("training", 3)
    assert "out of memory" in told["reason"]


def lines_of_the_lab(run: Run) -> list[str]:
    """What the lab itself wrote into a run's log, without the times."""
    log = (run.folder / "log.txt").read_text()
    return re.findall(r"^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\] (.+)$", log, re.MULTILINE)


def test_the_log_says_when_a_process_was_killed_and_another_one_went_on(
    stage: Callable[..., None], operator_client: Client
) -> None:
    stage("keep-die-once")
    run = follow(reward())
    killed, went_on = lines_of_the_lab(run)
    assert killed.startswith("The training process was killed (SIGKILL).")
    assert went_on == "Another process goes on from the last state."
    assert killed in unescape(operator_client.get(run.get_absolute_url()).content.decode())
    stage("keep-die")
    run = follow(reward())
    assert run.state == Job.State.FAILED
    assert lines_of_the_lab(run)[1] == went_on
    assert lines_of_the_lab(run)[-1] in run.error.partition("\n\n")[2]


def test_each_end_is_in_the_log_once(stage: Callable[..., None]) -> None:
    stage("keep-hang")
    run = follow(reward(), at_step_2(services.cancel_run))
    stage("keep-hang")
    run = follow(services.reopen_run(run), at_step_2(lambda now: services.stop_running()))
    stage("keep-succeed")
    run = follow(run)
    assert run.state == Job.State.SUCCEEDED, run.error
    went_on = "Another process goes on from the last state."
    assert lines_of_the_lab(run) == [
        "It was cancelled.", went_on, "The arena was stopped while this run was running.", went_on,
    ]  # fmt: skip


def test_why_it_had_failed_or_was_cancelled_stays_when_it_is_resumed(
    stage: Callable[..., None], operator_client: Client
) -> None:
    stage("keep-hang")
    run = follow(reward(), at_step_2(services.cancel_run))
    stage("keep-crash")
    run = follow(services.reopen_run(run))
    failure = run.error.partition("\n\n")[0]
    assert failure
    stage("keep-succeed")
    run = follow(services.reopen_run(run))
    assert [told["reason"] for told in run.interruptions] == ["It was cancelled.", failure]
    page = told_of(operator_client, run)
    assert page.index("It was cancelled.") < page.index(failure)


def test_a_process_that_says_why_it_ends_is_not_started_again(stage: Callable[..., None]) -> None:
    stage("keep-crash")
    run = follow(reward())
    assert (run.state, run.resumes) == (Job.State.FAILED, 0)
    assert can_resume(run)


def test_a_new_worker_goes_on_with_a_run_whose_process_is_gone(
    monkeypatch: pytest.MonkeyPatch, stage: Callable[..., None]
) -> None:
    run = reward()
    process = left_running(run, "keep-hang", monkeypatch)
    while not can_go_on(run.folder):
        assert process.poll() is None
    process.kill()
    process.wait(timeout=5)
    stage("keep-die-once")  # which has died once already
    follow(run)
    assert run.state == Job.State.SUCCEEDED, run.error
    assert run.resumes == 1


def test_cancelling_keeps_the_state_and_the_run_can_be_resumed(
    stage: Callable[..., None], operator_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage("keep-hang")
    run = follow(reward(), at_step_2(services.cancel_run))
    assert run.state == Job.State.CANCELLED
    page = operator_client.get(run.get_absolute_url()).content.decode()
    assert f'action="/lab/runs/{run.pk}/resume/"' in page
    stage("keep-succeed")
    again = services.reopen_run(run)
    assert (again.state, again.error, again.cancel_requested) == (Job.State.QUEUED, "", False)
    assert follow(run).state == Job.State.SUCCEEDED, run.error
    assert steps(run) == [(1, 2.0), (2, 1.0), (4, 0.5)]
    assert "/resume/" not in operator_client.get(run.get_absolute_url()).content.decode()


def test_a_resumed_run_reads_the_inputs_that_it_began_with(stage: Callable[..., None]) -> None:
    stage("keep-hang")
    run = follow(reward(), at_step_2(services.cancel_run))
    before = (run.folder / "rankings.jsonl").read_bytes()
    (run.folder / "rankings.jsonl").write_bytes(before + b"x")
    stage("keep-succeed")
    follow(services.reopen_run(run))
    assert (run.folder / "rankings.jsonl").read_bytes() == before + b"x"


@pytest.mark.django_db(transaction=True)
def test_the_button_queues_the_run(
    stage: Callable[..., None], operator_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from celery import current_app

    sent: list[Any] = []
    monkeypatch.setattr(
        current_app, "send_task", lambda name, args, **_: sent.append((name, args[0]))
    )
    stage("keep-crash")
    run = follow(reward())
    answer = operator_client.post(f"/lab/runs/{run.pk}/resume/")
    assert (answer.status_code, answer["Location"]) == (302, run.get_absolute_url())
    run.refresh_from_db()
    assert (run.state, run.error) == (Job.State.QUEUED, "")
    assert sent == [("rlhf.tasks.follow_run", run.pk)]


def test_what_cannot_be_resumed_is_refused(stage: Callable[..., None]) -> None:
    stage("crash")
    without = follow(reward())
    with pytest.raises(Conflict, match="kept nothing that it could go on from"):
        services.reopen_run(without)
    stage("succeed")
    done = follow(reward())
    (done.folder / "state").mkdir()
    (done.folder / "state" / "fingerprint").touch()
    with pytest.raises(Conflict, match="only one that failed or was cancelled"):
        services.reopen_run(done)


def test_a_run_that_was_stopped_with_its_worker_waits_for_the_next_one(
    stage: Callable[..., None],
) -> None:
    stage("keep-hang")
    run = follow(reward(), at_step_2(lambda now: services.stop_running()))
    assert (run.state, run.error) == (Job.State.QUEUED, "")
    stage("keep-succeed")
    assert follow(run).state == Job.State.SUCCEEDED, run.error


def test_a_process_that_finds_its_state_unfit_begins_anew(
    stage: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file of metrics may have become longer than what was read of the one before."""
    stage("keep-hang")
    run = follow(reward(), at_step_2(services.cancel_run))
    services.reopen_run(run)

    def begin_anew(now: Run) -> None:
        if now.phase != "preparing":
            return
        monkeypatch.setenv("FAKE_STAGE", "succeed")
        shutil.rmtree(now.folder / "state")
        path = now.folder / "metrics.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()] * 2
        told = [
            line | {"time": place, "metrics": {"loss": 9.0}} for place, line in enumerate(lines)
        ]
        path.write_text("".join(json.dumps(line) + "\n" for line in told))
        assert path.stat().st_size > now.metrics_offset

    follow(run, begin_anew)
    assert run.state == Job.State.SUCCEEDED, run.error
    assert steps(run) == [(1, 9.0), (1, 9.0), (1, 2.0), (2, 1.0), (4, 0.5)]
    run.refresh_from_db()
    assert run.resumed_from == 0


def test_what_was_prepared_days_ago_does_not_count_as_its_time(
    stage: Callable[..., None],
) -> None:
    """Its worker died before it started a process, so another one begins anew."""
    stage("succeed")
    run = reward()
    before = timezone.now() - timedelta(days=2)
    Run.objects.update(state=Job.State.RUNNING, started_at=before, phase="preparing")
    seen: list[float] = []
    run = follow(run, lambda now: seen.append(seconds_left(now) or 0.0))
    assert (run.state, run.started_at) == (Job.State.SUCCEEDED, before)
    assert 0 <= max(seen) < 600


def killed_before_it_kept_anything(run: Run, *, worked: int) -> None:
    """Its process and its worker are gone; it had worked so long and its state is empty."""
    (run.folder / "state").mkdir(parents=True)
    (run.folder / "state" / "fingerprint").touch()
    (run.folder / "config.json").write_text("{}")
    (run.folder / "metrics.jsonl").write_text("")
    begin = timezone.now() - timedelta(hours=9)
    reported = begin.timestamp() + worked
    os.utime(run.folder / "metrics.jsonl", (reported, reported))
    Run.objects.filter(pk=run.pk).update(
        state=Job.State.RUNNING, started_at=begin, pid=2**22 + 1, process_started=1.0
    )


def test_a_run_that_had_kept_nothing_says_that_it_began_again_and_counts_all_its_time(
    stage: Callable[..., None], operator_client: Client
) -> None:
    run = reward()
    killed_before_it_kept_anything(run, worked=600)
    pages: list[str] = []

    def look(now: Run) -> None:
        if now.state == Job.State.RUNNING:
            pages.append(operator_client.get(now.get_absolute_url()).content.decode())

    run = follow(run, look)
    assert (run.state, run.resumes) == (Job.State.SUCCEEDED, 1), run.error
    assert "It had kept nothing to go on from, so the run began again." in pages[-1]
    assert not any("it went on from its last state" in page for page in pages)
    page = operator_client.get(run.get_absolute_url()).content.decode()
    assert "took 10 min" in page  # not nine hours, and not the second process's moment


def test_the_time_to_the_first_figure_is_without_that_in_which_nothing_ran(
    stage: Callable[..., None], operator_client: Client
) -> None:
    run = reward()
    killed_before_it_kept_anything(run, worked=600)
    Run.objects.update(created_at=F("started_at"))
    run = follow(run)
    assert run.state == Job.State.SUCCEEDED, run.error
    assert 600 <= run.summary["seconds_to_first_metric"] < 660  # of nine hours
    assert "From request to first figure 10 min" in told_of(operator_client, run)


def test_until_another_process_reports_its_place_is_that_of_the_state_it_goes_on_from(
    stage: Callable[..., None],
) -> None:
    stage("keep-die-once")
    seen: list[tuple[int, int, float]] = []

    def look(now: Run) -> None:
        told = Run.objects.get(pk=now.pk)
        if told.resumes and told.state == Job.State.RUNNING:
            seen.append((told.step, told.total, told.progress))

    follow(reward(), look)
    assert seen[0] == (1, 4, 0.25)
    assert 3 not in {step for step, _, _ in seen}  # at which the first one died


def test_a_run_that_begins_again_has_done_nothing_until_it_reports(
    stage: Callable[..., None], operator_client: Client
) -> None:
    run = reward()
    killed_before_it_kept_anything(run, worked=600)
    Run.objects.update(step=3, total=27, progress=0.21, phase="training")
    seen: list[tuple[int, int, float]] = []
    pages: list[str] = []
    left: list[float | None] = []

    def look(now: Run) -> None:
        told = Run.objects.get(pk=now.pk)
        if told.phase == "preparing":
            seen.append((told.step, told.total, told.progress))
            pages.append(operator_client.get(told.get_absolute_url()).content.decode())
            told.estimate = {"seconds": 200.0}
            left.append(seconds_left(told))

    follow(run, look)
    assert set(seen) == {(0, 0, 0.0)}
    assert left[0] == pytest.approx(200, abs=60)
    assert "step 3 of 27" not in pages[0]


def test_a_process_that_goes_on_is_said_to(
    stage: Callable[..., None], operator_client: Client
) -> None:
    stage("keep-die-once")
    pages: list[str] = []

    def look(now: Run) -> None:
        if now.resumes and now.step == 4:
            pages.append(operator_client.get(now.get_absolute_url()).content.decode())

    follow(reward(), look)
    assert "Its process died once; it went on from its last state." in pages[0]


def test_time_that_passed_in_the_queue_is_not_counted(
    stage: Callable[..., None], operator_client: Client
) -> None:
    run = reward()
    killed_before_it_kept_anything(run, worked=600)
    (run.folder / "state" / "training.000000001").mkdir()
    Run.objects.update(state=Job.State.FAILED, finished_at=timezone.now() - timedelta(hours=8))
    services.cancel_run(services.reopen_run(run))
    assert "took 10 min" in operator_client.get(run.get_absolute_url()).content.decode()


def test_only_a_kept_state_is_offered_to_go_on_from(
    stage: Callable[..., None], operator_client: Client
) -> None:
    run = reward()
    killed_before_it_kept_anything(run, worked=1)
    half_written = run.folder / "state" / ".training"
    half_written.mkdir()
    (half_written / "place.json").write_text('{"sizes": {"metrics.jsonl": 9}}')
    Run.objects.update(state=Job.State.FAILED)
    page = operator_client.get(run.get_absolute_url()).content.decode()
    assert "It kept nothing that it could go on from." in page
    assert "Start again with these settings" in page
    with pytest.raises(Conflict, match="kept nothing that it could go on from"):
        services.reopen_run(run)


def test_time_left_is_told_by_the_present_process(base: Contender) -> None:
    now = timezone.now()
    run = Run(
        stage="reward",
        state=Job.State.RUNNING,
        started_at=now - timedelta(days=1),
        resumed_at=now - timedelta(seconds=10),
        resumed_from=0.5,
        progress=0.75,
    )
    assert seconds_left(run, now) == pytest.approx(10.0)


def test_the_command_resumes_in_the_foreground(
    stage: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    stage("keep-crash")
    run = follow(reward())
    stage("keep-succeed")
    call_command("train", "reward", resume=run.pk)
    run.refresh_from_db()
    assert run.state == Job.State.SUCCEEDED
    assert "succeeded" in capsys.readouterr().out


@pytest.mark.slow
def test_a_real_trainer_that_is_killed_goes_on_under_the_lab(
    base: Contender,
    folders: Path,
    tiny_model: str,  # noqa: F811
) -> None:
    shutil.copytree(tiny_model, folders / "models" / "tiny", dirs_exist_ok=True)
    settings = {
        "threads": 1, "device": "cpu", "lora_rank": 2, "epochs": 30, "save_seconds": 0.01,
    }  # fmt: skip
    run = reward(settings=settings)
    killed: list[int] = []

    def kill_once(now: Run) -> None:
        if not killed and now.phase == "training" and list(now.folder.glob("state/training.*")):
            killed.append(now.step)
            os.kill(now.pid or 0, signal.SIGKILL)

    services.follow_run(run.pk, announce=kill_once, pace=FAST)
    run.refresh_from_db()
    assert killed
    assert run.state == Job.State.SUCCEEDED, run.error
    assert run.resumes == 1
    told = Metric.objects.filter(run=run, phase="training", name="loss")
    counted = list(told.values_list("step", flat=True))
    assert counted == list(range(1, run.summary["config"]["epochs"] * batches(run) + 1))


def batches(run: Run) -> int:
    """Steps of an epoch, from the last report."""
    lines = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    total = next(line["total"] for line in lines if "loss" in line["metrics"])
    return int(total) // int(run.summary["config"]["epochs"])
