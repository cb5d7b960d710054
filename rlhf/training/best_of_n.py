"""Stage `best-of-n`: sample n responses per prompt, learn from the one that is rewarded most.

With `learn` = contrast the policy moves towards the best and away from the worst response
(`contrast`). With imitate it is finetuned on the best alone: best-of-n distillation proper, also
called rejection sampling fine-tuning (Touvron et al. 2023, arXiv:2307.09288, section 3.2.3; RAFT:
Dong et al. 2023, arXiv:2304.06767). Both learn from the policy's own text, so it stays fluent where
policy gradients drift. With several rounds each samples from the policy that the round before left.
Which of them learns more: docs/decisions/0004-default-update.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from rlhf.training import settings
from rlhf.training.contrast import pairs_from_samples, prefer
from rlhf.training.errors import DeadEnd
from rlhf.training.selection import Scored, draw_scored, in_turn, selection_gain
from rlhf.training.trainers import Report, demonstration, imitate
from rlhf.training.update import Update, close_update, open_update

PHASES = {"sampling": 0.35, "scoring": 0.07, "training": 0.45}


def main(config: settings.BestOfN) -> None:
    """Run the rounds, then evaluate and publish."""
    update = open_update(config, PHASES)
    gains: list[float] = []
    for turn in range(config.rounds):
        scored = draw_scored(update, config, turn, config.rounds)
        gains.append(selection_gain(scored))
        with update.output.phase("training") as report:
            learn(update, scored, config, in_turn(report, turn, config.rounds), turn)
    close_update(update, "best-of-n", {"selection_gain": gains})


def learn(
    update: Update,
    scored: Sequence[Scored],
    config: settings.BestOfN,
    report: Report,
    turn: int = 0,
) -> None:
    """Train on the best of each prompt's responses, against its worst or alone."""
    if config.learn == "imitate":
        chosen = [demonstration(row.prompt.messages, row.ranked()[0]) for row in scored]
        imitate(update, chosen, config, report, turn)
        return
    pairs = pairs_from_samples(scored, config.pairs)
    if not pairs:
        raise DeadEnd(
            "Every prompt's responses are the same.", "Raise temperature or n, or choose imitate."
        )
    prefer(update, pairs, config, report, turn, together=config.pairs)
