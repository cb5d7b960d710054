"""Stage `reward`: rankings become a reward model, by the K-wise ranking loss.

Thumbs, where there are any, are an extra term (`thumbs`).
All pairs of one prompt's ranking form one batch element and each response is encoded once
(Ouyang et al. 2022, arXiv:2203.02155). With `lora_rank` 0 the language model stays frozen: its
features are computed once and the value head is fitted on them to convergence, with the L2 penalty
that cross-validation by prompt picks. With a rank, LoRA adapters are then trained on top.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import set_seed

from rlhf.training import settings
from rlhf.training.data import Ranking, need, read_rankings, read_thumbs, split_of
from rlhf.training.evaluation import pairwise_accuracy
from rlhf.training.losses import (
    Marks,
    Pairs,
    pair_figures,
    pairs_of,
    ranking_loss,
    thumbs_loss,
)
from rlhf.training.output import Output, open_output
from rlhf.training.pieces import Pieces
from rlhf.training.policies import pick_device
from rlhf.training.reward_model import (
    Group,
    RewardModel,
    RewardSettings,
    batches,
    new_reward_model,
)
from rlhf.training.reward_report import disagreement, held_out
from rlhf.training.thumbs import NO_MARKS, NO_THUMBS, Thumbs, beside

PENALTIES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
FOLDS = 5


def main(config: settings.Reward) -> None:
    """Train, evaluate on held-out rankings, publish."""
    set_seed(config.seed)
    output = open_output(config, {"loading": 0.05, "features": 0.75, "training": 0.2})
    with output.phase("loading") as report:
        train, test = split_rankings(read_rankings(config.rankings))
        need(train, config.minimum, "training rankings", config.rankings)
        need(test, 1, "held-out rankings", config.rankings)
        thumbs = NO_THUMBS
        if config.thumbs and config.thumbs_weight:
            thumbs = beside(train, test, read_thumbs(config.thumbs), config.thumbs_weight)
        limits = RewardSettings(
            config.max_prompt_tokens,
            config.max_response_tokens,
            style=config.style == "counted",
            ensemble=config.ensemble,
        )
        device = pick_device(config.device)
        model = new_reward_model(config.model, device, config.layers, limits)
        report(1, 1)
    groups = [*as_groups([*train, *test]), *thumbs.groups]
    judged, ranked = count_responses(train), count_responses([*train, *test])
    with output.phase("features") as report:
        pieces = Pieces(output, "features")
        features = model.all_features(
            groups, rows=config.batch_rows, on_progress=report, pieces=pieces
        )
    with output.phase("training") as report:
        with one_thread():
            learnt_from = torch.cat([features[:judged], features[ranked:]])
            penalty = fit_head(model, train, learnt_from, thumbs, seed=config.seed)
        if config.lora_rank:
            train_adapters(model, train, config, report, output, thumbs)
            pieces = Pieces(output, "features-adapted")
            features = model.all_features(groups, rows=config.batch_rows, pieces=pieces)
        standardise(model, features[:judged])
        metrics = evaluate(model, train, test, features[:ranked]) | {"train_thumbs": len(thumbs)}
        report(1, 1, **plain(metrics))
    output.publish(model.save)
    output.summary("reward", asdict(config), {**metrics, "penalty": penalty})


@contextmanager
def one_thread() -> Iterator[None]:
    """Fit on one thread: thousands of tiny steps, each of which would wait for a busy core."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def split_rankings(rankings: Sequence[Ranking]) -> tuple[list[Ranking], list[Ranking]]:
    """Training and test rankings; without a test split every fifth prompt is held out."""
    test = split_of(rankings, "test")
    if test:
        return split_of(rankings, "train"), test
    prompts = list(dict.fromkeys(str(ranking.prompt) for ranking in rankings))
    held = set(prompts[4::5])
    marked = [replace(r, split="test" if str(r.prompt) in held else "train") for r in rankings]
    return split_of(marked, "train"), split_of(marked, "test")


def as_groups(rankings: Sequence[Ranking]) -> list[Group]:
    """The prompts with their responses, without the ranks."""
    return [(ranking.prompt, ranking.responses) for ranking in rankings]


def all_pairs(rankings: Sequence[Ranking], shares: Sequence[float] | None = None) -> Pairs:
    """The pairs of rankings, their responses numbered one after the other.

    shares: by which each ranking's weight is multiplied; not all may be 0.
    """
    shares = shares or [1.0] * len(rankings)
    weights = [row.weight * share for row, share in zip(rankings, shares, strict=True)]
    return pairs_of([row.ranks for row in rankings], weights)


def resampled(
    rankings: Sequence[Ranking], members: int, seed: int, others: Sequence[Group] = ()
) -> list[list[float]]:
    """How often each member sees each ranking, then each other group.

    A bootstrap over prompts; once for a lone member. Prompts are drawn, not rankings, as rankings
    of the same prompt are alike; those of rankings apart, so that no member is without any.
    """
    if members == 1:
        return [[1.0] * (len(rankings) + len(others))]
    ranked = [str(one.prompt) for one in rankings]
    asked = [*ranked, *(str(prompt) for prompt, _ in others)]
    first = list(dict.fromkeys(ranked))
    pools = (first, list(dict.fromkeys(asked))[len(first) :])
    dice = random.Random(seed)
    drawn = [
        Counter(one for pool in pools if pool for one in dice.choices(pool, k=len(pool)))
        for _ in range(members)
    ]
    return [[float(counts[prompt]) for prompt in asked] for counts in drawn]


def count_responses(rankings: Sequence[Ranking]) -> int:
    """How many responses, and so feature rows, the rankings hold."""
    return sum(len(row.responses) for row in rankings)


def fit_head(
    model: RewardModel,
    rankings: Sequence[Ranking],
    features: torch.Tensor,
    thumbs: Thumbs = NO_THUMBS,
    *,
    seed: int = 0,
) -> float:
    """Fit each member's linear head from zero; their L2 penalty, picked by cross-validation.

    features: of the rankings' responses, then of those that only thumbs are on.
    The penalised loss is convex, so the seed only decides which prompts the members of an
    ensemble draw.
    """
    with torch.no_grad():
        model.standardise_features(features)
    standard = ((features - model.center) / model.scale).clone()
    penalty = pick_penalty(rankings, standard, thumbs)
    shares = resampled(rankings, model.settings.ensemble, seed, thumbs.groups)
    sizes = sizes_of(rankings, thumbs)
    fitted = [
        fit_weights(
            standard,
            all_pairs(rankings, share[: len(rankings)]).to(standard.device),
            penalty,
            thumbs.marks(sizes, share).to(standard.device),
        )
        for share in shares
    ]
    with torch.no_grad():
        model.head.weight.copy_(torch.stack([weights for weights, _ in fitted]))
        model.head.bias.copy_(torch.stack([bias for _, bias in fitted]))
    return penalty


def fit_weights(
    standard: torch.Tensor, pairs: Pairs, penalty: float, marks: Marks = NO_MARKS
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights (F,) and bias () that minimise the losses plus penalty/2 times the weights' square.

    The bias serves thumbs alone and is not penalised.
    """
    weights = torch.zeros(standard.shape[1], device=standard.device, requires_grad=True)
    bias = torch.zeros((), device=standard.device, requires_grad=True)
    solver = torch.optim.LBFGS([weights, bias], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        solver.zero_grad()
        scores = standard @ weights
        loss = ranking_loss(scores, pairs) + penalty / 2 * weights.square().sum()
        if len(marks.at):
            loss = loss + thumbs_loss(scores + bias, marks)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    solver.step(closure)  # type: ignore[no-untyped-call]
    return weights.detach(), bias.detach()


def pick_penalty(
    rankings: Sequence[Ranking], standard: torch.Tensor, thumbs: Thumbs = NO_THUMBS
) -> float:
    """The L2 penalty with the least held-out ranking loss in cross-validation by prompt."""
    prompts = [str(row.prompt) for row in rankings] + [str(prompt) for prompt, _ in thumbs.groups]
    numbers = {text: i for i, text in enumerate(dict.fromkeys(prompts))}
    folds = [numbers[prompt] % FOLDS for prompt in prompts]
    ranked, sizes = folds[: len(rankings)], sizes_of(rankings, thumbs)
    losses = dict.fromkeys(PENALTIES, 0.0)
    for fold in sorted(set(ranked)):
        kept = [float(of != fold) for of in folds]
        held = [float(of == fold) for of in ranked]
        if all(held):
            return PENALTIES[-1]
        inside = all_pairs(rankings, kept[: len(rankings)]).to(standard.device)
        outside = all_pairs(rankings, held).to(standard.device)
        marks = thumbs.marks(sizes, kept).to(standard.device)
        for penalty in PENALTIES:
            weights, _ = fit_weights(standard, inside, penalty, marks)
            losses[penalty] += float(ranking_loss(standard @ weights, outside)) * sum(held)
    return min(losses, key=losses.__getitem__)


def sizes_of(rankings: Sequence[Ranking], thumbs: Thumbs) -> list[int]:
    """How many responses each group has: the rankings', then the thumbs' own."""
    return [len(texts) for _, texts in [*as_groups(rankings), *thumbs.groups]]


def train_adapters(
    model: RewardModel,
    rankings: Sequence[Ranking],
    config: settings.Reward,
    report: Callable[..., None],
    output: Output | None = None,
    thumbs: Thumbs = NO_THUMBS,
) -> None:
    """Train LoRA adapters and all heads together by AdamW, then merge the adapters.

    Nothing but the order of the groups is drawn at random, so a run that goes on needs the
    weights, the optimiser and the number of steps, and skips the batches that it has taken.
    """
    lora = LoraConfig(r=config.lora_rank, lora_alpha=2 * config.lora_rank)
    lora.target_modules = "all-linear"
    model.backbone = get_peft_model(model.backbone, lora)
    learned = [value for value in model.parameters() if value.requires_grad]
    solver = torch.optim.AdamW(learned, lr=config.learning_rate)
    groups = [*as_groups(rankings), *thumbs.groups]
    shares = resampled(rankings, model.settings.ensemble, config.seed, thumbs.groups)
    sizes = sizes_of(rankings, thumbs)
    order = list(range(len(groups)))
    shuffler = random.Random(config.seed)
    steps = config.epochs * len(batches(order, sizes, config.batch_rows))
    taken = load_step(model, solver, output) if output else 0
    step = 0
    model.train()
    for _ in range(config.epochs):
        shuffler.shuffle(order)
        cut = batches(order, sizes, config.batch_rows)
        for mixed in cut:
            step += 1
            if step <= taken:
                continue
            # Pairs number the responses of rankings, so these come first.
            ranked = [index for index in mixed if index < len(rankings)]
            batch = ranked + [index for index in mixed if index >= len(rankings)]
            scores = model.raw_members(model.features([groups[index] for index in batch]))
            loss = members_loss(
                scores,
                [rankings[index] for index in ranked],
                [[share[index] for index in ranked] for share in shares],
                [thumbs.marks(sizes, share, batch, len(cut)) for share in shares],
            )
            figures = {"loss": float(loss.detach())}
            if ranked:
                pairs = all_pairs([rankings[index] for index in ranked]).to(scores.device)
                figures |= pair_figures(scores.detach().mean(-1), pairs)
            report(step, steps, **figures)
            solver.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(learned, 1.0)
            solver.step()
            if output is not None:
                keep_step(model, solver, output, step, last=step == steps)
    model.backbone = model.backbone.merge_and_unload()
    model.eval()


def keep_step(
    model: RewardModel, solver: torch.optim.Optimizer, output: Output, step: int, *, last: bool
) -> None:
    """Keep what `load_step` reads, if it is time for it or the training is done."""
    if output.state is None or not (output.state.is_due() or (last and output.state.every_s)):
        return
    learned = {name: value for name, value in model.named_parameters() if value.requires_grad}

    def write(folder: Path) -> None:
        torch.save({"learned": learned, "solver": solver.state_dict()}, folder / "training.pt")

    output.keep("training", step, write)


def load_step(model: RewardModel, solver: torch.optim.Optimizer, output: Output) -> int:
    """Take up the training that an earlier process kept; how many steps it had made."""
    entries = output.state.entries("training") if output.state else []
    if not entries:
        return 0
    device = model.head.weight.device
    found = torch.load(entries[-1] / "training.pt", map_location=device, weights_only=True)
    model.load_state_dict(found["learned"], strict=False)
    solver.load_state_dict(found["solver"])
    return int(entries[-1].suffix[1:])


def members_loss(
    scores: torch.Tensor,
    rows: Sequence[Ranking],
    shares: Sequence[Sequence[float]],
    marks: Sequence[Marks],
) -> torch.Tensor:
    """The mean over members of their ranking loss and their thumbs' term; scores (R, members).

    A member that has drawn none of the rows has a loss of 0.
    """
    losses = []
    for own, share, thumbed in zip(scores.unbind(1), shares, marks, strict=True):
        loss = thumbs_loss(own, thumbed.to(scores.device))
        if any(share):
            loss = loss + ranking_loss(own, all_pairs(rows, share).to(scores.device))
        losses.append(loss)
    return torch.stack(losses).mean()


def standardise(model: RewardModel, features: torch.Tensor) -> None:
    """Put scores on the scale of the training responses: mean 0, deviation 1."""
    with torch.no_grad():
        # Where a member's thumbs turn is no score: it would count as doubt between members.
        model.head.bias.zero_()
        scores = model.raw_scores(features)
        model.shift.copy_(scores.mean())
        model.spread.copy_(scores.std().clamp(min=1e-6))


def evaluate(
    model: RewardModel,
    train: Sequence[Ranking],
    test: Sequence[Ranking],
    features: torch.Tensor,
) -> dict[str, Any]:
    """Accuracy on the training split, and what `reward_report` tells of the test split."""
    with torch.inference_mode():
        raw = model.raw_members(features)
    sizes = [len(row.responses) for row in [*train, *test]]
    values = [part.tolist() for part in torch.split(raw.mean(-1), sizes)]
    members = torch.split(raw / model.spread, sizes)[len(train) :]
    return {
        "train_accuracy": pairwise_accuracy(train, values[: len(train)]).rate,
        "train_rankings": len(train),
        "test_rankings": len(test),
        **held_out(train, test, values[len(train) :]),
        "ensemble": disagreement(test, [part.tolist() for part in members]),
    }


def plain(metrics: dict[str, Any]) -> dict[str, float]:
    """The finite numbers among them."""
    numbers = {name: one for name, one in metrics.items() if isinstance(one, int | float)}
    return {name: float(one) for name, one in numbers.items() if math.isfinite(one)}
