"""A tiny random language model with a byte tokenizer, and input files for the stages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from rlhf.training import reward, settings
from rlhf.training.config import build_config

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Two threads on a model this small mostly wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a random Llama of two layers and a tokenizer of bytes."""
    folder = tmp_path_factory.mktemp("tiny")
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate(letters)}
    core = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<|im_start|>", eos_token="<|im_end|>"
    )
    tokenizer.pad_token = tokenizer.eos_token
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return str(folder)


WriteLines = Callable[[str, list[dict[str, Any]]], str]


@pytest.fixture
def write_lines(tmp_path: Path) -> WriteLines:
    """Write JSON lines to a file of the test's folder and return its path."""

    def write(name: str, rows: list[dict[str, Any]]) -> str:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return str(path)

    return write


def prompt_rows(count: int = 20) -> list[dict[str, Any]]:
    """Prompts of which every tenth is held out by default."""
    return [{"prompt": f"Say {number}."} for number in range(count)]


def ranking_rows(count: int = 20) -> list[dict[str, Any]]:
    """Rankings that prefer the response with more exclamation marks."""
    responses = ["no", "yes!", "yes!!!"]
    return [
        {"prompt": f"Say {number}.", "responses": responses, "ranks": [3, 2, 1]}
        for number in range(count)
    ]


@pytest.fixture(scope="session")
def reward_folder(tiny_model: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of the stage `reward`, run once."""
    folder = tmp_path_factory.mktemp("reward")
    rankings = folder / "rankings.jsonl"
    rankings.write_text("".join(json.dumps(row) + "\n" for row in ranking_rows()))
    output = folder / "run"
    values = {"output": str(output), "model": tiny_model, "rankings": str(rankings), "threads": 1}
    reward.main(build_config(settings.Reward, values))
    return output


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON-lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def assert_curves(folder: Path, *names: str) -> None:
    """Each figure is told at two steps of the training at least, which makes a curve."""
    lines = read_lines(folder / "metrics.jsonl")
    told = [line["metrics"] for line in lines if line["phase"] == "training"]
    for name in names:
        assert sum(name in figures for figures in told) > 1, name
