"""Stage `grpo`: group relative policy optimisation against the reward model, by TRL's GRPOTrainer.

Shao et al. 2024, arXiv:2402.03300; with `baseline` leave-one-out the advantages are those of RLOO,
Ahmadian et al. 2024, arXiv:2402.14740. `beta` weighs the divergence from the base; without it the
policy exploits the reward model (docs/decisions/0004-default-update.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datasets import Dataset
from trl import GRPOConfig

from rlhf.training import settings
from rlhf.training.distributed import share
from rlhf.training.resumable import ResumableGRPO
from rlhf.training.reward_model import RewardModel
from rlhf.training.trainers import ProgressCallback, Report, largest_part, trainer_arguments
from rlhf.training.update import Update, close_update, open_update

NAMES = {
    "loss": "loss",
    "rewards/reward/mean": "reward",  # before its weight
    "kl": "kl",
    "entropy": "entropy",
    "completions/mean_length": "length",
}


def main(config: settings.Grpo) -> None:
    """Optimise, then evaluate and publish."""
    update = open_update(config, {"training": 0.87})
    with update.output.phase("training") as report:
        optimise(update, config, report)
    close_update(update, "grpo", {"steps": config.steps})


def optimise(update: Update, config: settings.Grpo, report: Report) -> None:
    """Sample groups of n, move towards the responses whose reward is above their baseline."""
    rows = [{"prompt": prompt.messages} for prompt in update.train]
    with trainer_arguments(config, update.policy.device) as shared:
        rows_per_step = share(config.prompts_per_step * config.n, "prompts_per_step × n")
        # All are sampled at once; gradients are taken in parts, whose logits fill the memory.
        shared |= {"per_device_train_batch_size": largest_part(rows_per_step, config.batch_size)}
        arguments = GRPOConfig(
            **shared,
            gradient_accumulation_steps=rows_per_step // shared["per_device_train_batch_size"],
            max_steps=config.steps,
            num_generations=config.n,
            max_completion_length=config.max_new_tokens,
            temperature=config.temperature,
            top_k=config.top_k,
            top_p=config.top_p,
            beta=config.beta,
            **advantages(config.baseline, config.n),
            use_vllm=config.rollouts == "vllm",
            vllm_mode="colocate",
        )
        trainer = ResumableGRPO(
            model=update.policy,
            reward_funcs=reward_function(update.reward_model),
            args=arguments,
            train_dataset=Dataset.from_list(rows),
            processing_class=update.tokenizer,
            callbacks=[ProgressCallback(report, NAMES)],
        )
        trainer.train_update(update)


def advantages(baseline: str, n: int) -> dict[str, Any]:
    """What TRL is told so that it makes these advantages of the rewards of a group of n.

    group: minus the group's mean, over its standard deviation. leave-one-out: minus the mean of the
    others, which is n/(n-1) times the distance from the mean of all.
    """
    if baseline == "group":
        return {"scale_rewards": "group"}
    return {"scale_rewards": "none", "reward_weights": [n / (n - 1)]}


def reward_function(model: RewardModel) -> Any:
    """The reward model as TRL calls it: one score per (conversation, answer)."""

    def reward(prompts: Sequence[Any], completions: Sequence[Any], **_: Any) -> list[float]:
        groups = [
            (prompt, [answer[0]["content"]])
            for prompt, answer in zip(prompts, completions, strict=True)
        ]
        return [values[0] for values in model.score(groups)]

    return reward
