"""A config is checked before anything runs, and says what is allowed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rlhf.training.config import build_config, load_config
from rlhf.training.errors import InputError
from rlhf.training.settings import BestOfN

GOOD: dict[str, Any] = {"output": "out", "model": "m", "prompts": "p.jsonl", "reward_model": "r"}


def test_defaults_fill_what_is_left_out() -> None:
    config = build_config(BestOfN, GOOD)
    assert config.n == 12
    assert config.device == "auto"


def test_whole_numbers_pass_for_fractions() -> None:
    assert build_config(BestOfN, GOOD | {"epochs": 3}).epochs == 3.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"learning_rte": 1e-4}, ["'learning_rte'", "learning_rate"]),
        ({"n": 1}, ["'n' is 1", "at least 2"]),
        ({"n": "8"}, ["'n' is '8'", "a whole number"]),
        ({"n": True}, ["'n' is True", "a whole number"]),
        ({"temperature": 0}, ["'temperature' is 0.0", "at least 0.01"]),
        ({"top_p": float("nan")}, ["'top_p' is nan", "a finite number"]),
        ({"save_seconds": float("inf")}, ["'save_seconds' is inf", "a finite number"]),
        ({"gate_nll_rise": 10**400}, ["'gate_nll_rise' is 1000", "to 2147483647"]),
        ({"seed": 10**20 - 1}, ["'seed' is 99999999999999999999", "to 2147483647"]),
        ({"threads": 100_000}, ["'threads' is 100000", "at most 1024"]),
        ({"device": "tpu"}, ["'tpu'", "cpu"]),
        ({"epochs": 0}, ["'epochs' is 0.0", "above 0: otherwise nothing would be learnt"]),
        ({"learning_rate": -1}, ["'learning_rate' is -1.0", "nothing would be learnt"]),
        ({"epochs": 101}, ["'epochs' is 101.0", "at most 100"]),
        ({"seed": None}, ["'seed' is None", "a whole number"]),
    ],
)
def test_a_bad_value_names_the_setting_and_what_is_allowed(
    change: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        build_config(BestOfN, GOOD | change)
    assert all(word in str(caught.value) for word in words)


def test_a_missing_setting_is_named() -> None:
    with pytest.raises(InputError, match="'prompts' is missing"):
        build_config(BestOfN, {"output": "out", "model": "m"})


@pytest.mark.parametrize("text", ["{", "[1]", '"text"'])
def test_a_file_that_is_no_object_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(InputError, match="one JSON object"):
        load_config(BestOfN, path)


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(GOOD | {"rounds": 2}))
    assert load_config(BestOfN, path).rounds == 2


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json"):
        load_config(BestOfN, tmp_path / "none.json")
