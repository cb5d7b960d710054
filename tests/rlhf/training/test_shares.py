"""Progress is shared among phases as their time is expected to be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rlhf.estimating import Examples, Shape
from rlhf.training import settings
from rlhf.training import shares as module
from rlhf.training.best_of_n import PHASES
from rlhf.training.config import build_config
from rlhf.training.shares import counted, shares
from tests.rlhf.training.conftest import WriteLines, prompt_rows, ranking_rows

SMOL = Shape(
    parameters=134_515_008, layers=30, hidden=576, vocabulary=49_152, kv_width=192, tied=True
)
USUAL = {"loading": 0.03, **PHASES, "checkpoints": 0.07, "evaluation": 0.1}
# One default loop with nothing beside it (docs/benchmarks.md).
RECORDED = {"sampling": 183.0, "scoring": 34.0, "training": 250.0, "evaluation": 50.0}


def config(**values: Any) -> settings.BestOfN:
    files = {"output": "", "model": "m", "prompts": "p", "reward_model": "r"}
    return build_config(settings.BestOfN, {**files, **values})


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    """250 prompts and the default model, whose files need not be there."""
    monkeypatch.setattr(module, "read_shape", lambda folder: SMOL)
    monkeypatch.setattr(module, "counted", lambda config: Examples(prompts=250, prompt_tokens=35))


@pytest.mark.usefixtures("library")
def test_the_default_loop_has_the_shares_that_it_took() -> None:
    found = shares(config(), USUAL)
    assert set(found) == set(USUAL)
    found["training"] += found.pop("checkpoints")  # as they were recorded
    whole, took = sum(found.values()), sum(RECORDED.values())
    for phase, seconds in RECORDED.items():
        assert found[phase] / whole == pytest.approx(seconds / took, abs=0.05), phase


@pytest.mark.usefixtures("library")
def test_looks_have_a_share_by_their_number() -> None:
    few, many = shares(config(checkpoints=1), USUAL), shares(config(checkpoints=7), USUAL)
    assert many["checkpoints"] == pytest.approx(4 * few["checkpoints"], rel=0.01)
    assert many["training"] == few["training"]
    rounds = shares(config(checkpoints=7, rounds=3), USUAL)
    assert rounds["checkpoints"] == pytest.approx(22 / 8 * many["checkpoints"], rel=0.01)


@pytest.mark.usefixtures("library")
def test_settings_move_them() -> None:
    usual = shares(config(), USUAL)
    more = shares(config(evaluation_prompts=50, train_prompts=64), USUAL)
    assert more["evaluation"] > usual["evaluation"]
    assert more["sampling"] == pytest.approx(usual["sampling"] / 2, rel=0.01)


def test_inputs_are_counted(write_lines: WriteLines, tiny_model: str) -> None:
    prompts = write_lines("prompts.jsonl", [{"prompt": "a" * 40}] * 3)
    rows = [{"prompt": "a" * 20, "responses": ["b" * 80, "c" * 40, "d"], "ranks": [1, 2, 3]}] * 500
    rankings = write_lines("rankings.jsonl", rows)
    values = {"model": tiny_model, "prompts": prompts, "rankings": rankings, "output": ""}
    found = counted(build_config(settings.Dpo, values))
    assert (found.prompts, found.prompt_tokens, found.rows, found.responses) == (3, 10, 500, 3)
    assert (found.row_prompt_tokens, found.response_tokens) == (5, pytest.approx(121 / 12))
    texts = write_lines("texts.jsonl", [{"text": "x" * 400}])
    values = {"model": tiny_model, "prompts": prompts, "texts": texts, "output": ""}
    assert counted(build_config(settings.Pretrain, values)).text_tokens > 100


def test_a_phase_that_nothing_is_counted_for_has_a_share(
    write_lines: WriteLines, tiny_model: str
) -> None:
    rankings = write_lines("rankings.jsonl", ranking_rows())
    values = {"model": tiny_model, "rankings": rankings, "output": ""}
    usual = {"loading": 0.05, "features": 0.75, "training": 0.2}
    found = shares(build_config(settings.Reward, values), usual)
    assert min(found.values()) > 0


@pytest.mark.parametrize("rows", [[], [{"text": 1}], [["a"]], ["a"], [3]])
def test_inputs_that_are_wrong_leave_the_usual_ones(
    write_lines: WriteLines, tiny_model: str, rows: list[Any]
) -> None:
    prompts = write_lines("prompts.jsonl", prompt_rows())
    wrong = write_lines("rankings.jsonl", rows)
    values = {"model": tiny_model, "prompts": prompts, "rankings": wrong, "output": ""}
    assert shares(build_config(settings.Dpo, values), USUAL) == USUAL
    assert shares(replace(config(), model="nowhere", prompts=prompts), USUAL) == USUAL
