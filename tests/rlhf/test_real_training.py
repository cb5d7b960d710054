"""The real training code under the lab, on a tiny random model."""

import dataclasses
import importlib
import json
import shutil
import typing
from pathlib import Path

import pytest

from arena.models import Contender, Prompt
from rlhf import services
from rlhf.models import Job, Metric, Run
from rlhf.settings_table import SETTINGS
from rlhf.stages import PRESETS, STAGES
from tests.rlhf.training.conftest import tiny_model  # noqa: F401 - a fixture
from tests.rlhf.votes import converse, many_votes, thumb, vote

pytestmark = pytest.mark.slow
PATHS = {"output", "model", "rankings", "prompts", "reward_model", "demonstrations"}
MODULES = {name: f"rlhf.training.{name.replace('-', '_')}" for name in STAGES}


@pytest.mark.parametrize("stage", STAGES)
def test_the_table_of_settings_is_what_the_training_code_has(stage: str) -> None:
    config = importlib.import_module(MODULES[stage]).Config
    hints = typing.get_type_hints(config)
    fields = {field.name: field for field in dataclasses.fields(config)}
    assert set(SETTINGS[stage]) == set(fields) - PATHS
    for name, setting in SETTINGS[stage].items():
        field = fields[name]
        limits = field.metadata
        assert setting.kind is hints[name], name
        assert (setting.at_least, setting.at_most, setting.choices) == (
            limits.get("at_least"),
            limits.get("at_most"),
            tuple(limits.get("choices") or ()),
        ), name


def test_every_preset_holds_settings_that_exist() -> None:
    for preset in PRESETS.values():
        for stage, values in preset.settings.items():
            for name, value in values.items():
                assert SETTINGS[stage][name].check(name, value) == value


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
