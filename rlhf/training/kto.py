"""Stage `kto`: learn from thumbs, by TRL's KTOTrainer. No rival to a response is needed.

Ethayarajh et al. 2024, arXiv:2402.01306. Thumbs up and down are weighed such that both sides count
the same however many there are of each.
"""

from __future__ import annotations

from collections.abc import Sequence

from datasets import Dataset
from trl import KTOConfig

from rlhf.training import settings
from rlhf.training.data import Thumb, need, read_thumbs, split_of
from rlhf.training.errors import InputError
from rlhf.training.resumable import ResumableKTO
from rlhf.training.trainers import ProgressCallback, Report, trainer_arguments
from rlhf.training.update import Update, close_update, open_update

# TRL calls it "kl": one of whole responses, taken at mismatched prompts. It is what both kinds of
# thumbs are held against, and not comparable with the divergence of other stages.
NAMES = {
    "loss": "loss",
    "rewards/margins": "margin",
    "kl": "reference_point",
    "entropy": "entropy",
}


def main(config: settings.Kto) -> None:
    """Move towards responses with a thumb up, away from the others; evaluate and publish."""
    update = open_update(config, {"training": 0.87})
    thumbs = split_of(read_thumbs(config.thumbs), "train")
    need(thumbs, config.minimum, "training thumbs", config.thumbs)
    ups = sum(thumb.up for thumb in thumbs)
    if not 0 < ups < len(thumbs):
        raise InputError(
            f"Of {len(thumbs)} training thumbs {ups} are up.",
            "Both kinds are needed: collect more.",
        )
    with update.output.phase("training") as report:
        heed(update, thumbs, config, report)
    close_update(update, "kto", {"thumbs_up": ups, "thumbs_down": len(thumbs) - ups})


def heed(update: Update, thumbs: Sequence[Thumb], config: settings.Kto, report: Report) -> None:
    """Optimise the policy on thumbs by TRL's KTOTrainer."""
    rows = [
        {
            "prompt": thumb.prompt,
            "completion": [{"role": "assistant", "content": thumb.response}],
            "label": thumb.up,
        }
        for thumb in thumbs
    ]
    share = sum(thumb.up for thumb in thumbs) / len(thumbs)
    with trainer_arguments(config, update.policy.device) as shared:
        trainer = ResumableKTO(
            model=update.policy,
            args=KTOConfig(
                **shared,
                beta=config.beta,
                desirable_weight=0.5 / share,
                undesirable_weight=0.5 / (1 - share),
                max_length=None,
            ),
            train_dataset=Dataset.from_list(rows),
            processing_class=update.tokenizer,
            callbacks=[ProgressCallback(report, NAMES)],
        )
        trainer.train_update(update)
