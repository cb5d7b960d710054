"""Stage `dpo`: direct preference optimisation, best against worst of n samples, or from rankings.

Rafailov et al. 2023, arXiv:2305.18290. The weight `sft_weight` adds the likelihood of the chosen
response to the loss (Pang et al. 2024, arXiv:2404.19733), which keeps it from becoming less likely
together with the rejected one. The reference is the policy with its adapters off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from rlhf.training import settings
from rlhf.training.best_of_n import draw_scored, selection_gain
from rlhf.training.data import Ranking, read_rankings, split_of
from rlhf.training.errors import InputError
from rlhf.training.trainers import ProgressCallback, Report, trainer_arguments
from rlhf.training.update import Update, close_update, open_update

PHASES = {"sampling": 0.4, "scoring": 0.1, "training": 0.35}


@dataclass(frozen=True)
class Pair:
    """A prompt with a better and a worse response, as chat messages."""

    prompt: list[dict[str, str]]
    chosen: str
    rejected: str


def main(config: settings.Dpo) -> None:
    """Make the pairs, optimise, then evaluate and publish."""
    if not config.rankings and not config.reward_model:
        raise InputError(
            "Neither rankings nor reward_model is given.", "Name one of them in the config."
        )
    update = open_update(config, PHASES)
    metrics: dict[str, float] = {}
    if config.rankings:
        pairs = pairs_from_rankings(split_of(read_rankings(config.rankings), "train"))
    else:
        scored = draw_scored(update, config.n, config.train_prompts)
        metrics["selection_gain"] = selection_gain(scored)
        pairs = [
            Pair(row.prompt.messages, row.extreme(max).text, row.extreme(min).text)
            for row in scored
        ]
    if len(pairs) < 2:
        raise InputError("There are fewer than two preferences.", "Collect more votes.")
    with update.output.phase("training") as report:
        prefer(update, pairs, config, report)
    close_update(update, "dpo", {**metrics, "pairs": len(pairs)})


def pairs_from_rankings(rankings: Sequence[Ranking]) -> list[Pair]:
    """The best against the worst response of each ranking that has both."""
    pairs: list[Pair] = []
    for row in rankings:
        places = range(len(row.ranks))
        best = min(places, key=row.ranks.__getitem__)
        worst = max(places, key=row.ranks.__getitem__)
        if row.ranks[best] < row.ranks[worst]:
            pairs.append(Pair(row.prompt, row.responses[best], row.responses[worst]))
    return pairs


def prefer(update: Update, pairs: Sequence[Pair], config: settings.Dpo, report: Report) -> None:
    """Optimise the policy on pairs by TRL's DPOTrainer."""
    rows = [
        {
            "prompt": pair.prompt,
            "chosen": [{"role": "assistant", "content": pair.chosen}],
            "rejected": [{"role": "assistant", "content": pair.rejected}],
        }
        for pair in pairs
    ]
    names = {"loss": "loss", "rewards/accuracies": "accuracy", "rewards/margins": "margin"}
    with trainer_arguments(config, update.policy.device) as shared:
        arguments = DPOConfig(
            **shared,
            beta=config.beta,
            loss_type=["sigmoid", "sft"] if config.sft_weight else ["sigmoid"],
            loss_weights=[1.0, config.sft_weight] if config.sft_weight else None,
            max_length=None,
        )
        trainer = DPOTrainer(
            model=update.policy,
            args=arguments,
            train_dataset=Dataset.from_list(rows),
            processing_class=update.tokenizer,
            callbacks=[ProgressCallback(report, names)],
        )
        trainer.train()
