"""Losses and log-probabilities as pure functions of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional


@dataclass(frozen=True)
class Pairs:
    """All pairs of several rankings whose responses are numbered one after the other.

    left, right: (P,) response numbers. target: (P,) 1 where left is ranked before right, 0 where
    after, 0.5 for a tie. weight: (P,) the ranking's weight over its C(K,2) pairs, such that all
    weights sum to 1.
    """

    left: torch.Tensor
    right: torch.Tensor
    target: torch.Tensor
    weight: torch.Tensor

    def to(self, device: torch.device) -> Pairs:
        """The same pairs on another device."""
        return Pairs(*(getattr(self, name).to(device) for name in self.__dataclass_fields__))


def pairs_of(ranks: Sequence[Sequence[int]], weights: Sequence[float] | None = None) -> Pairs:
    """The pairs of rankings given as their ranks (1 is best, equal ranks tie)."""
    weights = [1.0] * len(ranks) if weights is None else weights
    lefts, rights, targets, shares = [], [], [], []
    first = 0
    for row, weight in zip(ranks, weights, strict=True):
        left, right = torch.triu_indices(len(row), len(row), offset=1)  # (C(K,2),) each
        values = torch.tensor(row)
        lefts.append(left + first)
        rights.append(right + first)
        targets.append((torch.sign(values[right] - values[left]) + 1) / 2)
        shares.append(torch.full((len(left),), weight / len(left)))
        first += len(row)
    share = torch.cat(shares)
    return Pairs(torch.cat(lefts), torch.cat(rights), torch.cat(targets), share / sum(weights))


def ranking_loss(scores: torch.Tensor, pairs: Pairs) -> torch.Tensor:
    """K-wise ranking loss, a scalar: the weighted mean over rankings of their mean pair loss.

    A pair's loss is the cross-entropy of sigmoid(score_left - score_right) against its target. For
    one ranking of two without a tie it is -log sigmoid(better - worse). Ouyang et al. 2022
    (InstructGPT), arXiv:2203.02155, equation 1, which has no ties: the target 0.5 counts a tie as
    half a win for each.

    scores: (R,) floats, higher is better, numbered as the pairs are.
    """
    gaps = scores[pairs.left] - scores[pairs.right]
    terms = functional.binary_cross_entropy_with_logits(
        gaps, pairs.target.to(gaps.dtype), reduction="none"
    )
    return (pairs.weight.to(gaps.dtype) * terms).sum()


def token_log_probs(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Log-probability of each token, (B, T), from logits (B, T, vocabulary)."""
    chosen = logits.gather(-1, tokens.unsqueeze(-1)).squeeze(-1).float()
    return chosen - torch.logsumexp(logits.float(), dim=-1)


def token_entropy(logits: torch.Tensor) -> torch.Tensor:
    """Entropy in nats of the next-token distribution, (B, T), from logits (B, T, vocabulary)."""
    log_probs = torch.log_softmax(logits.float(), dim=-1)
    return -(log_probs.exp() * log_probs).sum(-1)
