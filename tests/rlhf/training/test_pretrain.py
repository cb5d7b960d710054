"""Continued pretraining: what it reads, what it learns, when it may enter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from rlhf.training import pretrain, settings
from rlhf.training.config import build_config
from rlhf.training.data import Document, read_documents
from rlhf.training.errors import InputError
from rlhf.training.evaluation import Evaluation, TextQuality
from rlhf.training.policies import load_tokenizer
from rlhf.training.text_gate import Learnt, text_checks, text_reasons
from tests.rlhf.training.conftest import WriteLines, assert_curves, prompt_rows
from tests.rlhf.training.test_stages import assert_whole, run

TEXT = "The tide comes in, the tide goes out. "


def texts(count: int = 20) -> list[dict[str, Any]]:
    return [{"text": TEXT * 3 + str(n)} for n in range(count)]


@pytest.fixture
def values(tiny_model: str, tmp_path: Path, write_lines: WriteLines) -> dict[str, Any]:
    return {
        "output": str(tmp_path / "out"),
        "model": tiny_model,
        "prompts": write_lines("prompts.jsonl", prompt_rows()),
        "texts": write_lines("texts.jsonl", texts()),
        "block_tokens": 32,
        "max_new_tokens": 6,
        "threads": 1,
        "learning_rate": 5e-3,
        "epochs": 3,
    }


@pytest.mark.slow
@pytest.mark.parametrize("rank", [4, 0])
def test_held_out_text_becomes_likelier(values: dict[str, Any], tiny_model: str, rank: int) -> None:
    folder, losses = run(pretrain, values | {"lora_rank": rank})
    assert losses[-1] < losses[0]
    assert_curves(folder, "loss", "token_accuracy", "entropy")
    metrics = assert_whole(folder, "pretrain")["metrics"]
    assert metrics["held_out_perplexity"] < metrics["held_out_perplexity_base"]
    assert metrics["held_out_gain"] > 2 * metrics["held_out_gain_error"]
    assert (metrics["train_documents"], metrics["test_documents"]) == (18, 2)
    before = AutoModelForCausalLM.from_pretrained(tiny_model).state_dict()
    after = AutoModelForCausalLM.from_pretrained(folder / "checkpoint").state_dict()
    norms = "model.norm.weight"  # no adapter touches it
    assert torch.equal(before[norms], after[norms]) is bool(rank)


@pytest.mark.slow
def test_parts_of_a_step_do_not_change_what_is_learnt(
    values: dict[str, Any], tmp_path: Path
) -> None:
    _, whole = run(pretrain, values | {"part_size": 4})
    _, parts = run(pretrain, values | {"part_size": 1, "output": str(tmp_path / "parts")})
    assert parts == pytest.approx(whole, rel=0.02)


@pytest.mark.slow
def test_a_single_document_is_refused(values: dict[str, Any], write_lines: WriteLines) -> None:
    more = {"texts": write_lines("one.jsonl", texts(1))}
    with pytest.raises(InputError, match="too few held-out documents: 0"):
        run(pretrain, values | more)


def test_the_split_of_the_file_is_kept_else_every_tenth_is_held_out() -> None:
    rows = [Document(str(n), "test" if n == 3 else "train") for n in range(20)]
    train, test = pretrain.split_documents(rows)
    assert ([row.text for row in test], len(train)) == (["3"], 19)
    _, test = pretrain.split_documents([replace(row, split="train") for row in rows])
    assert [row.text for row in test] == ["9", "19"]
    _, test = pretrain.split_documents([Document("a"), Document("b")])
    assert [row.text for row in test] == ["b"]
    assert pretrain.split_documents([Document("a")]) == ([Document("a")], [])


def test_a_budget_of_tokens_is_kept(tiny_model: str, values: dict[str, Any]) -> None:
    config = build_config(settings.Pretrain, values)
    tokenizer, rows = load_tokenizer(tiny_model), [Document(TEXT * 3) for _ in range(20)]
    blocks = pretrain.packed(tokenizer, rows, config, 100)
    assert [len(block) for block in blocks] == [32, 32, 32]
    everything = pretrain.packed(tokenizer, rows, config, 0)
    assert len(everything) == 20 * (3 * len(TEXT) + 1) // 32


@pytest.mark.parametrize("row", [{"text": "  "}, {"text": 3}, {}, {"text": "a", "titel": "b"}])
def test_a_wrong_document_is_named(write_lines: WriteLines, row: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="line 2"):
        read_documents(write_lines("texts.jsonl", [{"text": "good"}, row]))


GOOD = TextQuality(nll=1, entropy=1, repetition=0, distinct=1, length=10, finished=0.8)
EVEN = Evaluation(prompts=8, policy=GOOD, base=GOOD)
LEARNT = Learnt(blocks=8, base=20.0, new=15.0, gain=0.29, error=0.02)


@pytest.mark.parametrize(
    ("learnt", "finished", "words"),
    [
        (LEARNT, 0.7, []),
        (replace(LEARNT, blocks=7), 0.8, ["Too little held-out text"]),
        (replace(LEARNT, blocks=1, error=None), 0.8, ["1 of the 8 blocks that are required"]),
        (replace(LEARNT, error=0.0), 0.8, ["all held-out blocks gained the same"]),
        (replace(LEARNT, new=20.0, gain=0.0), 0.8, ["has not learnt the text"]),
        (replace(LEARNT, error=0.2), 0.8, ["not sure"]),
        (LEARNT, 0.5, ["no longer ends its responses"]),
        (replace(LEARNT, new=21.0, gain=-0.1), 0.1, ["has not learnt", "no longer ends"]),
    ],
)
def test_the_gate_asks_for_learnt_text_and_for_ends(
    learnt: Learnt, finished: float, words: list[str]
) -> None:
    evaluation = replace(EVEN, policy=replace(GOOD, finished=finished))
    reasons = text_reasons(learnt, evaluation)
    broken = [check for check in text_checks(learnt, evaluation) if not check.passed]
    assert bool(broken) is bool(reasons)
    assert len(reasons) == len(words)
    assert all(word in reason for word, reason in zip(words, reasons, strict=True))
