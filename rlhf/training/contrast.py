"""Moves a policy towards chosen and away from rejected responses: direct preference optimisation.

Rafailov et al. 2023, arXiv:2305.18290. The weight `sft_weight` adds the likelihood of the chosen
response to the loss (Pang et al. 2024, arXiv:2404.19733), which keeps it from becoming less likely
together with the rejected one. The reference is the policy with its adapters off, read once before
the first step.

The loop is transformers' Trainer; the loss is ours, because TRL's DPOTrainer encodes a prompt four
times per pair, predicts its tokens too, and closes every response with an end token, those included
that were cut at `max_new_tokens`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch.nn import functional
from transformers import PreTrainedTokenizerBase, TrainingArguments

from rlhf.training import settings
from rlhf.training.chats import Messages
from rlhf.training.data import Demonstration
from rlhf.training.likelihoods import response_log_probs
from rlhf.training.resumable import Resumable
from rlhf.training.sampling import Completion
from rlhf.training.selection import Scored
from rlhf.training.trainers import ProgressCallback, Report, tokenised, trainer_arguments
from rlhf.training.update import Update

NAMES = {"loss": "loss", "accuracy": "accuracy", "margin": "margin", "grad_norm": "grad_norm"}


@dataclass(frozen=True)
class Pair:
    """A prompt with a better and a worse response. One that was cut off gets no end token."""

    prompt: Messages
    chosen: str
    rejected: str
    chosen_finished: bool = True
    rejected_finished: bool = True


@dataclass(frozen=True)
class EncodedPair:
    """Token ids of a pair, and log p(chosen) - log p(rejected) under the reference."""

    prompt: list[int]
    chosen: list[int]
    rejected: list[int]
    reference: float = 0.0


def pairs_from_samples(scored: Sequence[Scored], each: int) -> list[Pair]:
    """`each` pairs of every prompt: its best against its worst sample, then the next on both sides.

    No sample is in two pairs. Pairs with an empty side or two equal ones are left out.
    """
    pairs = []
    for row in scored:
        ranked = row.ranked()
        count = min(each, len(ranked) // 2)
        for better, worse in zip(ranked[:count], ranked[::-1], strict=False):
            if better.text.strip() and worse.text.strip() and better.text != worse.text:
                pairs.append(as_pair(row.prompt.messages, better, worse))
    return pairs


def as_pair(prompt: Messages, chosen: Completion, rejected: Completion) -> Pair:
    """Two sampled responses as a pair."""
    return Pair(prompt, chosen.text, rejected.text, chosen.finished, rejected.finished)


def encoded_pair(tokenizer: PreTrainedTokenizerBase, pair: Pair) -> EncodedPair:
    """Tokens of a pair, each response with its end token if it did end."""
    sides = []
    for text, finished in (
        (pair.chosen, pair.chosen_finished),
        (pair.rejected, pair.rejected_finished),
    ):
        row = tokenised(tokenizer, Demonstration(pair.prompt, text, finished))
        begin = row["completion_mask"].index(1)
        sides.append(row["input_ids"][begin:])
    return EncodedPair(row["input_ids"][:begin], sides[0], sides[1])


def preference_loss(
    log_probs: torch.Tensor,
    lengths: torch.Tensor,
    reference: torch.Tensor,
    *,
    beta: float,
    sft_weight: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """(loss, margins): a scalar, and (B,) beta times how far each gap moved from the reference's.

    log_probs, lengths: (B, 2), chosen and rejected: sums over tokens, and token counts.
    reference: (B,) the gap between both sums under the reference. The imitation term is per token.
    """
    margins = beta * (log_probs[:, 0] - log_probs[:, 1] - reference)
    imitation = -log_probs[:, 0].sum() / lengths[:, 0].sum()
    return -functional.logsigmoid(margins).mean() + sft_weight * imitation, margins


def pair_log_probs(model: Any, pairs: Sequence[EncodedPair]) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities and lengths of chosen and rejected: (B, 2) each.

    Pairs next to each other that share a prompt share its encoding.
    """
    groups = [
        (list(prompt), [side for pair in same for side in (pair.chosen, pair.rejected)])
        for prompt, same in groupby(pairs, lambda pair: pair.prompt)
    ]
    log_probs, lengths = response_log_probs(model, groups)
    return log_probs.view(-1, 2), lengths.view(-1, 2)


class PreferenceTrainer(Resumable):
    """Transformers' training loop with the preference loss; logs its accuracy and margin."""

    beta: float
    sft_weight: float
    seen: dict[str, float]

    def compute_loss(self, model: Any, inputs: Any, *_: Any, **__: Any) -> torch.Tensor:
        """The loss of a batch of encoded pairs."""
        pairs = inputs["pairs"]
        log_probs, lengths = pair_log_probs(model, pairs)
        reference = torch.tensor([pair.reference for pair in pairs], device=log_probs.device)
        loss, margins = preference_loss(
            log_probs, lengths, reference, beta=self.beta, sft_weight=self.sft_weight
        )
        margins = margins.detach()
        self.seen = {
            "accuracy": float((margins > 0).float().mean()),
            "margin": float(margins.mean()),
        }
        return loss

    def log(self, logs: dict[str, float], *args: Any, **more: Any) -> None:
        """Log the last batch's accuracy and margin beside its loss."""
        super().log({**self.seen, **logs} if "loss" in logs else logs, *args, **more)


def prefer(
    update: Update,
    pairs: Sequence[Pair],
    config: settings.Contrast,
    report: Report,
    turn: int = 0,
    *,
    together: int = 1,
) -> None:
    """Optimise the policy on pairs. So many in turn stay in one batch if they share a prompt."""
    rows = with_reference(update, [encoded_pair(update.tokenizer, pair) for pair in pairs], config)
    bundles = bundled(rows, min(together, config.batch_size))
    with trainer_arguments(config, update.policy.device) as shared:
        at_once = shared["per_device_train_batch_size"] // max(map(len, bundles))
        shared["per_device_train_batch_size"] = max(1, at_once)
        trainer = PreferenceTrainer(
            model=update.policy,
            args=TrainingArguments(**shared, remove_unused_columns=False),
            train_dataset=bundles,
            data_collator=lambda batch: {"pairs": [pair for bundle in batch for pair in bundle]},
            callbacks=[ProgressCallback(report, NAMES)],
        )
        trainer.beta, trainer.sft_weight, trainer.seen = config.beta, config.sft_weight, {}
        trainer.train_update(update, turn)


def bundled(pairs: Sequence[EncodedPair], at_most: int) -> list[list[EncodedPair]]:
    """Pairs in turn, those of one prompt together, at most so many: a batch encodes it once."""
    bundles = []
    for _, same in groupby(pairs, lambda pair: pair.prompt):
        of_prompt = list(same)
        starts = range(0, len(of_prompt), at_most)
        bundles += [of_prompt[start : start + at_most] for start in starts]
    return bundles


@torch.inference_mode()
def with_reference(
    update: Update, pairs: Sequence[EncodedPair], config: settings.Contrast
) -> list[EncodedPair]:
    """The pairs with their gaps under the base, read in batches of like length."""
    order = sorted(range(len(pairs)), key=lambda i: (len(pairs[i].prompt), pairs[i].prompt))
    gaps = [0.0] * len(pairs)
    with update.base() as base:
        for start in range(0, len(order), config.batch_size):
            batch = order[start : start + config.batch_size]
            log_probs, _ = pair_log_probs(base, [pairs[index] for index in batch])
            for index, gap in zip(batch, log_probs[:, 0] - log_probs[:, 1], strict=True):
                gaps[index] = float(gap)
    return [
        EncodedPair(pair.prompt, pair.chosen, pair.rejected, gap)
        for pair, gap in zip(pairs, gaps, strict=True)
    ]
