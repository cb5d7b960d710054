"""Responses to choose among: n samples for each prompt with their rewards.

A reward model has hardly seen text that decays, and a sharpened policy repeats itself more. So two
penalties come off a response's reward before any is chosen: `repetition_penalty` times its share of
repeated 4-grams, and `nll_penalty` times its nats per token under the policy that drew it, which is
a leash as the divergence from the base is in reinforcement learning (Ziegler et al. 2019,
arXiv:1909.08593). They cost little reward, since many responses are about as good as the best one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rlhf.training import settings
from rlhf.training.data import Prompt
from rlhf.training.evaluation import repetition
from rlhf.training.pieces import Pieces
from rlhf.training.sampling import Completion
from rlhf.training.update import Update


@dataclass(frozen=True)
class Scored:
    """A prompt with its sampled responses and their rewards, penalties taken off."""

    prompt: Prompt
    responses: tuple[Completion, ...]
    rewards: tuple[float, ...]

    def ranked(self) -> list[Completion]:
        """The responses, the one with the highest reward first."""
        places = range(len(self.rewards))
        order = sorted(places, key=self.rewards.__getitem__, reverse=True)
        return [self.responses[place] for place in order]


def draw_scored(
    update: Update, config: settings.Contrast, turn: int = 0, turns: int = 1
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
            pieces=Pieces(update.output, f"sampling-{turn}"),
        )
    update.output.count("sampling", sum(len(one.tokens) for row in drawn for one in row))
    with update.output.phase("scoring") as report:
        rewards = reward.score(
            [
                (prompt.messages, [response.text for response in responses])
                for prompt, responses in zip(prompts, drawn, strict=True)
            ],
            on_progress=in_turn(report, turn, turns),
            pieces=Pieces(update.output, f"scoring-{turn}"),
        )
    return [
        Scored(prompt, tuple(responses), penalised(responses, values, config))
        for prompt, responses, values in zip(prompts, drawn, rewards, strict=True)
    ]


def penalised(
    responses: Sequence[Completion], rewards: Sequence[float], config: settings.Contrast
) -> tuple[float, ...]:
    """Rewards less what repetition and unlikely text cost."""
    return tuple(
        reward
        - config.repetition_penalty * repetition(response.text)
        - config.nll_penalty * response.nll
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
