"""The lab's forms filled in: as an earlier run was, or with a dataset, to change what one will."""

from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from rlhf.models import Dataset, Run
from rlhf.selectors import own_settings
from rlhf.stages import Preset, Stage, preset_of

OWN_FORMS = {"pretrain", "reward"}  # all other stages share the form of updates


def form_name(stage: str) -> str:
    """Which of the lab's forms starts a run of the stage."""
    return stage if stage in OWN_FORMS else "update"


def preset_and_own(run: Run) -> tuple[Preset, dict[str, Any]]:
    """The preset that a run was started with, and its settings that differ from it."""
    preset = preset_of(run.stage, run.config)
    told = preset.settings.get(run.stage, {})
    own = own_settings(run)
    return preset, {name: value for name, value in own.items() if told.get(name) != value}


def choices_of(run: Run) -> dict[str, Any]:
    """Initial values of that form: what the run was started with, where it is still there."""
    preset, own = preset_and_own(run)
    chosen: dict[str, Any] = {"enter": own.pop("enter")} if "enter" in own else {}
    dataset = run.dataset
    return chosen | {
        "stage": run.stage,
        "base": run.base_id,
        "reward_run": run.reward_run_id,
        "dataset": dataset.pk if dataset and dataset.whole else None,
        "population": dataset.population if dataset else "people",
        "preset": preset.name,
        "settings": "\n".join(f"{name} = {value}" for name, value in own.items()),
    }


def address_of(stage: Stage, dataset: Dataset) -> str:
    """Where the form of a stage is filled in with a dataset."""
    form = form_name(stage.name)
    chosen: dict[str, str | int] = {"stage": stage.name, "dataset": dataset.pk}
    if stage.takes_reward_model:
        chosen["reward_run"] = ""  # else it reads no dataset
    fields = urlencode({f"{form}-{name}": value for name, value in chosen.items()})
    return f"{reverse('lab')}?{fields}#{form}-title"
