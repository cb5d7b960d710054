"""How a training process is started: alone, or several of it under `accelerate launch`."""

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from arena.errors import Invalid
from rlhf.estimating.machines import gpus
from rlhf.training.settings import LAUNCHES, SHARDED

CONFIGS = Path(__file__).parent / "training" / "launch"
MODULE = ["-m", "rlhf.training"]


def training_command(config: Mapping[str, Any]) -> list[str]:
    """The command for a run with these settings; the stage and its configuration follow.

    ARENA_TRAINING_COMMAND stands above the setting `launch`.
    """
    if settings.TRAINING_COMMAND:
        return list(settings.TRAINING_COMMAND)
    name = config.get("launch", "none")
    if name == "none":
        return [sys.executable, *MODULE]
    command = [sys.executable, "-m", "accelerate.commands.launch"]
    command += ["--config_file", str(config_file(name))]
    command += ["--num_processes", str(process_count(config)), "--main_process_port", "0"]
    return [*command, *MODULE]


def config_file(name: str) -> Path:
    """The shipped configuration of that name."""
    return CONFIGS / f"{name}.yaml"


def process_count(config: Mapping[str, Any]) -> int:
    """The processes that are asked for, or one for each GPU."""
    asked: int = config.get("processes", 0)
    return asked or len(gpus())


def check_launch(stage: str, config: Mapping[str, Any]) -> None:
    """Raise Invalid where this machine cannot start the run as its settings say."""
    name = config.get("launch", "none")
    if name != "none":
        _check_stage(stage, name, config)
        _check_devices(name, config)
        for package in ("accelerate", *(["deepspeed"] if name.startswith("deepspeed") else [])):
            _need(package, f"launch = {name}")
    elif config.get("processes", 0) > 1:
        raise Invalid(_("Several processes need a launch, such as launch = ddp."))
    if config.get("rollouts") == "vllm":
        _need("vllm", "rollouts = vllm")
        if not gpus():
            raise Invalid(_("rollouts = vllm needs a CUDA device, and there is none here."))


def _check_stage(stage: str, name: str, config: Mapping[str, Any]) -> None:
    assert name in LAUNCHES
    # The preference loss reads the model past its wrapper, so nobody would average gradients.
    if stage == "dpo" or (stage == "best-of-n" and config.get("learn") != "imitate"):
        raise Invalid(
            _(
                "%(stage)s cannot be launched in several processes: its loss is not written for "
                "it. Set launch to none, or use another method (best-of-n with learn = imitate)."
            )
            % {"stage": stage}
        )
    if name in SHARDED and stage == "best-of-n" and config.get("rounds", 1) > 1:
        raise Invalid(
            _("With launch = %(name)s several rounds are not possible: set rounds to 1.")
            % {"name": name}
        )


def _check_devices(name: str, config: Mapping[str, Any]) -> None:
    count = process_count(config)
    if config.get("device") == "cpu":
        if name != "ddp":
            raise Invalid(_("launch = %(name)s needs GPUs; on CPUs use ddp.") % {"name": name})
        if count < 2:
            raise Invalid(_("On CPUs say how many processes: processes = 2 or more."))
        return
    if len(gpus()) < max(2, count):
        raise Invalid(
            _(
                "launch = %(name)s needs at least %(needed)s CUDA devices; this machine has "
                "%(there)s."
            )
            % {"name": name, "needed": max(2, count), "there": len(gpus())}
        )
    if count < 2:
        raise Invalid(_("One process needs no launch: set launch to none."))


def _need(package: str, wish: str) -> None:
    if find_spec(package) is None:
        raise Invalid(
            _("%(wish)s needs the package %(package)s, which is not installed here.")
            % {"wish": wish, "package": package}
        )
