"""Which updated contenders are fit to enter battles: fluency first, then reward.

A reward model can be gamed: with no leash a policy reached a 91 % win rate here while its text
decayed. So most rules look at what the reward model does not see, each against the base's own
value on the same prompts. A policy that its own reward model does not prefer has learnt nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rlhf.training.evaluation import Evaluation


def N_(text: str) -> str:  # the name that gettext's tools look for
    """Marks a text for translation; pages show it in the reader's language."""
    return text


UNLIKELY = N_(
    "Its text is unlikely under the base: %(nll)s nats per token against %(base)s "
    "(at most %(allowed)s more is allowed)."
)
REPETITIVE = N_(
    "It repeats itself: %(share)s of its 4-grams against %(base)s "
    "(at most %(allowed)s more is allowed)."
)
LENGTH_CHANGED = N_(
    "Its length changed too much: %(length)s tokens against %(base)s "
    "(%(low)s to %(high)s times the base's is allowed)."
)
COLLAPSED = N_(
    "Its variety collapsed: entropy %(entropy)s against %(base)s "
    "(at least %(least)s times the base's is required)."
)
LOSES = N_(
    "It loses to its base: %(rate)s wins by the reward model (at least %(least)s is required)."
)
REWARD_FELL = N_("Its reward fell: %(reward)s against %(base)s.")
REASONS = (UNLIKELY, REPETITIVE, LENGTH_CHANGED, COLLAPSED, LOSES, REWARD_FELL)


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
            UNLIKELY
            % {
                "nll": f"{policy.nll:.2f}",
                "base": f"{base.nll:.2f}",
                "allowed": f"{rules.nll_rise:.2f}",
            }
        )
    if not policy.repetition <= base.repetition + rules.repetition_rise:
        reasons.append(
            REPETITIVE
            % {
                "share": f"{policy.repetition:.1%}",
                "base": f"{base.repetition:.1%}",
                "allowed": f"{rules.repetition_rise:.1%}",
            }
        )
    if not rules.length_low * base.length <= policy.length <= rules.length_high * base.length:
        reasons.append(
            LENGTH_CHANGED
            % {
                "length": f"{policy.length:.0f}",
                "base": f"{base.length:.0f}",
                "low": f"{rules.length_low:g}",
                "high": f"{rules.length_high:g}",
            }
        )
    if not policy.entropy >= rules.entropy_low * base.entropy:
        reasons.append(
            COLLAPSED
            % {
                "entropy": f"{policy.entropy:.2f}",
                "base": f"{base.entropy:.2f}",
                "least": f"{rules.entropy_low:g}",
            }
        )
    if evaluation.win_rate is not None and not evaluation.win_rate >= rules.win_rate:
        reasons.append(
            LOSES % {"rate": f"{evaluation.win_rate:.0%}", "least": f"{rules.win_rate:.0%}"}
        )
    if policy.reward is not None and base.reward is not None and policy.reward < base.reward:
        reasons.append(
            REWARD_FELL % {"reward": f"{policy.reward:.2f}", "base": f"{base.reward:.2f}"}
        )
    return not reasons, reasons
