"""Every stage that changes a policy, on a tiny model: its loss falls and its folder is whole."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rlhf.training import best_of_n, dpo, grpo, kto, settings, sft
from rlhf.training.chats import encode_prompt
from rlhf.training.config import build_config
from rlhf.training.data import Ranking
from rlhf.training.errors import InputError, TrainingError
from rlhf.training.likelihoods import response_log_probs
from rlhf.training.resumable import ResumableGRPO
from tests.rlhf.training.conftest import (
    WriteLines,
    assert_curves,
    prompt_rows,
    ranking_rows,
    read_lines,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def values(
    tiny_model: str, reward_folder: Path, tmp_path: Path, write_lines: WriteLines
) -> dict[str, Any]:
    """Config values for a short run."""
    return {
        "output": str(tmp_path / "out"),
        "model": tiny_model,
        "prompts": write_lines("prompts.jsonl", prompt_rows()),
        "reward_model": str(reward_folder / "checkpoint"),
        "max_new_tokens": 6,
        "threads": 1,
        "learning_rate": 5e-3,
    }


def run(stage: ModuleType, values: dict[str, Any]) -> tuple[Path, list[float]]:
    """Run a stage in this process; returns its folder and its losses."""
    name = stage.__name__.rpartition(".")[2].replace("_", "-")
    config = build_config(settings.STAGES[name], values)
    stage.main(config)
    folder = Path(values["output"])
    lines = read_lines(folder / "metrics.jsonl")
    return folder, [line["metrics"]["loss"] for line in lines if "loss" in line["metrics"]]


def assert_whole(folder: Path, stage: str) -> dict[str, Any]:
    """The checkpoint can be served, and the evaluation stands beside the base's."""
    checkpoint = folder / "checkpoint"
    assert json.loads((checkpoint / "generation_config.json").read_text())["do_sample"] is True
    assert AutoTokenizer.from_pretrained(checkpoint).chat_template
    AutoModelForCausalLM.from_pretrained(checkpoint)
    assert not list(checkpoint.glob("adapter*"))
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    assert summary["stage"] == stage
    assert set(summary["metrics"]["policy"]) == set(summary["metrics"]["base"])
    assert isinstance(summary["metrics"]["gate"]["passed"], bool)
    assert set(read_lines(folder / "samples.jsonl")[0]) >= {"prompt", "base", "new"}
    shares = [line["progress"] for line in read_lines(folder / "metrics.jsonl")]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    return summary


@pytest.mark.parametrize(("learn", "steps"), [("contrast", 10), ("imitate", 5)])
def test_best_of_n_learns_from_its_samples(
    values: dict[str, Any], tiny_model: str, learn: str, steps: int
) -> None:
    """Eight of a batch: a prompt gives two pairs, or one response to imitate."""
    more = {"n": 4, "train_prompts": 8, "batch_size": 8, "epochs": 5, "learn": learn}
    folder, losses = run(best_of_n, values | more)
    assert len(losses) == steps
    assert losses[-1] < losses[0]
    summary = assert_whole(folder, "best-of-n")
    assert summary["metrics"]["selection_gain"][0] > 0
    assert 0 <= summary["metrics"]["win_rate"] <= 1
    before = AutoModelForCausalLM.from_pretrained(tiny_model)
    after = AutoModelForCausalLM.from_pretrained(folder / "checkpoint")
    changed = before.model.layers[0].mlp.up_proj.weight - after.model.layers[0].mlp.up_proj.weight
    assert float(changed.abs().max()) > 1e-4


@pytest.mark.parametrize("rewarded", [True, False])
def test_an_update_that_changes_nothing_does_not_pass(
    values: dict[str, Any], write_lines: WriteLines, rewarded: bool
) -> None:
    more: dict[str, Any] = {"learning_rate": 1e-30, "gate_prompts": 1, "epochs": 1}
    if rewarded:
        folder, _ = run(best_of_n, values | more | {"n": 2, "train_prompts": 4})
    else:
        rows = [{"prompt": f"Say {n}.", "response": f"It is {n}."} for n in range(4)]
        demonstrations = write_lines("d.jsonl", rows)
        folder, _ = run(sft, values | more | {"demonstrations": demonstrations, "reward_model": ""})
    metrics = json.loads((folder / "summary.json").read_text())["metrics"]
    assert metrics["changed"] == 0
    assert metrics["reward_gain"] == (0.0 if rewarded else None)
    assert not metrics["gate"]["passed"]
    assert "It answers exactly as its base does: nothing was learnt." in metrics["gate"]["reasons"]


def test_two_rounds_sample_twice(values: dict[str, Any]) -> None:
    more = {"n": 2, "rounds": 2, "train_prompts": 4, "epochs": 1}
    folder, losses = run(best_of_n, values | more)
    assert len(losses) == 2
    assert len(assert_whole(folder, "best-of-n")["metrics"]["selection_gain"]) == 2


def test_the_same_seed_gives_the_same_weights(values: dict[str, Any], tmp_path: Path) -> None:
    more = {"n": 2, "train_prompts": 4, "epochs": 2, "seed": 4}
    heads = []
    for name in ("one", "two"):
        folder, _ = run(best_of_n, values | more | {"output": str(tmp_path / name)})
        model = AutoModelForCausalLM.from_pretrained(folder / "checkpoint")
        heads.append(model.model.layers[1].self_attn.q_proj.weight)
    assert torch.equal(heads[0], heads[1])


def test_sft_lowers_the_loss_without_a_reward_model(
    values: dict[str, Any], write_lines: WriteLines
) -> None:
    rows = [{"prompt": f"Say {n}.", "response": f"It is {n}."} for n in range(8)]
    more = {"demonstrations": write_lines("d.jsonl", rows), "epochs": 5, "reward_model": ""}
    folder, losses = run(sft, values | more)
    assert losses[-1] < losses[0]
    assert_curves(folder, "loss", "token_accuracy", "entropy")
    summary = assert_whole(folder, "sft")
    assert summary["metrics"]["win_rate"] is None


def test_sft_leaves_out_what_is_too_long(values: dict[str, Any], write_lines: WriteLines) -> None:
    rows = [{"prompt": f"Say {n}.", "response": f"It is {n}."} for n in range(4)]
    long = {"prompt": "Go on.", "response": "word " * 200}
    more = {"demonstrations": write_lines("d.jsonl", [*rows, long]), "max_tokens": 100}
    folder, _ = run(sft, values | more)
    metrics = assert_whole(folder, "sft")["metrics"]
    assert (metrics["demonstrations"], metrics["demonstrations_too_long"]) == (4, 1)
    with pytest.raises(InputError, match="too few demonstrations of at most 16 tokens: 0"):
        run(sft, values | more | {"max_tokens": 16, "output": str(folder.parent / "none")})


def test_dpo_widens_the_margin(values: dict[str, Any], write_lines: WriteLines) -> None:
    more = {"rankings": write_lines("r.jsonl", ranking_rows(8)), "epochs": 5, "sft_weight": 0.0}
    folder, losses = run(dpo, values | more)
    assert losses[0] == pytest.approx(0.6931, abs=1e-3)
    assert losses[-1] < losses[0]
    assert_curves(folder, "loss", "accuracy", "margin")
    assert_whole(folder, "dpo")


def test_dpo_takes_best_and_worst_of_its_samples(values: dict[str, Any]) -> None:
    more = {"n": 4, "train_prompts": 8, "epochs": 5}
    folder, losses = run(dpo, values | more)
    assert losses[-1] < losses[0]
    assert assert_whole(folder, "dpo")["metrics"]["pairs"] == 8 * 2


def test_pairs_from_rankings_skip_full_ties() -> None:
    prompt = [{"role": "user", "content": "?"}]
    rows = [Ranking(prompt, ("a", "b", "c"), (2, 1, 3)), Ranking(prompt, ("a", "b"), (1, 1))]
    (pair,) = dpo.pairs_from_rankings(rows)
    assert (pair.chosen, pair.rejected) == ("b", "c")


def thumb_rows(count: int, *, down: int) -> list[dict[str, Any]]:
    """Thumbs up for shouting, and `down` thumbs down for not."""
    return [
        {"prompt": f"Say {n}.", "response": "no" if n < down else "yes!!!", "up": n >= down}
        for n in range(count)
    ]


def test_kto_likes_what_had_a_thumb_up(
    values: dict[str, Any], write_lines: WriteLines, tiny_model: str
) -> None:
    more = {"thumbs": write_lines("t.jsonl", thumb_rows(12, down=4)), "epochs": 8, "batch_size": 4}
    folder, losses = run(kto, values | more)
    assert losses[-1] < losses[0]
    assert_curves(folder, "loss", "reference_point", "entropy")
    metrics = assert_whole(folder, "kto")["metrics"]
    assert (metrics["thumbs_up"], metrics["thumbs_down"]) == (8, 4)
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    prompt = encode_prompt(tokenizer, [{"role": "user", "content": "Say 20."}])
    answers = [tokenizer(text)["input_ids"] for text in ("yes!!!", "no")]
    gaps = []
    for model in (tiny_model, folder / "checkpoint"):
        policy = AutoModelForCausalLM.from_pretrained(model)
        sums, _ = response_log_probs(policy, [(prompt, answers)])
        gaps.append(float((sums[0] - sums[1]).detach()))
    assert gaps[1] > gaps[0]


def test_thumbs_of_one_kind_are_refused(values: dict[str, Any], write_lines: WriteLines) -> None:
    more = {"thumbs": write_lines("t.jsonl", thumb_rows(12, down=0))}
    with pytest.raises(InputError, match="Both kinds"):
        run(kto, values | more)


def test_grpo_reports_its_curves(values: dict[str, Any]) -> None:
    more = {"n": 4, "prompts_per_step": 2, "steps": 3}
    folder, losses = run(grpo, values | more)
    assert len(losses) == 3
    assert_whole(folder, "grpo")
    assert_curves(folder, "loss", "reward", "kl", "entropy", "length")


def test_grpo_learns_against_the_mean_of_the_other_responses(
    values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    trainers: list[ResumableGRPO] = []
    train = ResumableGRPO.train_update

    def watched(self: ResumableGRPO, *given: Any) -> None:
        trainers.append(self)
        train(self, *given)

    monkeypatch.setattr(ResumableGRPO, "train_update", watched)
    more = {"n": 3, "prompts_per_step": 2, "steps": 2, "baseline": "leave-one-out"}
    folder, losses = run(grpo, values | more)
    assert len(losses) == 2
    assert_whole(folder, "grpo")
    logs = trainers[0]._logs
    rewards = torch.tensor(list(logs["rewards"]["reward"])).view(-1, 3)  # of the last step
    others = (rewards.sum(1, keepdim=True) - rewards) / 2
    found = torch.tensor(list(logs["advantages"])).view(-1, 3)
    assert found.abs().max() > 0
    torch.testing.assert_close(found, rewards - others, atol=1e-5, rtol=1e-4)
    told = [line["metrics"] for line in read_lines(folder / "metrics.jsonl")]
    reported = [figures["reward"] for figures in told if "kl" in figures and "loss" in figures]
    assert reported[-1] == pytest.approx(float(rewards.mean()), abs=1e-4)


def test_a_missing_reward_model_is_refused(values: dict[str, Any]) -> None:
    for stage in (best_of_n, dpo, grpo):
        with pytest.raises(InputError, match="reward"):
            run(stage, values | {"reward_model": ""})


def test_a_loss_that_is_no_number_stops_the_run_without_a_checkpoint(
    values: dict[str, Any], write_lines: WriteLines, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    model = AutoModelForCausalLM.from_pretrained(values["model"])
    with torch.no_grad():
        model.model.norm.weight.fill_(float("nan"))
    model.save_pretrained(broken)
    AutoTokenizer.from_pretrained(values["model"]).save_pretrained(broken)
    rows = [{"prompt": "Say it.", "response": "It."}] * 4
    more = {"demonstrations": write_lines("d.jsonl", rows), "model": str(broken)}
    with pytest.raises(TrainingError, match="nan"):
        run(sft, values | more)
    assert not (Path(values["output"]) / "checkpoint").exists()


@pytest.mark.parametrize("stage", [best_of_n, grpo])
def test_all_weights_can_be_trained(
    values: dict[str, Any], tiny_model: str, stage: ModuleType
) -> None:
    more = {"lora_rank": 0, "n": 2, "batch_size": 4}
    few = {"train_prompts": 4} if stage is best_of_n else {"prompts_per_step": 2, "steps": 2}
    folder, losses = run(stage, values | more | few)
    assert losses
    summary = json.loads((folder / "summary.json").read_text())
    assert set(summary["metrics"]["policy"]) == set(summary["metrics"]["base"])
    before = AutoModelForCausalLM.from_pretrained(tiny_model)
    after = AutoModelForCausalLM.from_pretrained(folder / "checkpoint")
    assert not torch.equal(before.model.norm.weight, after.model.norm.weight)
