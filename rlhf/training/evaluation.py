"""Numbers that say what an update gained and what it cost, each beside the base's own."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from statistics import pstdev, stdev
from typing import Any

import torch
from scipy.special import stdtrit
from transformers import PreTrainedTokenizerBase

from rlhf.training.chats import Messages, encode_prompt
from rlhf.training.data import Ranking
from rlhf.training.losses import token_entropy, token_log_probs
from rlhf.training.policies import pick_dtype
from rlhf.training.reward_model import right_padded
from rlhf.training.sampling import Completion

TIE = 0.01


@dataclass(frozen=True)
class TextQuality:
    """Averages over one set of sampled responses.

    nll: nats per token under the base model. entropy: nats per token of the sampling model's own
    next-token distribution. repetition: share of 4-grams of words that occurred before in the same
    response. distinct: distinct bigrams of words over all bigrams of the set. length: tokens.
    finished: share that ended by themselves. reward: mean score, None without a reward model.
    spread: standard deviation of a response's score among the members of the reward model, on
    average; None without an ensemble.
    """

    nll: float
    entropy: float
    repetition: float
    distinct: float
    length: float
    finished: float
    reward: float | None = None
    spread: float | None = None


@dataclass(frozen=True)
class Evaluation:
    """A policy beside its base on the same held-out prompts; win_rate is by the reward model.

    reward_gain: the mean difference of rewards on the same prompt. members_gain: the same by each
    member of the reward model. changed: how many of its responses, drawn with the same dice, differ
    from the base's; None where nobody counted.
    """

    prompts: int
    policy: TextQuality
    base: TextQuality
    win_rate: float | None = None
    win_rate_error: float | None = None
    reward_gain: float | None = None
    reward_gain_error: float | None = None
    members_gain: tuple[float, ...] = ()
    changed: int | None = None

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
    """Share of decided pairs ordered rightly, with its 95 % interval."""

    rate: float
    lower: float
    upper: float
    pairs: int
    prompts: int = 0


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


@dataclass(frozen=True)
class Likelihoods:
    """What a model makes of responses.

    log_probs: (tokens,) of every response's tokens one after the other. entropy: nats per token of
    its own next-token distribution, NaN without tokens.
    """

    log_probs: torch.Tensor
    entropy: float

    @property
    def nll(self) -> float:
        """Nats per token, over all tokens together; NaN without any."""
        return -float(self.log_probs.mean())


def divergence(policy: Likelihoods, base: Likelihoods) -> float:
    """KL divergence from the base in nats per token, estimated on the policy's own responses.

    The mean of r - 1 - log r, with r the base's probability of a token over the policy's. It has
    less variance than the mean log-ratio and is never negative (Schulman 2020, "Approximating KL
    divergence"); GRPO's penalty is the same estimate.
    """
    log_ratios = base.log_probs - policy.log_probs
    return float((log_ratios.expm1() - log_ratios).mean())


def likelihood(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Messages],
    responses: Sequence[Completion],
) -> tuple[float, float]:
    """(NLL, entropy) in nats per response token under `model`, over all tokens together."""
    found = likelihoods(model, tokenizer, prompts, responses)
    return found.nll, found.entropy


@torch.inference_mode()
def likelihoods(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Messages],
    responses: Sequence[Completion],
    *,
    rows: int = 16,
) -> Likelihoods:
    """Read each response after its prompt, `rows` at a time; the order is the same each time."""
    found: list[torch.Tensor] = []
    entropy = 0.0
    fast = pick_dtype(model.device) == torch.bfloat16
    encoded = [encode_prompt(tokenizer, messages) for messages in prompts]
    order = [i for i, response in enumerate(responses) if response.tokens]
    order.sort(key=lambda index: len(encoded[index]) + len(responses[index].tokens))
    for start in range(0, len(order), rows):
        batch = order[start : start + rows]
        whole = [[*encoded[i], *responses[i].tokens] for i in batch]
        ids, mask = right_padded(whole, model.device)
        begins = torch.tensor([len(encoded[i]) for i in batch], device=ids.device)
        first = int(begins.min()) - 1  # no earlier place predicts a token of any response
        places = torch.arange(ids.shape[1], device=ids.device)
        responded = mask.bool() & (places >= begins[:, None])  # (B, T)
        with torch.autocast(ids.device.type, torch.bfloat16, fast):
            out = model(input_ids=ids, attention_mask=mask, logits_to_keep=ids.shape[1] - first)
        logits = out.logits[:, :-1][responded[:, first + 1 :]]  # (tokens of responses, vocabulary)
        found.append(token_log_probs(logits, ids[responded]).double().cpu())
        entropy += float(token_entropy(logits).sum())
    log_probs = torch.cat(found) if found else torch.empty(0, dtype=torch.float64)
    count = len(log_probs)
    return Likelihoods(log_probs, entropy / count if count else math.nan)


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
    """Add mean rewards and the share of prompts whose policy response scores above the base's.

    A difference of at most TIE times the standard deviation of all the rewards is half a win: the
    same response read in another place of a batch differs by as much.
    """
    gains = [a - b for a, b in zip(policy, base, strict=True)]
    tie = TIE * pstdev([*policy, *base])
    wins = [0.5 if abs(gain) <= tie else float(gain > 0) for gain in gains]
    rate = sum(wins) / len(wins)
    return replace(
        evaluation,
        policy=replace(evaluation.policy, reward=sum(policy) / len(policy)),
        base=replace(evaluation.base, reward=sum(base) / len(base)),
        win_rate=rate,
        win_rate_error=math.sqrt(rate * (1 - rate) / len(wins)),
        reward_gain=sum(gains) / len(gains),
        reward_gain_error=stdev(gains) / math.sqrt(len(gains)) if len(gains) > 1 else None,
    )


def with_members(
    evaluation: Evaluation, policy: Sequence[Sequence[float]], base: Sequence[Sequence[float]]
) -> Evaluation:
    """Add how far the reward model's members differ; scores by response, then member."""
    if len(policy[0]) == 1:
        return evaluation
    pairs = zip(policy, base, strict=True)
    by_prompt = [[a - b for a, b in zip(new, old, strict=True)] for new, old in pairs]
    gains = [sum(one) / len(one) for one in zip(*by_prompt, strict=True)]
    return replace(
        evaluation,
        policy=replace(evaluation.policy, spread=sum(map(stdev, policy)) / len(policy)),
        base=replace(evaluation.base, spread=sum(map(stdev, base)) / len(base)),
        members_gain=tuple(gains),
    )


def pairwise_accuracy(rankings: Sequence[Ranking], scores: Sequence[Sequence[float]]) -> Accuracy:
    """How many of the rankings' untied pairs the scores order alike; equal scores count half.

    Votes on one prompt are alike, so the interval takes prompts, not pairs, as drawn at random.
    """
    marks = [marks_of(one, values) for one, values in zip(rankings, scores, strict=True)]
    return accuracy_of(rankings, marks)


def marks_of(ranking: Ranking, values: Sequence[float]) -> list[float]:
    """For each untied pair of a ranking: 1 if `values` order it alike, 0.5 if they are equal."""
    found: list[float] = []
    for i, j in combinations(range(len(values)), 2):
        if ranking.ranks[i] == ranking.ranks[j]:
            continue
        better, worse = (i, j) if ranking.ranks[i] < ranking.ranks[j] else (j, i)
        found.append((values[better] > values[worse]) + 0.5 * (values[better] == values[worse]))
    return found


def accuracy_of(rankings: Sequence[Ranking], marks: Sequence[Sequence[float]]) -> Accuracy:
    """The share of marks that are right, clustered by the rankings' prompts."""
    return clustered(
        [mark for row in marks for mark in row],
        [str(one.prompt) for one, row in zip(rankings, marks, strict=True) for _ in row],
    )


def clustered(marks: Sequence[float], clusters: Sequence[str], z: float = 1.96) -> Accuracy:
    """A share of marks from 0 to 1 with an interval that knows that they come in clusters.

    Wilson's interval for the effective number of marks: as many independent ones as would give
    the variance of the ratio estimator over clusters (Dean and Pagano 2015, doi:10.1093/jssam/
    smv024), fewer where few clusters tell that variance badly (Korn and Graubard 1998, Survey
    Methodology 24:193). It is never more than the marks, and where all are equal it is the number
    of clusters.
    """
    count, groups = len(marks), len(set(clusters))
    if count == 0:
        return Accuracy(math.nan, 0.0, 1.0, 0)
    rate = sum(marks) / count
    residuals: dict[str, float] = defaultdict(float)
    for mark, cluster in zip(marks, clusters, strict=True):
        residuals[cluster] += mark - rate
    effective = float(groups)
    if groups > 1 and 0 < rate < 1:
        squares = sum(value * value for value in residuals.values())
        variance = squares * groups / (groups - 1) / count**2
        effective = rate * (1 - rate) / variance if variance else float(count)
        known = float(stdtrit(count - 1, 0.975) / stdtrit(groups - 1, 0.975))
        effective = min(float(count), effective * known**2)
    lower, upper = wilson(rate, effective, z)
    return Accuracy(rate, lower, upper, count, groups)


def wilson(rate: float, count: float, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share of `count` independent trials."""
    middle = (rate + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(rate * (1 - rate) / count + z * z / (4 * count * count))
    half /= 1 + z * z / count
    return middle - half, middle + half


def length_baseline(train: Sequence[Ranking], test: Sequence[Ranking]) -> Accuracy:
    """Accuracy of 'longer is better' or 'shorter is better', whichever fits the training split."""
    return pairwise_accuracy(test, length_scores(train, test))


def length_scores(train: Sequence[Ranking], test: Sequence[Ranking]) -> list[list[float]]:
    """Scores of the test responses by their length alone, in the direction that fits `train`."""

    def lengths(rankings: Sequence[Ranking], sign: int) -> list[list[float]]:
        return [[sign * float(len(text)) for text in row.responses] for row in rankings]

    longer = pairwise_accuracy(train, lengths(train, 1)).rate
    return lengths(test, 1 if not longer < 0.5 else -1)
