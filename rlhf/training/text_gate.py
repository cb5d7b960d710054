"""What continued pretraining must show beyond what `gate` asks of every policy.

It must have learnt the text: held-out documents surprise it less, by more than chance would. And it
must still answer as a chat model: raw text teaches it to go on, so the first thing to break is that
a response comes to an end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlhf.training.gate import N_, Check

if TYPE_CHECKING:
    from rlhf.training.evaluation import Evaluation

NOT_LEARNT = N_(
    "It has not learnt the text: its perplexity on held-out documents is %(new)s against %(base)s."
)
NOT_SURE = N_(
    "Whether it has learnt the text is not sure: %(gain)s nats per token less on held-out "
    "documents, with a standard error of %(error)s."
)
DOES_NOT_END = N_(
    "It no longer ends its responses as a chat model does: %(share)s of them end by themselves, "
    "against %(base)s (at most %(allowed)s less is allowed)."
)
REASONS = (NOT_LEARNT, NOT_SURE, DOES_NOT_END)


@dataclass(frozen=True)
class TextRules:
    """errors: standard errors by which the gain must exceed zero. finished_fall: absolute fall of
    the share of responses that end by themselves."""

    errors: float = 2.0
    finished_fall: float = 0.25


@dataclass(frozen=True)
class Learnt:
    """Perplexity of held-out documents before and after, and nats per token gained."""

    base: float
    new: float
    gain: float
    error: float | None


def text_checks(
    learnt: Learnt, evaluation: Evaluation, rules: TextRules | None = None
) -> list[Check]:
    """Both rules with what was measured. Without an error any gain will do."""
    rules = rules or TextRules()
    needed = rules.errors * learnt.error if learnt.error is not None else 0.0
    needed = max(needed, math.nextafter(0.0, 1.0))  # without a doubt about it, more than nothing
    base = evaluation.base.finished
    return [
        Check("learnt", learnt.gain, least=needed),
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
    elif learnt.error is not None and learnt.gain < rules.errors * learnt.error:
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
