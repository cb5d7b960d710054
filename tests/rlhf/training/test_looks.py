"""Samples and figures while a policy is trained, and the checkpoint that is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from rlhf.training import best_of_n, dpo, grpo, kto, looks, settings, sft
from rlhf.training.chats import as_messages
from rlhf.training.config import build_config
from rlhf.training.data import Prompt
from rlhf.training.looks import PROMPTS, divided
from rlhf.training.policies import load_policy, load_tokenizer, merged, with_lora
from rlhf.training.sampling import Sampling, sample
from tests.rlhf.training.conftest import WriteLines, prompt_rows, ranking_rows, read_lines


@pytest.fixture
def values(
    tiny_model: str, reward_folder: Path, tmp_path: Path, write_lines: WriteLines
) -> dict[str, Any]:
    """Config values for six steps of DPO on rankings, with three looks."""
    return {
        "output": str(tmp_path / "out"),
        "model": tiny_model,
        "prompts": write_lines("prompts.jsonl", prompt_rows(30)),
        "reward_model": str(reward_folder / "checkpoint"),
        "rankings": write_lines("r.jsonl", ranking_rows(8)),
        "batch_size": 4,
        "epochs": 3.0,
        "evaluation_prompts": 2,
        "max_new_tokens": 6,
        "threads": 1,
        "learning_rate": 5e-3,
    }


def run(values: dict[str, Any]) -> Path:
    dpo.main(build_config(settings.Dpo, values))
    return Path(values["output"])


def looked(folder: Path) -> list[dict[str, Any]]:
    return [line for line in read_lines(folder / "metrics.jsonl") if line["phase"] == "checkpoints"]


@pytest.mark.slow
def test_the_same_prompts_are_answered_at_each_look_beside_the_base(values: dict[str, Any]) -> None:
    folder = run(values)
    samples = read_lines(folder / "samples.jsonl")
    by_step: dict[int | None, list[dict[str, Any]]] = {}
    for line in samples:
        by_step.setdefault(line.get("step"), []).append(line)
    assert list(by_step) == [2, 4, 6, None]
    first = [(line["prompt"], line["base"], line["reward_base"]) for line in by_step[2]]
    for step in (4, 6):
        assert [(li["prompt"], li["base"], li["reward_base"]) for li in by_step[step]] == first
    assert any(a["new"] != b["new"] for a, b in zip(by_step[2], by_step[6], strict=True))


@pytest.mark.slow
def test_reward_and_damage_are_measured_from_the_base_on(values: dict[str, Any]) -> None:
    lines = looked(run(values))
    assert [line["step"] for line in lines] == [0, 2, 4, 6]
    base, *later = [line["metrics"] for line in lines]
    assert (base["kl"], base["within_limits"]) == (0.0, 1.0)
    for figures in later:
        assert set(figures) == {
            "reward", "nll", "kl", "entropy", "repetition", "length", "within_limits",
        }  # fmt: skip
    assert all(figures["kl"] > 0 for figures in later)
    shares = [line["progress"] for line in lines]
    assert shares == sorted(shares)


@pytest.mark.slow
def test_the_checkpoint_that_the_rule_chooses_becomes_the_result(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[torch.Tensor] = []
    usual = looks.Looks.look

    def look(self: looks.Looks, step: int, total: int) -> None:
        usual(self, step, total)
        # "merged" is what is published
        with merged(self.update.policy):
            weight = self.update.policy.get_base_model().model.layers[0].mlp.up_proj.weight
            steps.append(weight.detach().clone())

    monkeypatch.setattr(looks.Looks, "look", look)
    verdicts = iter([(True, []), (True, []), (False, ["It repeats itself."])])
    monkeypatch.setattr(looks, "may_enter", lambda evaluation, rules: next(verdicts))
    monkeypatch.setattr(looks.Point, "rewards", property(lambda self: (), lambda self, v: None))
    folder = run(values)
    result = AutoModelForCausalLM.from_pretrained(folder / "checkpoint")
    assert torch.allclose(result.model.layers[0].mlp.up_proj.weight, steps[1], atol=1e-7)
    assert not torch.allclose(steps[2], steps[1], atol=1e-4)
    kept = json.loads((folder / "summary.json").read_text())["metrics"]["kept"]
    assert (kept["step"], kept["of"]) == (4, 6)
    assert kept["rule"].startswith("Of the checkpoints within the gate's limits of damage")
    assert kept["reason"] == "It is the last one within the limits."


@pytest.mark.slow
def test_a_disk_without_room_for_a_checkpoint_costs_only_that_choice(
    values: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = torch.save

    def save(value: Any, path: Any, *more: Any, **named: Any) -> None:
        if Path(path).name == looks.WEIGHTS:
            raise RuntimeError("PytorchStreamWriter failed writing file")
        usual(value, path, *more, **named)

    monkeypatch.setattr(torch, "save", save)
    folder = run(values)
    assert "could not be written" in capsys.readouterr().err
    assert "kept" not in json.loads((folder / "summary.json").read_text())["metrics"]
    assert (folder / "checkpoint").is_dir()


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["sft", "kto", "grpo", "best-of-n"])
def test_every_stage_looks(values: dict[str, Any], write_lines: WriteLines, stage: str) -> None:
    del values["rankings"]
    values |= {"epochs": 1.0}
    rows = [{"prompt": f"Say {n}.", "response": f"It is {n}."} for n in range(8)]
    thumbs = [row | {"up": n % 2 == 0} for n, row in enumerate(rows)]
    more, module = {
        "sft": ({"demonstrations": write_lines("d.jsonl", rows), "reward_model": ""}, sft),
        "kto": ({"thumbs": write_lines("t.jsonl", thumbs)}, kto),
        "grpo": ({"steps": 2, "n": 2, "prompts_per_step": 2}, grpo),
        "best-of-n": ({"n": 2, "train_prompts": 8, "rounds": 2, "checkpoints": 1}, best_of_n),
    }[stage]
    module.main(build_config(settings.STAGES[stage], values | more))
    steps = [line["step"] for line in looked(Path(values["output"]))]
    assert steps == [0, 2, 4] if stage == "best-of-n" else [0, 1, 2]
    summary = json.loads((Path(values["output"]) / "summary.json").read_text())
    assert summary["metrics"]["kept"]["of"] == steps[-1]


@pytest.mark.parametrize(
    ("held_out", "looks_at", "evaluated"), [(40, PROMPTS, 32), (10, 2, 8), (2, 1, 1)]
)
def test_looks_and_the_evaluation_share_no_prompt(
    held_out: int, looks_at: int, evaluated: int
) -> None:
    prompts = [Prompt(as_messages(f"Say {n}."), f"Say {n}.", "test") for n in range(held_out)]
    seen, left = divided(prompts)
    assert (len(seen), len(left)) == (looks_at, evaluated)
    assert not [prompt for prompt in seen if prompt in left]
    assert divided(prompts) == (seen, left)


def test_a_single_held_out_prompt_serves_both() -> None:
    prompts = [Prompt(as_messages("Say it."), "Say it.", "test")]
    assert divided(prompts) == (prompts, prompts)


def test_sampling_leaves_the_weights_as_they_were_to_the_last_bit(tiny_model: str) -> None:
    policy = with_lora(load_policy(tiny_model, torch.device("cpu")), 4)
    for name, value in policy.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(value)
    before = {name: value.detach().clone() for name, value in policy.named_parameters()}
    with merged(policy):
        changed = [n for n, v in policy.named_parameters() if not torch.equal(v, before[n])]
    assert changed
    sample(policy, load_tokenizer(tiny_model), [as_messages("Say 1.")], settings=Sampling(4))
    for name, value in policy.named_parameters():
        assert torch.equal(value, before[name]), name
