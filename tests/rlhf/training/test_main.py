"""The process contract: exit codes, error.json, SIGTERM, no half checkpoint."""

from __future__ import annotations

import errno
import json
import os
import signal
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError

from rlhf.estimating import remaining
from rlhf.training import __main__ as entry
from rlhf.training import best_of_n, reward
from rlhf.training.errors import TrainingError
from rlhf.training.output import PARTIAL, Output
from rlhf.training.selection import in_turn
from rlhf.training.settings import STAGES
from rlhf.training.state import State, can_go_on
from tests.rlhf.training.conftest import WriteLines, prompt_rows, ranking_rows


@pytest.fixture
def config(tmp_path: Path, tiny_model: str, write_lines: WriteLines) -> dict[str, Any]:
    return {
        "output": str(tmp_path / "out"),
        "model": tiny_model,
        "rankings": write_lines("rankings.jsonl", ranking_rows()),
        "threads": 1,
    }


def call(tmp_path: Path, stage: str, config: dict[str, Any]) -> int:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    return entry.main([stage, "--config", str(path)])


def test_a_run_that_works_exits_0(tmp_path: Path, config: dict[str, Any]) -> None:
    assert call(tmp_path, "reward", config) == 0
    assert (tmp_path / "out" / "checkpoint" / "value_head.safetensors").is_file()
    assert not (tmp_path / "out" / "error.json").exists()


def test_a_log_tells_of_no_library_s_plans_but_of_what_is_wrong(
    tmp_path: Path, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def warn(_: Any) -> None:
        warnings.warn("`this` will be removed in v6.", FutureWarning, stacklevel=1)
        warnings.warn("Use that instead.", DeprecationWarning, stacklevel=1)
        warnings.warn("The loss is not finite.", UserWarning, stacklevel=1)

    monkeypatch.setattr(reward, "main", warn)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert call(tmp_path, "reward", config) == 0
    assert [str(one.message) for one in said] == ["The loss is not finite."]


def test_too_few_rankings_exit_2_with_one_plain_line(
    tmp_path: Path, config: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(tmp_path, "reward", config | {"minimum": 500}) == 2
    said = capsys.readouterr().err.strip()
    assert "At least 500 are needed" in said
    assert "\n" not in said
    error = json.loads((tmp_path / "out" / "error.json").read_text())
    assert set(error) == {"reason", "what to do"}
    assert str(tmp_path) not in error["reason"]  # the run's page shows it
    assert not can_go_on(tmp_path / "out")  # the next process would find no more of them


def test_an_unknown_setting_exits_2(
    tmp_path: Path, config: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(tmp_path, "reward", config | {"lernrate": 1}) == 2
    assert "'lernrate'" in capsys.readouterr().err


def test_an_unknown_stage_exits_2(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        call(tmp_path, "ppo", {})
    assert caught.value.code == 2


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_every_stage_of_the_table_has_a_config_and_main(stage: str) -> None:
    module = entry.importlib.import_module(f"rlhf.training.{stage.replace('-', '_')}")
    assert callable(module.main)
    assert STAGES[stage].__doc__


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full"),
        (SafetensorError("I/O error: No space left on device (os error 28)"), "The disk is full"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "Memory ran out"),
        (torch.OutOfMemoryError("CUDA out of memory"), "Memory ran out"),
        (TrainingError("loss became nan.", "Lower the learning rate."), "loss became nan"),
    ],
)
def test_what_stops_training_exits_1_with_a_reason(
    tmp_path: Path,
    config: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    words: str,
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(reward, "main", fail)
    assert call(tmp_path, "reward", config) == 1
    assert words in capsys.readouterr().err


def test_a_bug_is_not_swallowed(
    tmp_path: Path, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(reward, "main", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        call(tmp_path, "reward", config)


def test_sigterm_stops_with_143_and_keeps_the_last_checkpoint(
    tmp_path: Path,
    config: dict[str, Any],
    reward_folder: Path,
    write_lines: WriteLines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = tmp_path / "out" / "checkpoint"
    kept.mkdir(parents=True)
    (kept / "old").write_text("old")

    def interrupted(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(best_of_n, "learn", interrupted)
    del config["rankings"]
    config |= {
        "prompts": write_lines("prompts.jsonl", prompt_rows()),
        "reward_model": str(reward_folder / "checkpoint"),
        "max_new_tokens": 2,
        "n": 2,
        "train_prompts": 2,
    }
    assert call(tmp_path, "best-of-n", config) == 143
    assert (kept / "old").read_text() == "old"
    assert not (tmp_path / "out" / "summary.json").exists()


@pytest.mark.parametrize("stage", ["best-of-n", "dpo"])
def test_a_run_whose_own_samples_are_of_no_use_keeps_no_state(
    tmp_path: Path,
    config: dict[str, Any],
    reward_folder: Path,
    write_lines: WriteLines,
    stage: str,
) -> None:
    del config["rankings"]
    config |= {
        "prompts": write_lines("prompts.jsonl", prompt_rows()),
        "reward_model": str(reward_folder / "checkpoint"),
        "max_new_tokens": 2,
        "top_k": 1,
        "n": 2,
        "train_prompts": 2,
        "save_seconds": 0.001,
    }
    assert call(tmp_path, stage, config) == 2
    assert "sampling" in (tmp_path / "out" / "metrics.jsonl").read_text()
    assert not can_go_on(tmp_path / "out")  # the same samples would be read again


def test_a_checkpoint_appears_only_when_whole(tmp_path: Path) -> None:
    output = Output(tmp_path, {"training": 1.0})

    def half(folder: Path) -> None:
        (folder / "weights").write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        output.publish(half)
    assert not (tmp_path / "checkpoint").exists()
    output.publish(lambda folder: (folder / "weights").write_text("whole") and None)
    assert (tmp_path / "checkpoint" / "weights").read_text() == "whole"
    assert not (tmp_path / PARTIAL).exists()


def test_a_new_run_clears_what_an_earlier_one_left(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    (folder / PARTIAL).mkdir(parents=True)
    (folder / "error.json").write_text("{}")
    (folder / "checkpoint").mkdir()
    Output(folder, {"training": 1.0})
    assert [path.name for path in folder.iterdir()] == ["checkpoint"]


def test_a_metric_that_is_not_finite_stops(tmp_path: Path) -> None:
    output = Output(tmp_path, {"training": 1.0})
    with pytest.raises(TrainingError, match="loss became inf in phase training, step 3"):
        output.progress("training", 3, 10, {"loss": float("inf")})


def test_progress_spans_phases_and_never_falls(tmp_path: Path) -> None:
    output = Output(tmp_path, {"sampling": 3.0, "training": 1.0})
    output.progress("sampling", 1, 2, {})
    output.progress("training", 1, 2, {})
    output.progress("sampling", 2, 2, {})
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["progress"] for line in lines] == [0.375, 0.5, 0.875]


def test_a_phase_of_several_rounds_is_half_done_after_the_first_of_two(tmp_path: Path) -> None:
    output = Output(tmp_path, {"sampling": 3.0, "training": 1.0})
    for turn in range(2):
        for name in ("sampling", "training"):
            with output.phase(name) as report:
                in_turn(report, turn, 2)(4, 4)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    told = [line["progress"] for line in lines if line["step"]]
    assert told == [0.375, 0.5, 0.875, 1.0]


def test_a_process_that_goes_on_knows_what_was_done_of_each_phase(tmp_path: Path) -> None:
    phases = {"sampling": 3.0, "training": 1.0, "checkpoints": 4.0}
    first = Output(tmp_path, phases, State(tmp_path, "same", 60))
    first.progress("sampling", 1, 2, {})
    first.progress("training", 1, 2, {})
    first.aside("checkpoints", 1, 2, {}, done=0.75)
    first.keep("training", 1, lambda folder: None)
    second = Output(tmp_path, phases, State(tmp_path, "same", 60))
    second.progress("sampling", 2, 2, {})
    last = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["progress"] == 0.8125


@pytest.mark.parametrize("slow", [1.0, 2.0], ids=["as estimated", "half as fast"])
def test_a_look_on_the_way_does_not_move_the_time_left(tmp_path: Path, slow: float) -> None:
    """Forty steps of 1 s and four looks of 10 s, the base's among them."""
    output = Output(tmp_path, {"training": 40.0, "checkpoints": 40.0})
    elapsed = 0.0
    told: list[float] = []

    def pass_time(seconds: float) -> None:
        nonlocal elapsed
        elapsed += slow * seconds
        done = json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[-1])["progress"]
        left = remaining(
            expected=80.0, again=0.0, progress=done, made=done, elapsed=elapsed, silent=0.0
        )
        told.append(left or 0.0)

    output.aside("checkpoints", 0, 40, {}, done=0.25)
    pass_time(10)
    for step in range(1, 41):
        output.progress("training", step, 40, {})
        pass_time(1)
        if step in {13, 27, 40}:
            output.aside("checkpoints", step, 40, {}, done=(1 + 3 * step / 40) / 4)
            pass_time(10)
    assert max(after - before for before, after in pairwise(told)) < 0.5 * slow
