"""Which updated contenders are fit to enter battles: fluency first, then reward.

A reward model can be gamed: with no leash a policy reached a 91 % win rate here while its text
decayed. So most rules look at what the reward model does not see, each against the base's own
value on the same prompts. A policy that its own reward model does not prefer has learnt nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from rlhf.training.errors import N_

if TYPE_CHECKING:
    from rlhf.training import settings
    from rlhf.training.evaluation import Evaluation


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
REWARD_UNCLEAR = N_(
    "Its reward shows no clear change: it is lower by %(loss)s with a standard error of %(error)s "
    "(a gain of at least %(needed)s is required)."
)
REWARD_EQUAL = N_("Its reward is the same as its base's: %(reward)s.")
WITHIN_NOISE = N_(
    "Its reward may have risen by chance: by %(gain)s "
    "(at least %(needed)s is required, which is %(errors)s standard errors)."
)
ALIKE = N_(
    "Its responses became alike: %(distinct)s distinct word pairs against %(base)s "
    "(at least %(least)s times the base's is required)."
)
DOUBTED = N_(
    "Its reward is doubtful: the reward model's members differ by %(spread)s against %(base)s "
    "(at most %(allowed)s times the base's is allowed)."
)
FEW_PROMPTS = N_(
    "It was judged on too few held-out prompts to enter by itself: %(prompts)s "
    "(at least %(least)s are required)."
)
UNCHANGED = N_("It answers exactly as its base does: nothing was learnt.")
REASONS = (
    UNLIKELY, REPETITIVE, LENGTH_CHANGED, COLLAPSED, LOSES, REWARD_FELL, REWARD_UNCLEAR,
    REWARD_EQUAL, WITHIN_NOISE, ALIKE, DOUBTED, FEW_PROMPTS, UNCHANGED,
)  # fmt: skip
CLEAR = 1.96  # standard errors: the 95 % interval of a difference just leaves zero
CLEAR_GAIN = 1.64  # of a gain alone, which chance makes as large in 5 % of the cases


@dataclass(frozen=True)
class GateRules:
    """Limits of what an update may cost. A run is told its own: settings that begin with `gate_`.

    prompts: fewest held-out prompts on which it was judged; on fewer all other figures are noise.
    nll_rise: nats per token under the base above the base's own samples. repetition_rise:
    absolute rise of the share of repeated 4-grams. length_low, length_high: mean length over the
    base's. entropy_low, distinct_low: entropy and share of distinct word pairs over the base's.
    Where there is a reward model, win_rate: least share of wins by it; reward_errors: standard
    errors by which the mean reward must exceed the base's. Where it is an ensemble, spread_high:
    spread among its members over that for the base's responses.
    """

    prompts: int = 16
    nll_rise: float = 0.3
    repetition_rise: float = 0.05
    length_low: float = 0.3
    length_high: float = 2.0
    entropy_low: float = 0.4
    win_rate: float = 0.5
    reward_errors: float = CLEAR_GAIN
    distinct_low: float = 0.6
    spread_high: float = 1.5


@dataclass(frozen=True)
class Check:
    """One rule and what was measured: the figure lies from `least` to `most`, or it is broken.

    `error`: one standard error of the difference from `base`, 0 where none is known.
    """

    rule: str
    figure: float
    base: float | None = None
    least: float | None = None
    most: float | None = None
    error: float = 0.0

    @property
    def passed(self) -> bool:
        """A figure that is no number has not passed."""
        above = self.least is None or self.figure >= self.least
        return above and (self.most is None or self.figure <= self.most)

    def as_dict(self) -> dict[str, str | float | bool | None]:
        """What summary.json keeps of it."""
        return {
            "rule": self.rule,
            "figure": self.figure,
            "base": self.base,
            "least": self.least,
            "most": self.most,
            "passed": self.passed,
        }


def rules_of(config: settings.Policy) -> GateRules:
    """The limits that a run was given."""
    return GateRules(
        **{rule.name: getattr(config, f"gate_{rule.name}") for rule in fields(GateRules)}
    )


def checks(evaluation: Evaluation, rules: GateRules | None = None) -> list[Check]:
    """Every rule that can be held to what was measured, broken or not."""
    rules = rules or GateRules()
    policy, base = evaluation.policy, evaluation.base
    found = [
        Check("prompts", evaluation.prompts, least=rules.prompts),
        *([] if evaluation.changed is None else [Check("changed", evaluation.changed, least=1)]),
        Check("nll", policy.nll, base.nll, most=base.nll + rules.nll_rise),
        Check(
            "repetition",
            policy.repetition,
            base.repetition,
            most=base.repetition + rules.repetition_rise,
        ),
        Check(
            "length",
            policy.length,
            base.length,
            least=rules.length_low * base.length,
            most=rules.length_high * base.length,
        ),
        Check("entropy", policy.entropy, base.entropy, least=rules.entropy_low * base.entropy),
        Check("distinct", policy.distinct, base.distinct, least=rules.distinct_low * base.distinct),
    ]
    if evaluation.win_rate is not None:
        found.append(Check("win_rate", evaluation.win_rate, least=rules.win_rate))
    if policy.reward is not None and base.reward is not None:
        error = evaluation.reward_gain_error or 0.0
        noise = rules.reward_errors * error
        # Without noise to exceed, a gain must still be one.
        least = max(base.reward + noise, math.nextafter(base.reward, math.inf))
        found.append(Check("reward", policy.reward, base.reward, least=least, error=error))
    if policy.spread is not None and base.spread is not None:
        most = rules.spread_high * base.spread
        found.append(Check("spread", policy.spread, base.spread, most=most))
    return found


def may_enter(evaluation: Evaluation, rules: GateRules | None = None) -> tuple[bool, list[str]]:
    """Whether the policy may enter battles, and every rule that it breaks in plain words."""
    rules = rules or GateRules()
    broken = [check for check in checks(evaluation, rules) if not check.passed]
    return not broken, [_SAID[check.rule](check, rules) for check in broken]


def _few_prompts(check: Check, rules: GateRules) -> str:
    return FEW_PROMPTS % {"prompts": f"{check.figure:.0f}", "least": f"{rules.prompts}"}


def _unchanged(check: Check, rules: GateRules) -> str:
    return UNCHANGED


def _unlikely(check: Check, rules: GateRules) -> str:
    told = {"nll": f"{check.figure:.2f}", "base": f"{check.base:.2f}"}
    return UNLIKELY % {**told, "allowed": f"{rules.nll_rise:.2f}"}


def _repetitive(check: Check, rules: GateRules) -> str:
    told = {"share": f"{check.figure:.1%}", "base": f"{check.base:.1%}"}
    return REPETITIVE % {**told, "allowed": f"{rules.repetition_rise:.1%}"}


def _length_changed(check: Check, rules: GateRules) -> str:
    told = {"length": f"{check.figure:.0f}", "base": f"{check.base:.0f}"}
    limits = {"low": f"{rules.length_low:g}", "high": f"{rules.length_high:g}"}
    return LENGTH_CHANGED % {**told, **limits}


def _collapsed(check: Check, rules: GateRules) -> str:
    told = {"entropy": f"{check.figure:.2f}", "base": f"{check.base:.2f}"}
    return COLLAPSED % {**told, "least": f"{rules.entropy_low:g}"}


def _loses(check: Check, rules: GateRules) -> str:
    return LOSES % {"rate": f"{check.figure:.0%}", "least": f"{rules.win_rate:.0%}"}


def _alike(check: Check, rules: GateRules) -> str:
    told = {"distinct": f"{check.figure:.1%}", "base": f"{check.base:.1%}"}
    return ALIKE % {**told, "least": f"{rules.distinct_low:g}"}


def _no_gain(check: Check, rules: GateRules) -> str:
    assert check.base is not None
    assert check.least is not None
    if check.figure == check.base:
        return REWARD_EQUAL % {"reward": _reward(check.figure)}
    gain, needed = check.figure - check.base, check.least - check.base
    if gain < -CLEAR * check.error:
        return REWARD_FELL % {"reward": _reward(check.figure), "base": _reward(check.base)}
    if gain < 0:
        told = {"loss": f"{-gain:.3f}", "error": f"{check.error:.3f}"}
        return REWARD_UNCLEAR % {**told, "needed": f"{needed:.3f}"}
    told = {"gain": f"{gain:.3f}", "needed": f"{needed:.3f}"}
    return WITHIN_NOISE % {**told, "errors": f"{rules.reward_errors:g}"}


def _reward(value: float) -> str:
    """With the minus sign of the pages, on which the sentence stands beside other figures."""
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")


def _doubted(check: Check, rules: GateRules) -> str:
    told = {"spread": f"{check.figure:.2f}", "base": f"{check.base:.2f}"}
    return DOUBTED % {**told, "allowed": f"{rules.spread_high:g}"}


_SAID: dict[str, Callable[[Check, GateRules], str]] = {
    "prompts": _few_prompts,
    "changed": _unchanged,
    "nll": _unlikely,
    "repetition": _repetitive,
    "length": _length_changed,
    "entropy": _collapsed,
    "win_rate": _loses,
    "distinct": _alike,
    "reward": _no_gain,
    "spread": _doubted,
}
