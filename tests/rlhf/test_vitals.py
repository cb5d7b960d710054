"""What a run computes on, its memory, its speed, and how soon its first figure came."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from rlhf import selectors, services
from rlhf.models import Job, Run
from rlhf.training.output import Output
from rlhf.training.vitals import device_facts, peak_memory
from tests.rlhf.test_pages import follow, text_of
from tests.rlhf.votes import many_votes

MB = 1024**2


def test_the_process_knows_its_device_and_its_memory() -> None:
    facts = device_facts("cpu")
    assert facts["kind"] == "cpu"
    assert facts["name"]
    assert facts["count"] >= 1
    before = peak_memory()["resident"]
    assert before > 10 * MB
    held = bytearray(64 * MB)
    assert peak_memory()["resident"] >= before
    del held


def test_a_summary_holds_device_memory_and_tokens(tmp_path: Path) -> None:
    output = Output(tmp_path, {"sampling": 1.0})
    with output.phase("sampling") as report:
        output.count("sampling", 30)
        output.count("sampling", 12)
        report(1, 1)
    output.summary("x", {"device": "cpu"}, {})
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["tokens"] == {"sampling": 42}
    assert summary["device"]["kind"] == "cpu"
    line = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])
    assert 0 < line["memory"]["resident"] <= summary["peak_memory"]["resident"]


@pytest.fixture
def running(db: None) -> Run:
    run = Run.objects.create(
        stage="reward", name="reward-1", state=Job.State.RUNNING, started_at=timezone.now()
    )
    run.folder.mkdir(parents=True)
    return run


def write(run: Run, *lines: dict[str, Any]) -> None:
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (run.folder / "metrics.jsonl").write_text(text + '{"cut": ')


def test_a_running_run_tells_its_device_peak_and_first_figure(
    operator_client: Client, running: Run
) -> None:
    assert selectors.vitals(running) == selectors.Vitals("", None, None, None, None, ())
    begin = running.created_at.timestamp()
    device = {"kind": "cpu", "name": "EPYC", "count": 2}
    (running.folder / "device.json").write_text(json.dumps(device))
    write(
        running,
        {"time": begin + 5, "metrics": {}, "memory": {"resident": 900 * MB}},
        {"time": begin + 9, "metrics": {"loss": 2}, "memory": {"resident": 1_000 * MB}},
        {"time": begin + 12, "metrics": {"loss": 1}, "memory": {"resident": 1_100 * MB}},
    )
    found = selectors.vitals(running)
    assert (found.device, found.count, found.first_metric) == ("EPYC", 2, 9.0)
    assert (found.resident, found.gpu) == (1_100 * MB, None)
    page = text_of(operator_client.get(running.get_absolute_url()))
    assert "Device EPYC, 2 threads" in page
    assert "Peak memory 1.1 GB" in page
    assert "From request to first figure 9 s" in page


def test_a_finished_run_keeps_them_in_its_summary(
    operator_client: Client, stage: Callable[..., None], base: object
) -> None:
    many_votes(25)
    summary = {
        "device": {"kind": "cuda", "name": "H100", "count": 1},
        "peak_memory": {"resident": 2_000 * MB, "gpu": 30_000 * MB},
        "tokens": {"sampling": 900, "nothing": 5},
        "seconds": {"sampling": 3.0},
    }
    stage("succeed", summary)
    run = services.create_run(stage="reward")
    follow(run)
    run.refresh_from_db()
    assert 0 <= run.summary["seconds_to_first_metric"] < 60
    (run.folder / "metrics.jsonl").unlink()
    found = selectors.vitals(run)
    assert (found.device, found.count, found.gpu) == ("H100", None, 30_000 * MB)
    assert found.speeds == (("sampling", 300.0),)
    page = text_of(operator_client.get(run.get_absolute_url()))
    assert "Peak GPU memory 29.3 GB" in page
    assert "Tokens a second, sampling 300" in page


def test_peak_memory_is_the_most_of_all_processes_of_a_run(
    running: Run, operator_client: Client, stage: Callable[..., None]
) -> None:
    (running.folder / "state" / "training.000000001").mkdir(parents=True)
    (running.folder / "state" / "fingerprint").touch()
    (running.folder / "config.json").write_text("{}")
    write(running, {"memory": {"resident": 3_000 * MB, "gpu": 5 * MB}})
    Run.objects.update(pid=2**22 + 1, process_started=1.0)
    seen: list[dict[str, int]] = []

    def look(now: Run) -> None:
        found = selectors.vitals(Run.objects.get(pk=now.pk))
        seen.append({"resident": found.resident or 0, "gpu": found.gpu or 0})

    # The second process needs less of one kind, and more of the other.
    memory = {"resident": 200 * MB, "gpu": 9 * MB}
    stage("succeed", {"peak_memory": memory})
    services.follow_run(running.pk, announce=look)
    running.refresh_from_db()
    assert (running.state, running.resumes) == (Job.State.SUCCEEDED, 1), running.error
    assert seen[0] == {"resident": 3_000 * MB, "gpu": 5 * MB}
    assert running.summary["peak_memory"] == {"resident": 3_000 * MB, "gpu": 9 * MB}
    assert "Peak memory 2.9 GB" in text_of(operator_client.get(running.get_absolute_url()))
