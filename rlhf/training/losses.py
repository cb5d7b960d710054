"""Losses and log-probabilities as pure functions of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

# Of logits that are looked at in float32 at a time: new memory for all takes longer than the sums.
ROWS = 64


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


def pair_figures(scores: torch.Tensor, pairs: Pairs) -> dict[str, float]:
    """accuracy: share of untied pairs that scores (R,) order rightly, equal ones counting half.

    margin: the mean by which the better one's score is above the other's. Empty without a pair.
    """
    signs = torch.sign(pairs.target - 0.5).to(scores)
    gaps = (signs * (scores[pairs.left] - scores[pairs.right]))[signs != 0]
    if not len(gaps):
        return {}
    right = (torch.sign(gaps) + 1) / 2
    return {"accuracy": float(right.mean()), "margin": float(gaps.mean())}


@dataclass(frozen=True)
class Marks:
    """Thumbs on responses that are numbered one after the other.

    at: (T,) response numbers. up: (T,) 1 for a thumb up, 0 for one down. weight: (T,) of each.
    """

    at: torch.Tensor
    up: torch.Tensor
    weight: torch.Tensor

    def to(self, device: torch.device) -> Marks:
        """The same thumbs on another device."""
        return Marks(self.at.to(device), self.up.to(device), self.weight.to(device))


def thumbs_loss(scores: torch.Tensor, marks: Marks) -> torch.Tensor:
    """Weighted sum over thumbs, a scalar: -log sigmoid(score) for one up, of -score for one down.

    scores: (R,) less a bias that is learnt, for in rankings only differences have a meaning. With
    weights of 1/T it is the mean over T thumbs; without thumbs it is 0.
    """
    terms = functional.binary_cross_entropy_with_logits(
        scores[marks.at], marks.up.to(scores.dtype), reduction="none"
    )
    return (marks.weight.to(scores.dtype) * terms).sum()


def token_log_probs(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """Log-probability in float32 of each token, (…), from logits (…, vocabulary)."""
    rows, chosen = logits.flatten(0, -2), tokens.flatten()
    found: torch.Tensor = _TokenLogProbs.apply(rows, chosen)  # type: ignore[no-untyped-call]
    return found.view(tokens.shape)


class _TokenLogProbs(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """(N,) from (N, vocabulary) and (N,)."""
        sums = torch.cat([rows.float().logsumexp(-1) for rows in torch.split(logits, ROWS)])
        ctx.save_for_backward(logits, tokens, sums)
        return logits.gather(-1, tokens[:, None]).squeeze(-1).float() - sums

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        """For each row its gradient times (one-hot of the token − shares)."""
        logits, tokens, sums = ctx.saved_tensors
        found = torch.empty_like(logits)
        parts = (torch.split(part, ROWS) for part in (logits, tokens, sums, gradient, found))
        for of_logits, of_tokens, of_sums, of_gradient, into in zip(*parts, strict=True):
            shares = (of_logits.float() - of_sums[:, None]).exp_().mul_(-of_gradient[:, None])
            into.copy_(shares.scatter_add_(-1, of_tokens[:, None], of_gradient[:, None]))
        return found, None


def token_entropy(logits: torch.Tensor) -> torch.Tensor:
    """Entropy in nats of the next-token distribution, (…), from logits (…, vocabulary)."""
    found = []
    for rows in torch.split(logits.flatten(0, -2), ROWS):
        log_probs = torch.log_softmax(rows.float(), dim=-1)
        found.append(-(log_probs.exp() * log_probs).sum(-1))
    return torch.cat(found).view(logits.shape[:-1])
