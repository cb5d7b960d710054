"""Documents become blocks of tokens, and a model's surprise at them becomes perplexity."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from rlhf.training.losses import token_log_probs
from rlhf.training.policies import pick_dtype
from rlhf.training.reward_model import right_padded

LEAST = 2  # tokens: the first one of a block is not predicted


def pack(documents: Iterable[Sequence[int]], *, end: int, size: int) -> list[list[int]]:
    """Documents one after the other, `end` behind each, cut into blocks of `size` tokens.

    Only the last block may be shorter; one that predicts nothing is left out. A block may hold
    parts of several documents, which see each other: the end token is all that parts them, as in
    the models' own pretraining (Brown et al. 2020, arXiv:2005.14165, appendix B).
    """
    blocks: list[list[int]] = []
    open_block: list[int] = []
    for document in documents:
        open_block += [*document, end]
        full = len(open_block) - len(open_block) % size
        blocks += [open_block[start : start + size] for start in range(0, full, size)]
        open_block = open_block[full:]
    return [*blocks, open_block] if len(open_block) >= LEAST else blocks


@dataclass(frozen=True)
class Surprise:
    """What a model makes of blocks: nats in each, and how many tokens it predicted in each."""

    nats: tuple[float, ...]
    tokens: tuple[int, ...]

    @property
    def nll(self) -> float:
        """Nats per token."""
        return sum(self.nats) / sum(self.tokens)

    @property
    def perplexity(self) -> float:
        return math.exp(self.nll)


@torch.inference_mode()
def surprise(
    model: Any,
    blocks: Sequence[Sequence[int]],
    *,
    rows: int,
    on_progress: Callable[[int, int], None] | None = None,
) -> Surprise:
    """Read the blocks, `rows` at a time, in the precision that the device multiplies fastest."""
    nats: list[float] = []
    device = model.device
    was_training = model.training
    model.eval()
    for start in range(0, len(blocks), rows):
        ids, mask = right_padded([list(block) for block in blocks[start : start + rows]], device)
        with torch.autocast(device.type, torch.bfloat16, pick_dtype(device) == torch.bfloat16):
            logits = model(input_ids=ids, attention_mask=mask).logits  # (B, T, vocabulary)
        found = token_log_probs(logits[:, :-1], ids[:, 1:]) * mask[:, 1:]
        nats += (-found.sum(1)).tolist()
        if on_progress:
            on_progress(min(start + rows, len(blocks)), len(blocks))
    model.train(was_training)
    return Surprise(tuple(nats), tuple(len(block) - 1 for block in blocks))


def gain(before: Surprise, after: Surprise) -> tuple[float, float | None]:
    """Nats per token that were gained, and their standard error; None with a single block.

    The error is that of a ratio of sums over blocks, each block read by both models.
    """
    won = [b - a for b, a in zip(before.nats, after.nats, strict=True)]
    whole, count = sum(before.tokens), len(won)
    mean = sum(won) / whole
    if count < 2:
        return mean, None
    rest = sum((w - mean * t) ** 2 for w, t in zip(won, before.tokens, strict=True))
    return mean, math.sqrt(count / (count - 1) * rest) / whole
