"""Looks at a policy while it is trained: what it says, beside its base, and what that costs.

At a few steps, evenly spread, it answers the same held-out prompts with the same dice. Its
responses go to samples.jsonl, their figures to metrics.jsonl (phase `checkpoints`; step 0 is the
base), and its weights are kept as long as `choosing` may want them. The prompts are not those of
the final evaluation, for a choice flatters what it was made on.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import TrainerCallback

from rlhf.training import settings
from rlhf.training.choosing import Point, choose, rule_of, still_needed
from rlhf.training.evaluation import (
    Evaluation,
    Likelihoods,
    TextQuality,
    divergence,
    likelihoods,
    text_quality,
)
from rlhf.training.gate import may_enter, rules_of
from rlhf.training.sampling import Completion

if TYPE_CHECKING:
    from rlhf.training.data import Prompt
    from rlhf.training.policies import Policy
    from rlhf.training.update import Update

PHASE, ENTRY = "checkpoints", "look"
PROMPTS = 8
WEIGHTS, FIGURES = "weights.pt", "point.json"


@dataclass(frozen=True)
class Seen:
    """A response to each prompt of the looks, and figures."""

    responses: tuple[Completion, ...]
    rewards: tuple[float, ...]
    quality: TextQuality


class Looks:
    """The looks at one run's policy."""

    def __init__(self, update: Update) -> None:
        self.update = update
        self.prompts, _ = divided(update.test)
        self._asked = [prompt.messages for prompt in self.prompts]
        self._base: Seen | None = None

    def begin(self) -> None:
        """Look at the base, unless an earlier process of this run did so before it trained."""
        state = self.update.output.state
        if state is None or not state.entries("training-0"):
            self._report(0, 0, self._base_seen(), kl=0.0, within=True)

    def look(self, step: int, total: int) -> None:
        """Draw, measure and write down what the policy is after `step` of `total` steps."""
        base = self._base_seen()
        responses = self._draw(self.update.policy)
        own = self._likelihoods(self.update.policy, responses)
        with self.update.base() as untrained:
            under_base = self._likelihoods(untrained, responses)
        seen = self._seen(responses, under_base.nll, own.entropy)
        # Without rewards the gate looks at the damage alone; few prompts do for a choice.
        damage = Evaluation(len(self.prompts), seen.quality, base.quality)
        within, _ = may_enter(damage, replace(rules_of(self.update.config), prompts=1))
        self._report(step, total, seen, divergence(own, under_base), within)
        self._show(step, total, seen, base)
        self._keep(Point(step, within, seen.rewards))

    def _base_seen(self) -> Seen:
        if self._base is None:
            with self.update.base() as untrained:
                responses = self._draw(untrained)
                own = self._likelihoods(untrained, responses)
            self._base = self._seen(responses, own.nll, own.entropy)
        return self._base

    def _draw(self, model: Policy) -> tuple[Completion, ...]:
        seed = self.update.config.seed + 2
        rows = self.update.draw(self._asked, n=1, seed=seed, model=model)
        return tuple(row[0] for row in rows)

    def _likelihoods(self, model: Policy, responses: Sequence[Completion]) -> Likelihoods:
        return likelihoods(model, self.update.tokenizer, self._asked, responses)

    def _seen(self, responses: tuple[Completion, ...], nll: float, entropy: float) -> Seen:
        rewards: tuple[float, ...] = ()
        if self.update.reward is not None:
            texts = zip(self._asked, responses, strict=True)
            scores = self.update.reward.score([(asked, [one.text]) for asked, one in texts])
            rewards = tuple(score[0] for score in scores)
        return Seen(responses, rewards, text_quality(responses, nll, entropy))

    def _report(self, step: int, total: int, seen: Seen, kl: float, within: bool) -> None:
        quality = seen.quality
        figures = {
            "reward": sum(seen.rewards) / len(seen.rewards) if seen.rewards else None,
            "nll": quality.nll,
            "kl": kl,
            "entropy": quality.entropy,
            "repetition": quality.repetition,
            "length": quality.length,
            "within_limits": float(within),
        }
        told = {name: v for name, v in figures.items() if v is not None and math.isfinite(v)}
        later = self.update.config.checkpoints * rounds_of(self.update.config)
        done = (1 + later * step / max(1, total)) / (1 + later)  # the base's look is one as well
        self.update.output.aside(PHASE, step, total, told, done)

    def _show(self, step: int, total: int, seen: Seen, base: Seen) -> None:
        """Each response beside the base's."""
        for place, prompt in enumerate(self.prompts):
            line: dict[str, Any] = {"step": step, "total": total, "prompt": prompt.text}
            line |= {"base": base.responses[place].text, "new": seen.responses[place].text}
            if seen.rewards:
                line |= {"reward_base": base.rewards[place], "reward_new": seen.rewards[place]}
            self.update.output.sample(line)

    def _keep(self, point: Point) -> None:
        """Keep the weights with their figures; let go of those that cannot be chosen any more."""
        state = self.update.output.state
        if state is None:
            return

        def write(folder: Path) -> None:
            torch.save(learned(self.update.policy), folder / WEIGHTS)
            told = {"within": point.within, "rewards": point.rewards}
            (folder / FIGURES).write_text(json.dumps(told))

        state.keep(ENTRY, point.step, write, alone=False)
        entries = kept_points(state.entries(ENTRY))
        needed = still_needed([kept for kept, _ in entries]) if entries else set()
        for kept, entry in entries:
            if kept.step not in needed:
                (entry / WEIGHTS).unlink(missing_ok=True)


class Look(TrainerCallback):  # type: ignore[misc]
    """Looks at evenly spread steps of a training, the last one among them."""

    def __init__(self, looks: Looks, times: int, turn: int) -> None:
        self._looks, self._times, self._turn = looks, times, turn

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """A run that goes on after this step need not look again, so its state is kept as well."""
        if state.global_step not in spread(state.max_steps, self._times):
            return
        if state.is_world_process_zero:
            before = self._turn * state.max_steps
            whole = rounds_of(self._looks.update.config) * state.max_steps
            self._looks.look(before + state.global_step, whole)
        kept = self._looks.update.output.state
        control.should_save = control.should_save or bool(kept and kept.every_s)


def rounds_of(config: settings.Policy) -> int:
    """How often it is trained, with looks each time."""
    return config.rounds if isinstance(config, settings.BestOfN) else 1


def spread(steps: int, times: int) -> set[int]:
    """At most `times` steps with equal distances, the last one among them."""
    return {math.ceil(steps * number / times) for number in range(1, times + 1)}


def divided(test: Sequence[Prompt]) -> tuple[list[Prompt], list[Prompt]]:
    """Held-out prompts for looks, a quarter at most, and for the evaluation: the same each time.

    A single one serves both.
    """
    order = random.Random(0).sample(test, len(test))
    count = min(PROMPTS, max(1, len(order) // 4))
    return order[:count], order[count:] or order


def keep_best(update: Update) -> dict[str, Any]:
    """Give the policy the weights of the checkpoint that the rule chooses; what was chosen, why."""
    entries = kept_points(update.output.state.entries(ENTRY) if update.output.state else [])
    # Without its weights, which a full disk may have kept out, a checkpoint is no choice.
    found = [(point, entry) for point, entry in entries if (entry / WEIGHTS).is_file()]
    if not found:
        return {}
    points = [point for point, _ in found]
    chosen, reason = choose(points)
    entry = next(entry for point, entry in found if point is chosen)
    restore(update.policy, torch.load(entry / WEIGHTS, weights_only=True))
    kept = {"step": chosen.step, "of": points[-1].step, "reason": reason}
    return {"kept": kept | {"rule": rule_of(points)}}


def kept_points(entries: Sequence[Path]) -> list[tuple[Point, Path]]:
    """The points of entries, in the order of training."""
    found = []
    for entry in entries:
        told = json.loads((entry / FIGURES).read_text())
        rewards = tuple(float(value) for value in told["rewards"])
        found.append((Point(int(entry.suffix[1:]), bool(told["within"]), rewards), entry))
    return found


def learned(policy: Any) -> dict[str, torch.Tensor]:
    """The weights that are trained, by name."""
    return {n: value.detach() for n, value in policy.named_parameters() if value.requires_grad}


@torch.no_grad()
def restore(policy: Any, weights: dict[str, torch.Tensor]) -> None:
    """Put back what `learned` gave."""
    named = dict(policy.named_parameters())
    for name, value in weights.items():
        named[name].copy_(value)
