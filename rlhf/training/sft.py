"""Stage `sft`: supervised fine-tuning on demonstrations, loss on the responses only."""

from __future__ import annotations

from rlhf.training import settings
from rlhf.training.data import need, read_demonstrations
from rlhf.training.trainers import imitate
from rlhf.training.update import close_update, open_update


def main(config: settings.Sft) -> None:
    """Imitate the demonstrations, then evaluate and publish."""
    update = open_update(config, {"training": 0.87})
    rows = read_demonstrations(config.demonstrations)
    need(rows, 2, "demonstrations", config.demonstrations)
    with update.output.phase("training") as report:
        imitate(update, rows, config, report)
    close_update(update, "sft", {"demonstrations": len(rows)})
