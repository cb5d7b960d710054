"""Which updated contenders are fit to enter battles: fluency first, then reward.

A reward model can be gamed: with no leash a policy reached a 91 % win rate here while its text
decayed. So most rules look at what the reward model does not see, each against the base's own
value on the same prompts. A policy that its own reward model does not prefer has learnt nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from rlhf.training.evaluation import Evaluation


@dataclass(frozen=True)
class GateRules:
    """Limits of what an update may cost.

    nll_rise: nats per token under the base above the base's own samples. repetition_rise:
    absolute rise of the share of repeated 4-grams. length_low, length_high: mean length over the
    base's. entropy_low: entropy over the base's. win_rate: least share of wins by the reward
    model, where there is one; there the mean reward must not fall either.
    """

    nll_rise: float = 0.3
    repetition_rise: float = 0.05
    length_low: float = 0.3
    length_high: float = 2.0
    entropy_low: float = 0.4
    win_rate: float = 0.5


def may_enter(evaluation: Evaluation, rules: GateRules | None = None) -> tuple[bool, list[str]]:
    """Whether the policy may enter battles, and every rule that it breaks in plain words."""
    rules = rules or GateRules()
    policy, base = evaluation.policy, evaluation.base
    reasons: list[str] = []
    if not policy.nll <= base.nll + rules.nll_rise:
        reasons.append(
            f"Its text is unlikely under the base: {policy.nll:.2f} nats per token against "
            f"{base.nll:.2f} (at most {rules.nll_rise:.2f} more is allowed)."
        )
    if not policy.repetition <= base.repetition + rules.repetition_rise:
        reasons.append(
            f"It repeats itself: {policy.repetition:.1%} of its 4-grams against "
            f"{base.repetition:.1%} (at most {rules.repetition_rise:.1%} more is allowed)."
        )
    if not rules.length_low * base.length <= policy.length <= rules.length_high * base.length:
        reasons.append(
            f"Its length changed too much: {policy.length:.0f} tokens against {base.length:.0f} "
            f"({rules.length_low:g} to {rules.length_high:g} times the base's is allowed)."
        )
    if not policy.entropy >= rules.entropy_low * base.entropy:
        reasons.append(
            f"Its variety collapsed: entropy {policy.entropy:.2f} against {base.entropy:.2f} "
            f"(at least {rules.entropy_low:g} times the base's is required)."
        )
    if evaluation.win_rate is not None and not evaluation.win_rate >= rules.win_rate:
        reasons.append(
            f"It loses to its base: {evaluation.win_rate:.0%} wins by the reward model "
            f"(at least {rules.win_rate:.0%} is required)."
        )
    if policy.reward is not None and base.reward is not None and policy.reward < base.reward:
        reasons.append(f"Its reward fell: {policy.reward:.2f} against {base.reward:.2f}.")
    return not reasons, reasons
