"""The reward stage: it learns, it can be loaded, and it does not depend on batching."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from rlhf.training import reward, settings
from rlhf.training.config import build_config
from rlhf.training.errors import InputError
from rlhf.training.losses import pairs_of, ranking_loss
from rlhf.training.reward_model import batches, load_reward_model
from tests.rlhf.training.conftest import WriteLines, assert_curves, ranking_rows, read_lines

PROMPT = [{"role": "user", "content": "Say it."}]


def run(folder: Path, tiny_model: str, rankings: str, **more: Any) -> dict[str, Any]:
    values = {"output": str(folder), "model": tiny_model, "rankings": rankings, "threads": 1}
    reward.main(build_config(settings.Reward, values | more))
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return found


def test_it_learns_a_visible_preference(reward_folder: Path) -> None:
    metrics = json.loads((reward_folder / "summary.json").read_text())["metrics"]
    assert metrics["test_accuracy"] == 1.0
    assert metrics["train_rankings"] == 16
    assert metrics["test_pairs"] == 12
    assert metrics["test_accuracy_lower"] < 1.0


def test_a_loaded_model_prefers_what_the_votes_preferred(reward_folder: Path) -> None:
    model = load_reward_model(reward_folder / "checkpoint")
    ((plain, loud),) = model.score([(PROMPT, ["no", "yes!!!"])])
    assert loud > plain


def test_scores_do_not_depend_on_what_is_scored_beside_them(reward_folder: Path) -> None:
    model = load_reward_model(reward_folder / "checkpoint")
    groups = [
        (PROMPT, ["no", "a much longer answer than the others", ""]),
        ([{"role": "user", "content": "A longer prompt, to be padded against."}], ["yes!"]),
    ]
    together = model.score(groups)
    alone = [[model.score([(prompt, [text])])[0][0] for text in texts] for prompt, texts in groups]
    for ours, theirs in zip(together, alone, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-3)


def test_training_scores_have_mean_zero_and_deviation_one(reward_folder: Path) -> None:
    model = load_reward_model(reward_folder / "checkpoint")
    train, _ = reward.split_rankings(
        reward.read_rankings(str(reward_folder.parent / "rankings.jsonl"))
    )
    scores = torch.tensor(model.score(reward.as_groups(train))).flatten()
    assert float(scores.mean()) == pytest.approx(0, abs=1e-3)
    assert float(scores.std()) == pytest.approx(1, abs=1e-3)


def test_the_same_input_gives_the_same_model(
    reward_folder: Path, tiny_model: str, tmp_path: Path
) -> None:
    rankings = str(reward_folder.parent / "rankings.jsonl")
    run(tmp_path / "again", tiny_model, rankings)
    groups = [(PROMPT, ["no", "yes!"])]
    first = load_reward_model(reward_folder / "checkpoint").score(groups)
    assert load_reward_model(tmp_path / "again" / "checkpoint").score(groups) == first


def test_progress_grows_from_zero_to_one(reward_folder: Path) -> None:
    lines = read_lines(reward_folder / "metrics.jsonl")
    shares = [line["progress"] for line in lines]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    told = {"time", "phase", "step", "total", "done", "progress", "metrics", "memory"}
    assert set(lines[0]) == told


def test_fitting_lowers_the_loss_below_chance() -> None:
    torch.manual_seed(0)
    features = torch.randn(12, 5)
    pairs = pairs_of([[1, 2, 3]] * 4)
    weights, _ = reward.fit_weights(features, pairs, penalty=0.01)
    chance = ranking_loss(torch.zeros(12), pairs)
    assert ranking_loss(features @ weights, pairs) < chance


@pytest.mark.slow
def test_adapters_train_and_lower_the_loss(
    tiny_model: str, tmp_path: Path, write_lines: WriteLines
) -> None:
    rankings = write_lines("rankings.jsonl", ranking_rows())
    output = tmp_path / "lora"
    run(output, tiny_model, rankings, lora_rank=4, epochs=5, batch_rows=48, learning_rate=3e-3)
    losses = [
        line["metrics"]["loss"]
        for line in read_lines(output / "metrics.jsonl")
        if "loss" in line["metrics"]
    ]
    assert len(losses) == 5
    assert losses[-1] < losses[0]
    assert_curves(output, "accuracy", "margin")
    loaded = load_reward_model(output / "checkpoint")
    ((plain, loud),) = loaded.score([(PROMPT, ["no", "yes!!!"])])
    assert loud > plain


def test_fewer_layers_make_a_smaller_model(
    tiny_model: str, tmp_path: Path, write_lines: WriteLines
) -> None:
    run(tmp_path / "r", tiny_model, write_lines("r.jsonl", ranking_rows(12)), layers=1)
    assert load_reward_model(tmp_path / "r" / "checkpoint").backbone.config.num_hidden_layers == 1


@pytest.mark.parametrize(
    ("rows", "more", "words"),
    [
        (ranking_rows(4), {}, "At least 8"),
        (ranking_rows(20), {"layers": 9}, "has 2"),
        (ranking_rows(20), {"model": "/nowhere"}, "not a model folder"),
    ],
)
def test_unusable_input_is_refused(
    tiny_model: str,
    tmp_path: Path,
    write_lines: WriteLines,
    rows: list[dict[str, Any]],
    more: dict[str, Any],
    words: str,
) -> None:
    path = write_lines("rankings.jsonl", rows)
    with pytest.raises(InputError, match=words):
        run(tmp_path / "out", tiny_model, path, **more)
    assert not (tmp_path / "out" / "checkpoint").exists()


def test_counted_style_teaches_what_few_votes_show(
    tiny_model: str, tmp_path: Path, write_lines: WriteLines
) -> None:
    """Words differ everywhere, only the length follows the votes."""
    rows = [
        {
            "prompt": f"Say {number}.",
            "responses": [f"{letter * 5} " * count for count in (2, 4, 6)],
            "ranks": [1, 2, 3],
        }
        for number, letter in enumerate("abcdefghijklmnopqrst")
    ]
    run(tmp_path / "out", tiny_model, write_lines("r.jsonl", rows))
    model = load_reward_model(tmp_path / "out" / "checkpoint")
    ((short, long),) = model.score([(PROMPT, ["zzzzz " * 3, "zzzzz " * 5])])
    assert short > long


def test_style_can_be_ignored_and_older_reward_models_still_load(
    tiny_model: str, tmp_path: Path, write_lines: WriteLines
) -> None:
    run(tmp_path / "r", tiny_model, write_lines("r.jsonl", ranking_rows(12)), style="ignored")
    checkpoint = tmp_path / "r" / "checkpoint"
    limits = json.loads((checkpoint / "reward.json").read_text())
    assert limits.pop("style") is False
    (checkpoint / "reward.json").write_text(json.dumps(limits))
    ((plain, loud),) = load_reward_model(checkpoint).score([(PROMPT, ["no", "yes!!!"])])
    assert loud > plain


def test_an_ensemble_scores_by_its_mean_and_tells_its_spread(
    tiny_model: str, tmp_path: Path, write_lines: WriteLines
) -> None:
    rankings = write_lines("rankings.jsonl", ranking_rows())
    metrics = run(tmp_path / "r", tiny_model, rankings, ensemble=4)["metrics"]
    told = metrics["ensemble"]
    assert told["members"] == len(told["alone"]) == 4
    assert told["agree"]["pairs"] + told["differ"]["pairs"] == metrics["test_pairs"]
    model = load_reward_model(tmp_path / "r" / "checkpoint")
    groups = [(PROMPT, ["no", "yes!!!"]), (PROMPT, ["maybe!", "never", "so"])]
    members = model.score_by_member(groups)
    assert [tuple(one.shape) for one in members] == [(2, 4), (3, 4)]
    for rows, scores in zip(members, model.score(groups), strict=True):
        assert rows.mean(-1).tolist() == pytest.approx(scores, abs=1e-5)
        assert float(rows.std(-1).min()) > 0


def test_members_draw_prompts_whole_and_a_lone_one_sees_all_once(write_lines: WriteLines) -> None:
    rows = [
        {"prompt": f"{number % 4}", "responses": ["a", "b"], "ranks": [1, 2]}
        for number in range(12)
    ]
    rankings = reward.read_rankings(write_lines("r.jsonl", rows))
    assert reward.resampled(rankings, 1, seed=3) == [[1.0] * 12]
    members = reward.resampled(rankings, 5, seed=3)
    assert members == reward.resampled(rankings, 5, seed=3) != reward.resampled(rankings, 5, seed=4)
    for share in members:
        assert sum(share[:4]) == 4
        assert share[:4] == share[4:8] == share[8:]


@pytest.mark.slow
def test_adapters_are_trained_under_all_members(
    tiny_model: str, tmp_path: Path, write_lines: WriteLines
) -> None:
    """Batches so small that some member has drawn none of a batch's prompts."""
    rankings = write_lines("rankings.jsonl", ranking_rows())
    more = {"lora_rank": 2, "batch_rows": 3, "learning_rate": 3e-3}
    metrics = run(tmp_path / "r", tiny_model, rankings, ensemble=3, **more)["metrics"]
    assert metrics["test_accuracy"] == 1.0
    assert metrics["ensemble"]["members"] == 3


def test_a_model_of_before_ensembles_has_one_head(reward_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    shutil.copytree(reward_folder / "checkpoint", folder)
    told = json.loads((folder / "reward.json").read_text())
    assert told.pop("ensemble") == 1
    (folder / "reward.json").write_text(json.dumps(told))
    groups = [(PROMPT, ["no", "yes!!!"])]
    expected = load_reward_model(reward_folder / "checkpoint").score(groups)
    assert load_reward_model(folder).score(groups) == expected


def test_a_policy_is_no_reward_model(tiny_model: str) -> None:
    with pytest.raises(InputError, match="not a reward model"):
        load_reward_model(tiny_model)


def test_batches_keep_groups_whole_within_the_limit() -> None:
    assert batches([2, 0, 1], [3, 3, 9], rows=6) == [[2], [0, 1]]
    assert batches([0, 1, 2], [2, 2, 3], rows=4) == [[0, 1], [2]]
