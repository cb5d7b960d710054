"""The real training code under the lab, on a tiny random model."""

import json
import shutil
from pathlib import Path

import pytest

from arena.models import Contender, Prompt
from rlhf import services
from rlhf.models import Job, Metric, Run
from rlhf.stages import PRESETS, check_settings
from tests.rlhf.training.conftest import tiny_model  # noqa: F401 - a fixture
from tests.rlhf.votes import converse, many_votes, thumb, vote

pytestmark = pytest.mark.slow


def test_every_preset_holds_settings_that_exist() -> None:
    for preset in PRESETS.values():
        for stage, values in preset.settings.items():
            for name, value in values.items():
                assert check_settings(stage, {name: value}) == {name: value}


@pytest.fixture
def tiny(folders: Path, base: Contender, tiny_model: str) -> Contender:  # noqa: F811
    """The base contender, answering from a tiny random model."""
    shutil.copytree(tiny_model, folders / "models" / "tiny", dirs_exist_ok=True)
    return base


def follow(run: Run) -> Run:
    services.follow_run(run.pk, announce=services.announce_nothing)
    run.refresh_from_db()
    assert run.state == Job.State.SUCCEEDED, run.error
    return run


@pytest.mark.django_db
def test_votes_become_a_reward_model_and_then_a_contender(
    tiny: Contender, library: list[Prompt]
) -> None:
    many_votes(30)
    answers = {"amber": ["A long answer."], "birch": ["Short."], "cedar": ["Middling."]}
    for number in range(10):
        battle = converse([f"Another question {number}?"], answers)
        thumb(battle, 0, 1)
        vote(battle, [1, 3, 2])
    one_thread = {"threads": 1, "device": "cpu"}
    reward = follow(services.create_run(stage="reward", settings=one_thread))
    assert reward.dataset is not None
    assert reward.dataset.rows == 40
    assert reward.summary["metrics"]["test_pairs"] > 0
    assert reward.summary["metrics"]["train_thumbs"] > 0
    assert (reward.folder / "checkpoint").is_dir()

    small = {"n": 2, "train_prompts": 4, "max_new_tokens": 6, "epochs": 1.0, **one_thread}
    update = follow(services.create_run(stage="best-of-n", base="amber", settings=small))
    assert update.reward_run == reward
    assert Metric.objects.filter(run=update, phase="training").exists()
    assert (update.folder / "checkpoint" / "model.safetensors").is_file()
    assert (
        json.loads((update.folder / "samples.jsonl").read_text().splitlines()[0])["new"] is not None
    )
    gate = update.summary["metrics"]["gate"]
    assert gate["passed"] is (update.contender is not None)
    assert update.refusals == gate["reasons"]


@pytest.mark.django_db
@pytest.mark.parametrize("stage", ["sft", "dpo"])
def test_a_stage_that_learns_from_votes_alone_runs(
    tiny: Contender, library: list[Prompt], stage: str
) -> None:
    many_votes(20)
    small = {"max_new_tokens": 6, "epochs": 1.0, "threads": 1, "device": "cpu"}
    run = follow(services.create_run(stage=stage, base="amber", settings=small))
    assert (run.folder / "checkpoint" / "model.safetensors").is_file()


@pytest.mark.django_db
def test_thumbs_alone_train_a_policy(tiny: Contender, library: list[Prompt]) -> None:
    for number, one in enumerate(many_votes(12)):
        thumb(one.battle, 0, 1 if number % 2 else -1)
    small = {"max_new_tokens": 6, "threads": 1, "device": "cpu", "minimum": 2}
    run = follow(services.create_run(stage="kto", base="amber", settings=small))
    assert run.summary["metrics"]["thumbs_up"] > 0
    assert (run.folder / "checkpoint" / "model.safetensors").is_file()
