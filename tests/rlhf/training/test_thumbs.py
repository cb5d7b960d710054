"""Thumbs beside rankings: what they teach, on which responses, and that each is encoded once."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rlhf.training import reward, settings
from rlhf.training.chats import as_messages
from rlhf.training.config import build_config
from rlhf.training.data import Ranking, Thumb
from rlhf.training.losses import Marks, pairs_of
from rlhf.training.reward_model import Group, RewardModel, load_reward_model
from rlhf.training.thumbs import beside
from tests.rlhf.training.conftest import WriteLines, read_lines

TIED = ["no", "yes!!!"]


def ranking(prompt: str, *responses: str) -> Ranking:
    return Ranking(as_messages(prompt), responses, tuple(range(1, len(responses) + 1)))


def thumb(prompt: str, response: str, *, up: bool = True, split: str = "train") -> Thumb:
    return Thumb(as_messages(prompt), response, up, split)


TRAIN = [ranking("p", "a", "b"), ranking("q", "c", "d", "e")]


def test_a_response_that_is_ranked_is_not_encoded_again() -> None:
    given = [thumb("q", "d", up=False), thumb("q", "f"), thumb("r", "g"), thumb("q", "f")]
    found = beside(TRAIN, [], given, 0.25)
    assert found.groups == [(as_messages("q"), ["f"]), (as_messages("r"), ["g"])]
    assert found.on == {1: [(1, False)], 2: [(0, True), (0, True)], 3: [(0, True)]}
    assert len(found) == 4


def test_nothing_of_the_test_split_is_learnt() -> None:
    told = [{"role": "user", "content": "t"}, {"role": "assistant", "content": "a"}]
    later = Thumb([*told, {"role": "user", "content": "more"}], "b", True)
    given = [thumb("t", "a"), thumb("r", "a", split="test"), later]
    assert len(beside(TRAIN, [ranking("t", "x", "y")], given, 1.0)) == 0


def test_a_batch_numbers_its_own_responses_and_all_batches_weigh_as_much_as_the_whole() -> None:
    given = [thumb("q", "d", up=False), thumb("r", "g"), thumb("p", "a")]
    thumbs, sizes, shares = beside(TRAIN, [], given, 1 / 3), [2, 3, 1], [1.0, 2.0, 1.0]
    whole = thumbs.marks(sizes, shares)
    assert whole.at.tolist() == [0, 3, 5]
    assert whole.up.tolist() == [1, 0, 1]
    assert whole.weight.tolist() == [0.125, 0.25, 0.125]
    parts = [thumbs.marks(sizes, shares, batch, parts=2) for batch in ([1, 2], [0])]
    assert [part.at.tolist() for part in parts] == [[1, 3], [0]]
    assert sum(float(part.weight.sum()) for part in parts) / 2 == 0.5


def test_each_thumb_counts_beside_a_vote_however_many_there_are() -> None:
    few, many = [thumb("r", "g")], [thumb("r", str(number)) for number in range(9)]
    assert beside(TRAIN, [], few, 0.3).weight == pytest.approx(0.3 * 1 / 2)
    assert beside(TRAIN, [], many, 0.3).weight == pytest.approx(0.3 * 9 / 2)
    heavy = [replace(one, weight=2.0) for one in TRAIN]
    assert beside(heavy, [], many, 0.3).weight == pytest.approx(0.3 * 9 / 4)


def test_the_bias_takes_up_that_thumbs_mostly_point_up() -> None:
    """Nothing tells the responses apart: three of four thumbs point up."""
    marks = Marks(torch.arange(4), torch.tensor([1.0, 1, 1, 0]), torch.full((4,), 0.25))
    weights, bias = reward.fit_weights(torch.zeros(4, 2), pairs_of([[1, 2, 3, 4]]), 0.1, marks)
    assert weights.tolist() == [0, 0]
    assert float(bias) == pytest.approx(math.log(3), abs=1e-3)


@pytest.fixture
def values(tiny_model: str, tmp_path: Path, write_lines: WriteLines) -> dict[str, Any]:
    """Rankings that are ties, and thumbs that are for exclamation marks, half on ranked texts."""
    rankings = [
        {"prompt": f"Say {number}.", "responses": TIED, "ranks": [1, 1]} for number in range(15)
    ] + [
        {"prompt": f"Tell {number}.", "responses": TIED, "ranks": [2, 1], "split": "test"}
        for number in range(3)
    ]
    thumbs = [
        {"prompt": f"{word} {number}.", "response": text, "up": text == "yes!!!"}
        for word in ("Say", "Cry")
        for number in range(6)
        for text in TIED
    ]
    return {
        "output": str(tmp_path / "out"),
        "model": tiny_model,
        "rankings": write_lines("r.jsonl", rankings),
        "thumbs": write_lines("t.jsonl", thumbs),
        "threads": 1,
    }


def run(values: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """By how much the loud response is preferred, and the metrics."""
    reward.main(build_config(settings.Reward, values))
    folder = Path(values["output"])
    model = load_reward_model(folder / "checkpoint")
    ((plain, loud),) = model.score([(as_messages("Say it."), TIED)])
    metrics: dict[str, Any] = json.loads((folder / "summary.json").read_text())["metrics"]
    return loud - plain, metrics


@pytest.mark.parametrize("ensemble", [1, 3])
def test_thumbs_teach_what_rankings_leave_open(values: dict[str, Any], ensemble: int) -> None:
    gap, metrics = run(values | {"ensemble": ensemble})
    assert gap > 0.5
    assert metrics["train_thumbs"] == 24
    assert metrics["test_accuracy"] == 1.0


def test_without_weight_they_are_as_if_not_there(values: dict[str, Any], tmp_path: Path) -> None:
    without = {name: value for name, value in values.items() if name != "thumbs"}
    gap, metrics = run(values | {"thumbs_weight": 0.0})
    assert metrics["train_thumbs"] == 0
    assert (gap, metrics) == run(without | {"output": str(tmp_path / "without")})


def test_each_response_is_encoded_once(
    values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[tuple[str, str]] = []
    usual = RewardModel.features

    def watched(self: RewardModel, groups: list[Group]) -> torch.Tensor:
        encoded.extend((str(prompt), text) for prompt, texts in groups for text in texts)
        return usual(self, groups)

    monkeypatch.setattr(RewardModel, "features", watched)
    reward.main(build_config(settings.Reward, values))
    assert len(encoded) == len(set(encoded)) == 2 * (18 + 6)


@pytest.mark.slow
@pytest.mark.parametrize("ensemble", [1, 2])
def test_adapters_learn_from_thumbs_too(values: dict[str, Any], ensemble: int) -> None:
    """They outweigh the ties, which the votes of the same responses are."""
    more = {
        "thumbs_weight": 4.0,
        "lora_rank": 2,
        "epochs": 3,
        "batch_rows": 6,
        "learning_rate": 3e-3,
    }
    gap, metrics = run(values | more | {"ensemble": ensemble})
    assert gap > 0.5
    assert metrics["test_accuracy"] == 1.0
    losses = [
        line["metrics"]["loss"]
        for line in read_lines(Path(values["output"]) / "metrics.jsonl")
        if "loss" in line["metrics"]
    ]
    # 15 rankings and 6 groups of thumbs, three at a time.
    assert len(losses) == 3 * 7
    assert sum(losses[-7:]) < sum(losses[:7])
