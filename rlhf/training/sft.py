"""Stage `sft`: supervised fine-tuning on demonstrations, loss on the responses only."""

from __future__ import annotations

from dataclasses import dataclass

from rlhf.training.config import PolicyConfig
from rlhf.training.data import need, read_demonstrations
from rlhf.training.trainers import imitate
from rlhf.training.update import close_update, open_update


@dataclass(frozen=True, kw_only=True)
class Config(PolicyConfig):
    """Settings of the stage `sft`; `prompts` serves only the evaluation.

    demonstrations: JSONL of {"prompt", "response", "system"?, "finished"?}.
    """

    demonstrations: str


def main(config: Config) -> None:
    """Imitate the demonstrations, then evaluate and publish."""
    update = open_update(config, {"training": 0.87})
    rows = read_demonstrations(config.demonstrations)
    need(rows, 2, "demonstrations", config.demonstrations)
    with update.output.phase("training") as report:
        imitate(update.policy, update.tokenizer, rows, config, report)
    close_update(update, "sft", {"demonstrations": len(rows)})
