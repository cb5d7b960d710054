"""Numbers that say what an update gained and what it cost, each beside the base's own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from rlhf.training.chats import Messages, encode_prompt
from rlhf.training.data import Ranking
from rlhf.training.losses import token_entropy, token_log_probs
from rlhf.training.policies import pick_dtype
from rlhf.training.reward_model import right_padded
from rlhf.training.sampling import Completion


@dataclass(frozen=True)
class TextQuality:
    """Averages over one set of sampled responses.

    nll: nats per token under the base model. entropy: nats per token of the sampling model's own
    next-token distribution. repetition: share of 4-grams of words that occurred before in the same
    response. distinct: distinct bigrams of words over all bigrams of the set. length: tokens.
    finished: share that ended by themselves. reward: mean score, None without a reward model.
    """

    nll: float
    entropy: float
    repetition: float
    distinct: float
    length: float
    finished: float
    reward: float | None = None


@dataclass(frozen=True)
class Evaluation:
    """A policy beside its base on the same held-out prompts; win_rate is by the reward model."""

    prompts: int
    policy: TextQuality
    base: TextQuality
    win_rate: float | None = None
    win_rate_error: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Nested plain values for summary.json."""
        return asdict(self)

    def flat(self) -> dict[str, float]:
        """Finite numbers by name for metrics.jsonl."""
        found: dict[str, float] = {}
        for who, quality in (("policy", self.policy), ("base", self.base)):
            found |= {f"{name}_{who}": v for name, v in asdict(quality).items() if v is not None}
        if self.win_rate is not None:
            found["win_rate"] = self.win_rate
        return found


@dataclass(frozen=True)
class Accuracy:
    """Share of decided held-out pairs ordered rightly, with its 95 % Wilson interval."""

    rate: float
    lower: float
    upper: float
    pairs: int


def repetition(text: str, size: int = 4) -> float:
    """Share of a text's word n-grams that already occurred in it; 0 for short texts."""
    grams = _grams(text, size)
    return 1 - len(set(grams)) / len(grams) if grams else 0.0


def distinct(texts: Sequence[str], size: int = 2) -> float:
    """Distinct n-grams over all n-grams of a set. Li et al. 2016, arXiv:1510.03055."""
    grams = [gram for text in texts for gram in _grams(text, size)]
    return len(set(grams)) / len(grams) if grams else 0.0


def _grams(text: str, size: int) -> list[tuple[str, ...]]:
    words = text.lower().split()
    return [tuple(words[i : i + size]) for i in range(len(words) - size + 1)]


@torch.inference_mode()
def likelihood(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Messages],
    responses: Sequence[Completion],
    *,
    rows: int = 16,
) -> tuple[float, float]:
    """(NLL, entropy) in nats per response token under `model`, over all tokens together."""
    nll = entropy = 0.0
    count = 0
    fast = pick_dtype(model.device) == torch.bfloat16
    encoded = [encode_prompt(tokenizer, messages) for messages in prompts]
    order = [i for i, response in enumerate(responses) if response.tokens]
    order.sort(key=lambda index: len(encoded[index]) + len(responses[index].tokens))
    for start in range(0, len(order), rows):
        batch = order[start : start + rows]
        whole = [[*encoded[i], *responses[i].tokens] for i in batch]
        ids, mask = right_padded(whole, model.device)
        with torch.autocast(ids.device.type, torch.bfloat16, fast):
            logits = model(input_ids=ids, attention_mask=mask).logits  # (B, T, V)
        for row, index in enumerate(batch):
            begin, end = len(encoded[index]), len(whole[row])
            steps = logits[row, begin - 1 : end - 1][None]
            nll -= float(token_log_probs(steps, ids[row, begin:end][None]).sum())
            entropy += float(token_entropy(steps).sum())
            count += end - begin
    return (nll / count, entropy / count) if count else (math.nan, math.nan)


def text_quality(responses: Sequence[Completion], nll: float, entropy: float) -> TextQuality:
    """The averages of a set of responses whose likelihoods are known."""
    texts = [response.text for response in responses]
    return TextQuality(
        nll=nll,
        entropy=entropy,
        repetition=sum(map(repetition, texts)) / len(texts),
        distinct=distinct(texts),
        length=sum(len(response.tokens) for response in responses) / len(responses),
        finished=sum(response.finished for response in responses) / len(responses),
    )


def with_rewards(
    evaluation: Evaluation, policy: Sequence[float], base: Sequence[float]
) -> Evaluation:
    """Add mean rewards and the share of prompts whose policy response scores above the base's."""
    wins = [(a > b) + 0.5 * (a == b) for a, b in zip(policy, base, strict=True)]
    rate = sum(wins) / len(wins)
    return replace(
        evaluation,
        policy=replace(evaluation.policy, reward=sum(policy) / len(policy)),
        base=replace(evaluation.base, reward=sum(base) / len(base)),
        win_rate=rate,
        win_rate_error=math.sqrt(rate * (1 - rate) / len(wins)),
    )


def pairwise_accuracy(rankings: Sequence[Ranking], scores: Sequence[Sequence[float]]) -> Accuracy:
    """How many of the rankings' untied pairs the scores order alike; equal scores count half."""
    right = 0.0
    count = 0
    for ranking, values in zip(rankings, scores, strict=True):
        for i in range(len(values)):
            for j in range(i + 1, len(values)):
                if ranking.ranks[i] == ranking.ranks[j]:
                    continue
                count += 1
                better, worse = (i, j) if ranking.ranks[i] < ranking.ranks[j] else (j, i)
                right += (values[better] > values[worse]) + 0.5 * (values[better] == values[worse])
    return wilson(right, count)


def wilson(right: float, count: int, z: float = 1.96) -> Accuracy:
    """A share and its Wilson interval; [0, 1] when there is nothing to count."""
    if count == 0:
        return Accuracy(math.nan, 0.0, 1.0, 0)
    rate = right / count
    middle = (rate + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(rate * (1 - rate) / count + z * z / (4 * count * count))
    half /= 1 + z * z / count
    return Accuracy(rate, middle - half, middle + half, count)


def length_baseline(train: Sequence[Ranking], test: Sequence[Ranking]) -> Accuracy:
    """Accuracy of 'longer is better' or 'shorter is better', whichever fits the training split."""

    def lengths(rankings: Sequence[Ranking], sign: int) -> list[list[float]]:
        return [[sign * float(len(text)) for text in row.responses] for row in rankings]

    longer = pairwise_accuracy(train, lengths(train, 1)).rate
    return pairwise_accuracy(test, lengths(test, 1 if not longer < 0.5 else -1))
