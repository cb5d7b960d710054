"""A run that was killed goes on from its state and comes to the same result."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from rlhf.training import best_of_n, dpo, grpo, kto, looks, output, reward, settings, sft, state
from rlhf.training.config import build_config
from rlhf.training.output import Output
from rlhf.training.pieces import Pieces
from rlhf.training.reward_model import load_reward_model
from rlhf.training.state import State, can_go_on, cut_back, fingerprint
from tests.rlhf.training.conftest import WriteLines, prompt_rows, ranking_rows, read_lines

ROOT = Path(__file__).parents[3]
STAGES = {
    "sft": sft, "best-of-n": best_of_n, "dpo": dpo, "kto": kto, "grpo": grpo, "reward": reward,
}  # fmt: skip


class Killed(BaseException):
    """As sudden as SIGKILL: nobody catches it."""


@pytest.fixture(autouse=True)
def keep_all_that_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """States come after every step, however long they take."""
    monkeypatch.setattr(state, "COST_SHARE", 1e9)


@pytest.fixture
def values(
    tiny_model: str, reward_folder: Path, tmp_path: Path, write_lines: WriteLines
) -> dict[str, Any]:
    """Config values for a short run that keeps its state after every step."""
    return {
        "output": str(tmp_path / "out"),
        "model": tiny_model,
        "prompts": write_lines("prompts.jsonl", prompt_rows()),
        "reward_model": str(reward_folder / "checkpoint"),
        "max_new_tokens": 6,
        "threads": 1,
        "learning_rate": 5e-3,
        "save_seconds": 1e-6,
    }


def inputs(stage: str, values: dict[str, Any], write_lines: WriteLines) -> dict[str, Any]:
    """What a stage needs besides, for three steps in each of two epochs or so."""
    if stage == "sft":
        rows = [{"prompt": f"Say {n}.", "response": "no" * (n + 1)} for n in range(12)]
        return values | {"demonstrations": write_lines("d.jsonl", rows), "batch_size": 4}
    thumbs = [
        {"prompt": f"Say {n}.", "response": "no" if n % 2 else "yes!!!", "up": n % 2 == 0}
        for n in range(12)
    ]
    if stage == "kto":
        return values | {
            "thumbs": write_lines("t.jsonl", thumbs), "batch_size": 4, "epochs": 2.0,
        }  # fmt: skip
    if stage == "grpo":
        return values | {"n": 4, "prompts_per_step": 6, "steps": 6}
    if stage == "reward":
        shared = {name: values[name] for name in ("output", "model", "threads", "save_seconds")}
        return shared | {
            "rankings": write_lines("r.jsonl", ranking_rows(20)),
            "thumbs": write_lines("t.jsonl", thumbs),
            "lora_rank": 2,
            "epochs": 2,
            "batch_rows": 18,
        }
    more = {"n": 2, "train_prompts": 12, "batch_size": 4, "epochs": 2.0, "sample_batch": 4}
    return values | more | ({"rounds": 2} if stage == "best-of-n" else {})


def run(stage: str, values: dict[str, Any]) -> Path:
    STAGES[stage].main(build_config(settings.STAGES[stage], values))
    return Path(values["output"])


def kill_at(monkeypatch: pytest.MonkeyPatch, phase: str, step: int) -> None:
    """The next run dies as soon as it has reported this step of a phase."""
    usual = Output.progress

    def progress(self: Output, name: str, now: int, total: int, metrics: dict[str, float]) -> None:
        usual(self, name, now, total, metrics)
        if (name, now) == (phase, step):
            raise Killed

    monkeypatch.setattr(Output, "progress", progress)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    if (folder / "checkpoint" / "value_head.safetensors").is_file():
        return load_reward_model(folder / "checkpoint").state_dict()
    return dict(AutoModelForCausalLM.from_pretrained(folder / "checkpoint").state_dict())


def told(folder: Path) -> list[tuple[Any, ...]]:
    """The figures of a run without its times, and without where it was merely loading."""
    return [
        (line["phase"], line["step"], line["total"], line["progress"], line["metrics"])
        for line in read_lines(folder / "metrics.jsonl")
        if line["phase"] != "loading"
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "phase", "step"),
    [
        ("sft", "training", 5),
        ("kto", "training", 5),
        ("grpo", "training", 5),
        ("dpo", "sampling", 8),
        ("dpo", "training", 5),
        ("dpo", "evaluation", 1),
        ("best-of-n", "sampling", 40),
        ("best-of-n", "training", 8),
        ("reward", "features", 12),
        ("reward", "training", 3),
    ],
)
def test_a_killed_run_goes_on_and_ends_as_if_nothing_had_been(
    values: dict[str, Any],
    tmp_path: Path,
    write_lines: WriteLines,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    phase: str,
    step: int,
) -> None:
    config = inputs(stage, values, write_lines)
    whole = run(stage, config | {"output": str(tmp_path / "whole")})
    with monkeypatch.context() as patch:
        kill_at(patch, phase, step)
        with pytest.raises(Killed):
            run(stage, config)
    folder = Path(config["output"])
    assert can_go_on(folder)
    before = told(folder)
    run(stage, config)
    for name, value in weights(whole).items():
        assert torch.equal(value, weights(folder)[name]), name
    assert told(folder) == told(whole)
    assert before[:-1] == told(folder)[: len(before) - 1]
    assert not can_go_on(folder)


@pytest.mark.slow
def test_what_was_drawn_is_not_drawn_again(
    values: dict[str, Any],
    write_lines: WriteLines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from rlhf.training import sampling

    config = inputs("dpo", values, write_lines)
    monkeypatch.setattr(looks.Looks, "begin", lambda self: None)
    monkeypatch.setattr(looks.Looks, "look", lambda self, step, total: None)
    with monkeypatch.context() as patch:
        kill_at(patch, "training", 1)
        with pytest.raises(Killed):
            run("dpo", config)
    drawn: list[int] = []
    usual = sampling._sample_batch

    def count(*arguments: Any) -> Any:
        drawn.append(len(arguments[2]))
        return usual(*arguments)

    monkeypatch.setattr(sampling, "_sample_batch", count)
    run("dpo", config)
    assert sum(drawn) == 2  # a held-out prompt: the update's response and the base's


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["reward", "dpo"])
def test_a_trainer_killed_with_kill_9_goes_on_in_a_new_process(
    values: dict[str, Any], tmp_path: Path, write_lines: WriteLines, stage: str
) -> None:
    config = inputs(stage, values, write_lines) | {"epochs": 40}
    path, folder = tmp_path / "config.json", Path(config["output"])
    path.write_text(json.dumps(config))
    command = [sys.executable, "-m", "rlhf.training", stage, "--config", str(path)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        wait_for(lambda: len(list((folder / "state").glob("training*.*"))) > 0, process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    assert not (folder / "summary.json").exists()
    place = cut_back(folder)
    told_before = (folder / "metrics.jsonl").read_bytes()
    assert 0 < len(told_before) <= place.sizes["metrics.jsonl"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    assert (folder / "metrics.jsonl").read_bytes().startswith(told_before)
    steps = [
        line["step"]
        for line in read_lines(folder / "metrics.jsonl")
        if line["phase"] == "training" and "loss" in line["metrics"]
    ]
    assert steps == list(range(1, len(steps) + 1))
    assert (folder / "checkpoint").is_dir()


def wait_for(condition: Any, process: subprocess.Popen[bytes]) -> None:
    """Wait for what another process does; it must not end before."""
    deadline = time.monotonic() + 120
    pause = threading.Event()
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < deadline, "it did not happen in time"
        pause.wait(0.005)


# --- the state on disk --------------------------------------------------------------------


def opened(folder: Path, mark: str = "same", every_s: float = 60) -> State:
    folder.mkdir(exist_ok=True)
    return State(folder, mark, every_s)


def kept(name: str) -> Any:
    return lambda folder: (folder / "weights").write_text(name) and None


def test_an_entry_replaces_its_forerunner_or_stays_beside_it(tmp_path: Path) -> None:
    found = opened(tmp_path)
    assert found.keep("training", 1, kept("one"))
    assert found.keep("training", 10, kept("ten"))
    assert found.keep("sampling", 0, kept("first"), alone=False)
    assert found.keep("sampling", 1, kept("second"), alone=False)
    (training,) = found.entries("training")
    assert (training / "weights").read_text() == "ten"
    assert [entry.suffix for entry in found.entries("sampling")] == [".000000000", ".000000001"]


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left"), RuntimeError("PytorchStreamWriter failed")]
)
def test_a_disk_that_is_full_loses_nothing_that_was_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    found = opened(tmp_path)
    found.keep("training", 1, kept("one"))

    def fail(folder: Path) -> None:
        (folder / "weights").write_text("half")
        raise error

    assert not found.keep("training", 2, fail)
    (training,) = found.entries("training")
    assert (training / "weights").read_text() == "one"
    assert not list(found.folder.glob(".*"))
    assert "could not be written" in capsys.readouterr().err


def test_a_state_of_other_settings_or_inputs_is_not_taken_up(tmp_path: Path) -> None:
    opened(tmp_path, "one").keep("training", 1, kept("one"))
    assert opened(tmp_path, "one").entries("training")
    assert not opened(tmp_path, "other").entries("training")


def test_the_fingerprint_is_of_settings_and_inputs(tmp_path: Path, write_lines: WriteLines) -> None:
    def mark(**more: Any) -> str:
        rankings = write_lines("rankings.jsonl", ranking_rows(more.pop("rows", 3)))
        values = {"output": str(tmp_path), "model": "m", "rankings": rankings, **more}
        return fingerprint(build_config(settings.Reward, values))

    same = {mark(), mark(save_seconds=5.0), mark(output="elsewhere")}
    assert len(same) == 1
    assert not same & {mark(seed=1), mark(rows=4), mark(model="n")}


def test_nothing_is_due_without_an_interval(tmp_path: Path) -> None:
    never = opened(tmp_path, every_s=0)
    assert not never.is_due()
    assert not can_go_on(tmp_path)


def test_large_states_come_less_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(state.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(state, "COST_SHARE", 0.05)
    found = opened(tmp_path, every_s=60)

    def slowly(folder: Path) -> None:
        now[0] += 10

    found.keep("training", 1, slowly)
    now[0] += 100
    assert not found.is_due()
    now[0] += 100
    assert found.is_due()


def test_lines_after_the_state_are_cut(tmp_path: Path) -> None:
    first = Output(tmp_path, {"training": 1.0}, opened(tmp_path))
    with first.phase("training") as report:
        report(1, 4, loss=3.0)
        first.keep("training", 1, kept("one"))
        report(2, 4, loss=2.0)
        first.sample({"prompt": "?"})
    second = Output(tmp_path, {"training": 1.0}, opened(tmp_path))
    with second.phase("training") as report:
        report(2, 4, loss=2.5)
    lines = [(line["step"], line["metrics"]) for line in read_lines(tmp_path / "metrics.jsonl")]
    assert lines == [(0, {}), (1, {"loss": 3.0}), (2, {"loss": 2.5})]
    assert read_lines(tmp_path / "samples.jsonl") == []


def test_a_run_without_a_state_starts_anew(tmp_path: Path) -> None:
    first = Output(tmp_path, {"training": 1.0}, opened(tmp_path))
    first.progress("training", 1, 4, {})
    Output(tmp_path, {"training": 1.0}, opened(tmp_path))
    assert read_lines(tmp_path / "metrics.jsonl") == []


def test_lines_that_a_lost_machine_had_not_written_do_not_matter(tmp_path: Path) -> None:
    first = Output(tmp_path, {"training": 1.0}, opened(tmp_path))
    first.progress("training", 1, 4, {})
    first.progress("training", 2, 4, {})
    first.keep("training", 2, kept("two"))
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    cut_back(tmp_path)
    assert [line["step"] for line in read_lines(path)] == [1]


def test_pieces_come_back_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Pieces(Output(tmp_path, {"sampling": 1.0}, opened(tmp_path, every_s=1e-9)), "sampling")
    for number in range(3):
        first.add([("text", (number,), True, 0.5)])
    second = Pieces(Output(tmp_path, {"sampling": 1.0}, opened(tmp_path)), "sampling")
    assert second.done == [[("text", (number,), True, 0.5)] for number in range(3)]
    second.add(torch.ones(2))
    assert len(Pieces(Output(tmp_path, {"sampling": 1.0}, opened(tmp_path)), "sampling").done) == 3
    second.save()
    assert len(Pieces(Output(tmp_path, {"sampling": 1.0}, opened(tmp_path)), "sampling").done) == 4


def test_times_go_on_where_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(output.time, "monotonic", lambda: now[0])
    first = Output(tmp_path, {"training": 1.0}, opened(tmp_path))
    with first.phase("training"):
        now[0] += 30
        first.keep("training", 1, kept("one"))
        now[0] += 5
    second = Output(tmp_path, {"training": 1.0}, opened(tmp_path))
    with second.phase("training"):
        now[0] += 20
    second.summary("sft", {}, {})
    seconds = json.loads((tmp_path / "summary.json").read_text())["seconds"]
    assert seconds == {"training": 50.0, "total": 50.0}
