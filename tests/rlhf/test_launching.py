"""Several processes for one stage: the command, what is refused, and two processes that do it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from arena.errors import Invalid
from rlhf import launching, processes
from rlhf.estimating.machines import Gpu
from rlhf.launching import CONFIGS, check_launch, training_command
from rlhf.training import distributed
from rlhf.training.errors import InputError
from rlhf.training.settings import LAUNCHES
from tests.rlhf.training.conftest import prompt_rows, read_lines, tiny_model  # noqa: F401

H100 = Gpu("H100", 80 * 1024**3)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`gpus(2)`: as if there were so many, and every package installed."""

    def there(count: int, packages: tuple[str, ...] = ("accelerate", "deepspeed", "vllm")) -> None:
        monkeypatch.setattr(launching, "gpus", lambda: (H100,) * count)
        monkeypatch.setattr(launching, "find_spec", lambda name: name in packages or None)

    return there


def test_alone_is_plain_python() -> None:
    assert training_command({}) == [sys.executable, "-m", "rlhf.training"]
    assert training_command({"launch": "none"}) == [sys.executable, "-m", "rlhf.training"]


@pytest.mark.parametrize("name", [name for name in LAUNCHES if name != "none"])
def test_a_launch_is_accelerate_with_its_shipped_configuration(name: str, gpus: Any) -> None:
    gpus(4)
    command = training_command({"launch": name})
    assert command[:3] == [sys.executable, "-m", "accelerate.commands.launch"]
    assert command[-2:] == ["-m", "rlhf.training"]
    assert command[command.index("--num_processes") + 1] == "4"
    file = Path(command[command.index("--config_file") + 1])
    told = yaml.safe_load(file.read_text())
    kind = {"ddp": "MULTI_GPU", "fsdp": "FSDP"}.get(name, "DEEPSPEED")
    assert told["distributed_type"] == kind
    if kind == "DEEPSPEED":
        assert told["deepspeed_config"]["zero_stage"] == int(name[-1])
    assert "--num_processes 2" in " ".join(training_command({"launch": name, "processes": 2}))


def test_every_shipped_configuration_is_one_that_accelerate_reads() -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    assert {path.stem for path in CONFIGS.glob("*.yaml")} == set(LAUNCHES) - {"none"}
    for path in CONFIGS.glob("*.yaml"):
        assert load_config_from_file(str(path)).distributed_type


def test_the_variable_of_the_environment_stands_above_it(settings: Any) -> None:
    settings.TRAINING_COMMAND = ["mine"]
    assert training_command({"launch": "ddp"}) == ["mine"]


@pytest.mark.parametrize(
    ("count", "stage", "config", "reason"),
    [
        (0, "sft", {"launch": "ddp"}, "at least 2 CUDA devices; this machine has 0"),
        (1, "sft", {"launch": "fsdp"}, "at least 2 CUDA devices; this machine has 1"),
        (2, "sft", {"launch": "ddp", "processes": 4}, "at least 4 CUDA devices"),
        (2, "sft", {"launch": "ddp", "processes": 1}, "One process needs no launch"),
        (0, "sft", {"launch": "fsdp", "device": "cpu", "processes": 2}, "on CPUs use ddp"),
        (0, "sft", {"launch": "ddp", "device": "cpu"}, "say how many processes"),
        (0, "sft", {"processes": 2}, "Several processes need a launch"),
        (2, "dpo", {"launch": "ddp"}, "dpo cannot be launched in several processes"),
        (2, "best-of-n", {"launch": "ddp"}, "best-of-n cannot be launched"),
        (2, "best-of-n", {"launch": "fsdp", "learn": "imitate", "rounds": 2}, "rounds to 1"),
        (0, "grpo", {"rollouts": "vllm"}, "needs a CUDA device"),
    ],
)
def test_what_the_machine_cannot_do_is_refused(
    count: int, stage: str, config: dict[str, Any], reason: str, gpus: Any
) -> None:
    gpus(count)
    with pytest.raises(Invalid, match=reason):
        check_launch(stage, config)


@pytest.mark.parametrize(
    ("stage", "config", "package"),
    [
        ("sft", {"launch": "deepspeed-zero3"}, "deepspeed"),
        ("sft", {"launch": "ddp"}, "accelerate"),
        ("grpo", {"rollouts": "vllm"}, "vllm"),
    ],
)
def test_a_missing_package_is_named(
    stage: str, config: dict[str, Any], package: str, gpus: Any
) -> None:
    gpus(2)
    check_launch(stage, config)
    gpus(2, packages=tuple({"accelerate"} - {package}))
    with pytest.raises(Invalid, match=f"needs the package {package}"):
        check_launch(stage, config)


def test_a_batch_is_shared_evenly_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert distributed.share(7, "batch_size") == 7
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert distributed.share(8, "batch_size") == 2
    with pytest.raises(InputError, match="Make batch_size a multiple of 4"):
        distributed.share(6, "batch_size")


def test_a_kill_reaches_workers_in_sessions_of_their_own(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    worker = f"import os, signal; open({str(pipe)!r}, 'w').write(str(os.getpid())); signal.pause()"
    launcher = (
        "import subprocess, sys\n"
        f"subprocess.Popen([sys.executable, '-c', {worker!r}], start_new_session=True).wait()"
    )
    command = [sys.executable, "-c", launcher]
    identity, started = processes.start(command, log=tmp_path / "log", folder=tmp_path)
    below = psutil.Process(int(pipe.read_text()))
    processes.send(identity, signal.SIGKILL)
    assert started.wait(timeout=30) == -signal.SIGKILL
    gone, alive = psutil.wait_procs([below], timeout=30)
    assert (len(gone), alive) == (1, [])


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["sft", "pretrain"])
def test_two_processes_learn_what_one_does(
    tiny_model: str,  # noqa: F811
    tmp_path: Path,
    stage: str,
) -> None:
    shown = [{"prompt": f"Say {n}.", "response": f"It is {n}."} for n in range(8)]
    rows = {
        "prompts": prompt_rows(),
        "demonstrations": shown,
        "texts": [{"text": f"The tide comes in, the tide goes out. {n}"} for n in range(20)],
    }
    own = {"sft": "demonstrations", "pretrain": "texts"}[stage]
    values: dict[str, Any] = {
        "model": tiny_model,
        "device": "cpu",
        "threads": 1,
        "max_new_tokens": 4,
        "evaluation_prompts": 2,
        "batch_size": 4,
        "learning_rate": 5e-3,
    }
    if stage == "pretrain":
        values["block_tokens"] = 32
    for name in ("prompts", own):
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows[name]))
        values[name] = str(path)
    losses = []
    for launch in ({}, {"launch": "ddp", "processes": 2}):
        folder = tmp_path / launch.get("launch", "alone")
        config = tmp_path / "config.json"
        config.write_text(json.dumps({**values, **launch, "output": str(folder)}))
        command = [*training_command({**values, **launch}), stage, "--config", str(config)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        assert (folder / "checkpoint" / "model.safetensors").is_file()
        lines = read_lines(folder / "metrics.jsonl")
        assert [line["progress"] for line in lines] == sorted(line["progress"] for line in lines)
        losses.append([line["metrics"]["loss"] for line in lines if "loss" in line["metrics"]])
    alone, together = losses
    assert len(together) == len(alone)
    told = json.loads((tmp_path / "ddp" / "device.json").read_text())
    assert told["processes"] == 2
    assert together == pytest.approx(alone, rel=0.01)
