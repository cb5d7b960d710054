"""What continued pretraining must show beyond what `gate` asks of every policy.

It must have learnt the text: held-out documents surprise it less, by more than chance would. And it
must still answer as a chat model: raw text teaches it to go on, so the first thing to break is that
a response comes to an end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlhf.training.errors import N_
from rlhf.training.gate import Check

if TYPE_CHECKING:
    from rlhf.training.evaluation import Evaluation

NOT_LEARNT = N_(
    "It has not learnt the text: its perplexity on held-out documents is %(new)s against %(base)s."
)
NOT_SURE = N_(
    "Whether it has learnt the text is not sure: %(gain)s nats per token less on held-out "
    "documents, with a standard error of %(error)s."
)
LITTLE_TEXT = N_(
    "Too little held-out text to tell whether it has learnt: %(blocks)s of the %(least)s blocks "
    "that are required."
)
NO_ERROR = N_(
    "Whether it has learnt the text cannot be told: all held-out blocks gained the same, so there "
    "is no standard error to hold the gain against."
)
DOES_NOT_END = N_(
    "It no longer ends its responses as a chat model does: %(share)s of them end by themselves, "
    "against %(base)s (at most %(allowed)s less is allowed)."
)
REASONS = (NOT_LEARNT, NOT_SURE, LITTLE_TEXT, NO_ERROR, DOES_NOT_END)


@dataclass(frozen=True)
class TextRules:
    """blocks: fewest blocks of held-out text. errors: standard errors by which the gain must
    exceed zero. finished_fall: absolute fall of the share of responses that end by themselves."""

    blocks: int = 8
    errors: float = 2.0
    finished_fall: float = 0.25


@dataclass(frozen=True)
class Learnt:
    """Perplexity of held-out documents before and after, and nats per token gained.

    blocks: of how many blocks. error: the gain's standard error; None for a single block.
    """

    blocks: int
    base: float
    new: float
    gain: float
    error: float | None


def text_checks(
    learnt: Learnt, evaluation: Evaluation, rules: TextRules | None = None
) -> list[Check]:
    """Every rule with what was measured. Without an error no gain is known."""
    rules = rules or TextRules()
    gain = learnt.gain if learnt.error else math.nan
    base = evaluation.base.finished
    return [
        Check("blocks", learnt.blocks, least=rules.blocks),
        Check("learnt", gain, least=rules.errors * (learnt.error or 0.0)),
        Check("finished", evaluation.policy.finished, base, least=base - rules.finished_fall),
    ]


def text_reasons(
    learnt: Learnt, evaluation: Evaluation, rules: TextRules | None = None
) -> list[str]:
    """Every rule that is broken, in plain words."""
    rules = rules or TextRules()
    reasons: list[str] = []
    if not learnt.new < learnt.base:
        reasons.append(NOT_LEARNT % {"new": f"{learnt.new:.2f}", "base": f"{learnt.base:.2f}"})
    elif learnt.blocks < rules.blocks:
        reasons.append(LITTLE_TEXT % {"blocks": f"{learnt.blocks}", "least": f"{rules.blocks}"})
    elif not learnt.error:
        reasons.append(NO_ERROR)
    elif learnt.gain < rules.errors * learnt.error:
        reasons.append(NOT_SURE % {"gain": f"{learnt.gain:.3f}", "error": f"{learnt.error:.3f}"})
    base, new = evaluation.base.finished, evaluation.policy.finished
    if base - new > rules.finished_fall:
        reasons.append(
            DOES_NOT_END
            % {
                "share": f"{new:.0%}",
                "base": f"{base:.0%}",
                "allowed": f"{rules.finished_fall:.0%}",
            }
        )
    return reasons
