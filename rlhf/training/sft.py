"""Stage `sft`: supervised fine-tuning on demonstrations, loss on the responses only."""

from __future__ import annotations

from rlhf.training import settings
from rlhf.training.data import need, read_demonstrations
from rlhf.training.trainers import imitate, tokenised
from rlhf.training.update import close_update, open_update


def main(config: settings.Sft) -> None:
    """Imitate the demonstrations, then evaluate and publish."""
    update = open_update(config, {"training": 0.87})
    read = read_demonstrations(config.demonstrations)
    rows = [
        row
        for row in read
        if len(tokenised(update.tokenizer, row)["input_ids"]) <= config.max_tokens
    ]
    what = f"demonstrations of at most {config.max_tokens} tokens"
    need(rows, config.minimum, what, config.demonstrations)
    with update.output.phase("training") as report:
        imitate(update, rows, config, report)
    counts = {"demonstrations": len(rows), "demonstrations_too_long": len(read) - len(rows)}
    close_update(update, "sft", counts)
