"""Lets a trainer of transformers or TRL keep its state with the run's, and go on from there.

What is kept: adapters, optimiser, schedule, step and random states, as transformers writes them.
A continued training takes the same batches in the same order as an uninterrupted one, because the
order of an epoch depends on seed and epoch alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import torch
from accelerate.utils import broadcast_object_list
from transformers import Trainer, TrainerCallback, set_seed
from transformers.trainer import TRAINER_STATE_NAME
from transformers.trainer_utils import get_last_checkpoint
from trl import GRPOTrainer, KTOTrainer, SFTTrainer
from trl.trainer.utils import RepeatSampler

from rlhf.training.distributed import is_first
from rlhf.training.looks import Look, Looks
from rlhf.training.output import Output
from rlhf.training.settings import SHARDED
from rlhf.training.update import Update


class Resumable(Trainer):  # type: ignore[misc]
    """A trainer that is started by `train_in` and whose states are entries of the run's state."""

    _run: Output
    _name: str

    def train_update(self, update: Update, turn: int = 0) -> None:
        """Train an update's policy in its run, and look at it on the way."""
        # Nobody can look at a policy alone whose weights several processes hold.
        if update.config.launch not in SHARDED:
            looks = Looks(update)
            if is_first():
                looks.begin()
            self.add_callback(Look(looks, update.config.checkpoints, turn))
        self.train_in(update.output, f"training-{turn}")
        update.take_whole(self)

    def train_in(self, output: Output, name: str) -> None:
        """Train, from the last state of that name in the run's folder if there is one."""
        self._run, self._name = output, name
        self.add_callback(_Keep(output))
        entries = output.state.entries(name) if output.state else []
        begun = get_last_checkpoint(str(entries[-1])) if entries else None
        if begun is not None and _is_finished(begun):
            self._load_from_checkpoint(begun)
            return
        self.train(resume_from_checkpoint=begun)
        # What comes next must read the same after a training that was finished before.
        self.accelerator.unwrap_model(self.model, keep_fp32_wrapper=False)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Write the state as one entry of the run's. TRL's own would add a model card alone."""
        if not self.args.should_save:
            Trainer._save_checkpoint(self, model, trial)
            return

        def write(folder: Path) -> None:
            self.args.output_dir = str(folder)
            Trainer._save_checkpoint(self, model, trial)

        usual = self.args.output_dir
        self._run.keep(self._name, self.state.global_step, write)
        self.args.output_dir = usual


def _is_finished(checkpoint: str) -> bool:
    told = json.loads((Path(checkpoint) / TRAINER_STATE_NAME).read_text())
    return bool(told["global_step"] >= told["max_steps"])


class _Keep(TrainerCallback):  # type: ignore[misc]
    """Asks for a state when one is due and after the last step; seeds each epoch by its number."""

    def __init__(self, output: Output) -> None:
        self._state = output.state

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Samplers that draw from the global dice then give the same order in any process."""
        set_seed(args.seed + int(state.epoch or 0))

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Time decides, on the main process for all of them."""
        if self._state is None or not self._state.every_s:
            return
        due = self._state.is_due() or state.global_step >= state.max_steps
        if args.world_size > 1:
            (due,) = broadcast_object_list([due])
        if due:
            control.should_save = True


class ResumableSFT(Resumable, SFTTrainer):  # type: ignore[misc]
    """TRL's supervised fine-tuning."""


class ResumableKTO(Resumable, KTOTrainer):  # type: ignore[misc]
    """TRL's KTO."""


class ResumableGRPO(Resumable, GRPOTrainer):  # type: ignore[misc]
    """TRL's GRPO."""

    def _get_train_sampler(self, dataset: Any = None) -> torch.utils.data.Sampler[int]:
        sampler: RepeatSampler = super()._get_train_sampler(dataset)
        sampler.__class__ = _EpochSampler
        return cast("torch.utils.data.Sampler[int]", sampler)


class _EpochSampler(RepeatSampler):  # type: ignore[misc]
    """TRL's sampler, but told the epoch, as samplers of torch are."""

    def set_epoch(self, epoch: int) -> None:
        """Shuffle by the seed and the epoch alone."""
        self.generator.manual_seed(self.seed + epoch)
