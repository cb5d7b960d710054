"""Time left of a run under way, by worked examples with clocks that are given."""

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from rlhf import services
from rlhf.estimating import remaining
from rlhf.models import Job, Run
from rlhf.selectors import seconds_left
from rlhf.services import Pace
from tests.rlhf.votes import many_votes


def left(**known: Any) -> float | None:
    """Of a run that was estimated at 100 s; a process that goes on needs 10 s to start again."""
    usual = {"expected": 100.0, "again": 0.0, "progress": 0.0, "elapsed": 0.0, "silent": 0.0}
    values = {**usual, "made": known.get("progress", 0.0), **known}
    return remaining(**values)


def test_before_anything_is_done_the_estimate_counts_down() -> None:
    assert left() == 100.0
    assert left(silent=30.0) == 70.0
    assert left(elapsed=12.0, silent=18.0) == 70.0


def test_an_estimate_that_has_run_out_is_not_told_any_more() -> None:
    assert left(silent=100.0) is None
    assert left(silent=3_600.0) is None
    assert left(progress=0.5, elapsed=50.0, silent=1_000.0) is None


def test_a_run_that_keeps_its_estimate_has_what_that_leaves() -> None:
    assert left(progress=0.25, elapsed=25.0) == pytest.approx(75.0)
    assert left(progress=0.9, elapsed=90.0) == pytest.approx(10.0)


def test_the_measured_pace_counts_the_more_the_more_is_done() -> None:
    # At three times the estimated time: (0.2 · 100 + 300 · p) / (0.2 + p) for the whole.
    assert left(progress=0.05, elapsed=15.0) == pytest.approx(140.0 * 0.95)
    assert left(progress=0.8, elapsed=240.0) == pytest.approx(260.0 * 0.2)


def test_a_slow_start_does_not_multiply() -> None:
    # A straight line through 30 s for two hundredths would say 24 minutes.
    assert left(progress=0.02, elapsed=30.0) == pytest.approx(50 / 0.22 * 0.98)


def test_between_reports_it_counts_down() -> None:
    assert left(progress=0.5, elapsed=50.0) == pytest.approx(50.0)
    assert left(progress=0.5, elapsed=50.0, silent=20.0) == pytest.approx(30.0)


def test_after_a_resume_only_what_the_new_process_did_tells_its_pace() -> None:
    # Half was done before, however long ago. The new process has to start again.
    resumed = {"again": 10.0}
    assert left(**resumed, progress=0.5, made=0.0) == pytest.approx(10 + 50)
    assert left(**resumed, progress=0.5, made=0.0, silent=15.0) == pytest.approx(45.0)
    assert left(**resumed, progress=0.6, made=0.1, elapsed=10 + 10.0) == pytest.approx(40.0)
    assert left(**resumed, progress=0.6, made=0.1, elapsed=10 + 25.0) == pytest.approx(60.0)


def test_without_an_estimate_a_tenth_must_be_done() -> None:
    plain: dict[str, Any] = {"expected": None}
    assert left(**plain) is None
    assert left(**plain, progress=0.05, elapsed=30.0) is None
    assert left(**plain, progress=0.25, elapsed=30.0) == pytest.approx(90.0)
    assert left(**plain, progress=0.9, made=0.05, elapsed=30.0) is None


@given(
    expected=st.floats(15, 100), elapsed=st.floats(0, 60), progress=st.floats(0, 1),
    made=st.floats(0, 1), silent=st.floats(0, 60),
)  # fmt: skip
def test_a_minute_s_run_never_has_hours_left(
    expected: float, elapsed: float, progress: float, made: float, silent: float
) -> None:
    found = left(
        expected=expected,
        elapsed=elapsed,
        progress=progress,
        made=min(made, progress),
        silent=silent,
    )
    assert found is None or 0 < found < expected + 5 * elapsed + 0.1


# --- of a run in the database --------------------------------------------------------------

NOW = timezone.now()
ESTIMATE = {"seconds": 200.0, "plain": 100.0, "kind": "cpu"}  # earlier runs took twice as long


@pytest.fixture
def running(db: None) -> Run:
    run = Run.objects.create(
        stage="reward", name="reward-1", state=Job.State.RUNNING, estimate=ESTIMATE,
        started_at=NOW - timedelta(seconds=90),
    )  # fmt: skip
    run.folder.mkdir(parents=True)
    return run


def wrote(run: Run, seconds_ago: float) -> None:
    """Its process last reported so long ago, and that was read."""
    run.reported_at = NOW - timedelta(seconds=seconds_ago)


def test_time_counts_from_the_begin_to_the_last_report(running: Run) -> None:
    assert seconds_left(running, NOW) == pytest.approx(110.0)
    running.progress = 0.4
    wrote(running, seconds_ago=10)
    assert seconds_left(running, NOW) == pytest.approx(110.0)
    running.state = Job.State.SUCCEEDED
    assert seconds_left(running, NOW) is None


@pytest.mark.usefixtures("base")
def test_while_its_process_is_silent_a_run_goes_on_telling_its_time_left(
    stage: Callable[..., None],
) -> None:
    """As while a checkpoint answers its prompts: nothing is reported, and time passes."""
    many_votes(20)
    stage("hang")
    run = services.create_run(stage="reward")
    Run.objects.update(estimate=ESTIMATE)
    told: list[tuple[int, float | None]] = []

    def listen(now: Run) -> None:
        if now.step == 2:
            told.append((now.metrics_offset, seconds_left(now)))
        if len(told) == 4:
            services.cancel_run(now)

    services.follow_run(run.pk, announce=listen, pace=Pace(poll_s=0.1, silence_s=0.2))
    assert len({offset for offset, _ in told[:4]}) == 1
    left = [seconds for _, seconds in told[:4] if seconds is not None]
    assert len(left) == 4
    assert left == sorted(left, reverse=True)
    assert left[0] - left[3] >= 0.5


@pytest.mark.usefixtures("base")
def test_what_was_written_and_not_read_yet_moves_nothing(stage: Callable[..., None]) -> None:
    """Else the time of a step would count, and not the step: a jump until it is read."""
    many_votes(20)
    stage("hang")
    run = services.create_run(stage="reward")
    Run.objects.update(estimate=ESTIMATE)
    told: list[float | None] = []

    def listen(now: Run) -> None:
        if now.step == 2 and not told:
            later = timezone.now() + timedelta(seconds=10)
            told.append(seconds_left(now, later))
            with (now.folder / "metrics.jsonl").open("a") as file:
                file.write("{}")
            os.utime(now.folder / "metrics.jsonl", (later.timestamp(), later.timestamp()))
            told.append(seconds_left(now, later))
            services.cancel_run(now)

    services.follow_run(run.pk, announce=listen, pace=Pace(poll_s=0.1))
    assert told[0] is not None
    assert told[0] == told[1]


def test_days_before_a_resume_do_not_count(running: Run) -> None:
    running.started_at = NOW - timedelta(days=2)
    running.resumed_at, running.resumed_from = NOW - timedelta(seconds=44), 0.4
    running.progress = 0.4
    wrote(running, seconds_ago=86_400)
    assert seconds_left(running, NOW) == pytest.approx(24 + 120 - 44)
    running.progress = 0.5
    wrote(running, seconds_ago=0)
    assert seconds_left(running, NOW) == pytest.approx(100.0)


def test_a_run_of_before_there_were_estimates_is_told_by_its_pace(running: Run) -> None:
    running.estimate, running.progress = {}, 0.5
    wrote(running, seconds_ago=0)
    assert seconds_left(running, NOW) == pytest.approx(90.0)
