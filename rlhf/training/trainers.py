"""TRL trainers as our stages use them: shared arguments, progress, and fine-tuning on text."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from datasets import Dataset
from transformers import PreTrainedTokenizerBase, TrainerCallback
from trl import SFTConfig

from rlhf.training import settings
from rlhf.training.chats import encode_prompt
from rlhf.training.data import Demonstration
from rlhf.training.distributed import share
from rlhf.training.policies import pick_dtype
from rlhf.training.resumable import ResumableSFT
from rlhf.training.sampling import Completion
from rlhf.training.update import Update

Report = Callable[..., None]
# What TRL's SFTTrainer logs, and what we call it.
TEXT_NAMES = {
    "loss": "loss",
    "mean_token_accuracy": "token_accuracy",
    "entropy": "entropy",
    "grad_norm": "grad_norm",
}


@contextmanager
def trainer_arguments(config: settings.Policy, device: torch.device) -> Iterator[dict[str, Any]]:
    """Arguments that every TRL trainer here gets; its own files go to a throw-away folder.

    Its states do not: `Resumable` says when one is written, and where.
    """
    with tempfile.TemporaryDirectory(prefix="trl-") as folder:
        yield {
            "output_dir": folder,
            "num_train_epochs": config.epochs,
            "per_device_train_batch_size": share(config.batch_size, "batch_size"),
            "learning_rate": config.learning_rate,
            "lr_scheduler_type": "cosine",
            "weight_decay": 0.0,
            "max_grad_norm": 1.0,
            "seed": config.seed,
            "bf16": pick_dtype(device) == torch.bfloat16,
            "use_cpu": device.type == "cpu",
            "gradient_checkpointing": False,
            "logging_steps": 1,
            "logging_nan_inf_filter": False,
            "save_strategy": "no",
            "report_to": [],
            "disable_tqdm": True,
            "dataloader_pin_memory": device.type == "cuda",
            "ddp_find_unused_parameters": False,
        }


class ProgressCallback(TrainerCallback):  # type: ignore[misc]
    """Hands each logged step to `report(step, total, **metrics)`."""

    def __init__(self, report: Report, names: dict[str, str]) -> None:
        self._report = report
        self._names = names

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Pick the metrics that have a name here."""
        logs = kwargs.get("logs") or {}
        found = {ours: float(logs[name]) for name, ours in self._names.items() if name in logs}
        if found:
            self._report(state.global_step, state.max_steps, **found)


def imitate(
    update: Update,
    demonstrations: Sequence[Demonstration],
    config: settings.Policy,
    report: Report,
    turn: int = 0,
) -> None:
    """Fine-tune on the responses only, by TRL's SFTTrainer; batches hold texts of like length."""
    rows = [tokenised(update.tokenizer, row) for row in demonstrations]
    with trainer_arguments(config, update.policy.device) as shared:
        arguments = SFTConfig(
            **shared,
            max_length=None,
            completion_only_loss=True,
            train_sampling_strategy="group_by_length",
        )
        trainer = ResumableSFT(
            model=update.policy,
            args=arguments,
            train_dataset=Dataset.from_list(rows),
            processing_class=update.tokenizer,
            callbacks=[ProgressCallback(report, TEXT_NAMES)],
        )
        trainer.train_update(update, turn)


def largest_part(rows: int, at_most: int) -> int:
    """The largest divisor of `rows` that is not above `at_most`."""
    return next(size for size in range(min(rows, at_most), 0, -1) if rows % size == 0)


def tokenised(tokenizer: PreTrainedTokenizerBase, row: Demonstration) -> dict[str, list[int]]:
    """Token ids with a mask that is 1 on the response, and on its end if it did end."""
    prompt = encode_prompt(tokenizer, row.prompt)
    response = list(tokenizer(row.response, add_special_tokens=False)["input_ids"])
    if row.finished:
        response.append(tokenizer.eos_token_id)
    return {
        "input_ids": prompt + response,
        "completion_mask": [0] * len(prompt) + [1] * len(response),
    }


def demonstration(prompt: Any, completion: Completion) -> Demonstration:
    """A sampled response as something to imitate."""
    return Demonstration(prompt, completion.text, completion.finished)
