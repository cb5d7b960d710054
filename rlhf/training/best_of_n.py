"""Stage `best-of-n`: sample n responses per prompt, imitate the one the reward model likes best.

Best-of-n distillation (also called rejection sampling fine-tuning: Touvron et al. 2023,
arXiv:2307.09288, section 3.2.3; RAFT: Dong et al. 2023, arXiv:2304.06767). The targets are the
policy's own text, so it stays fluent where policy gradients drift. With several rounds each
samples from the policy that the round before left.

A reward model has hardly seen text that repeats itself, and a sharpened policy repeats itself more.
So a response pays `repetition_penalty` times its share of repeated 4-grams before any is chosen.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rlhf.training import settings
from rlhf.training.data import Prompt
from rlhf.training.evaluation import repetition
from rlhf.training.sampling import Completion
from rlhf.training.trainers import demonstration, imitate
from rlhf.training.update import Update, close_update, open_update

PHASES = {"sampling": 0.5, "scoring": 0.1, "training": 0.25}


@dataclass(frozen=True)
class Scored:
    """A prompt with its sampled responses and their rewards, penalties taken off."""

    prompt: Prompt
    responses: tuple[Completion, ...]
    rewards: tuple[float, ...]

    def extreme(self, pick: Callable[..., int]) -> Completion:
        """The response with the highest (`max`) or lowest (`min`) reward."""
        place = pick(range(len(self.rewards)), key=self.rewards.__getitem__)
        return self.responses[place]


def main(config: settings.BestOfN) -> None:
    """Run the rounds, then evaluate and publish."""
    update = open_update(config, PHASES)
    gains: list[float] = []
    for turn in range(config.rounds):
        scored = draw_scored(update, config, turn, config.rounds)
        gains.append(selection_gain(scored))
        chosen = [demonstration(row.prompt.messages, row.extreme(max)) for row in scored]
        with update.output.phase("training") as report:
            imitate(
                update.policy,
                update.tokenizer,
                chosen,
                config,
                in_turn(report, turn, config.rounds),
            )
    close_update(update, "best-of-n", {"selection_gain": gains})


def draw_scored(
    update: Update, config: settings.Selection, turn: int = 0, turns: int = 1
) -> list[Scored]:
    """Sample n responses to each of `train_prompts` prompts and score them."""
    reward = update.reward_model
    # Drawn, not the first ones: a library is often sorted by category.
    dice = random.Random(1000 * config.seed + turn)
    prompts = dice.sample(update.train, min(config.train_prompts, len(update.train)))
    with update.output.phase("sampling") as report:
        drawn = update.draw(
            [prompt.messages for prompt in prompts],
            n=config.n,
            seed=config.seed + 1000 * (turn + 1),
            on_progress=in_turn(report, turn, turns),
        )
    with update.output.phase("scoring") as report:
        rewards = reward.score(
            [
                (prompt.messages, [response.text for response in responses])
                for prompt, responses in zip(prompts, drawn, strict=True)
            ],
            on_progress=in_turn(report, turn, turns),
        )
    return [
        Scored(prompt, tuple(responses), penalised(responses, values, config.repetition_penalty))
        for prompt, responses, values in zip(prompts, drawn, rewards, strict=True)
    ]


def penalised(
    responses: Sequence[Completion], rewards: Sequence[float], penalty: float
) -> tuple[float, ...]:
    """Rewards less `penalty` times each response's share of repeated 4-grams."""
    return tuple(
        reward - penalty * repetition(response.text)
        for response, reward in zip(responses, rewards, strict=True)
    )


def selection_gain(scored: Sequence[Scored]) -> float:
    """Mean reward of the best responses above the mean of all."""
    gaps = [max(row.rewards) - sum(row.rewards) / len(row.rewards) for row in scored]
    return sum(gaps) / len(gaps)


def in_turn(report: Callable[..., None], turn: int, turns: int) -> Callable[..., None]:
    """A report for one of several equal rounds of the same phase."""

    def shifted(step: int, total: int, **metrics: float) -> None:
        report(turn * total + step, turns * total, **metrics)

    return shifted
