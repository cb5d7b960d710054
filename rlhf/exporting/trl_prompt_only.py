"""Prompts alone, as TRL's GRPOTrainer and RLOOTrainer read them: each first prompt once."""

from django.utils.translation import gettext_lazy as _

from rlhf.exporting.examples import opening
from rlhf.exporting.formats import Format, Row
from rlhf.exporting.splits import split_of
from rlhf.selectors import Judged


def rows_of(vote: Judged) -> list[Row]:
    return [{"prompt": opening(vote), "split": split_of(vote.prompts[0])}]


FORMAT = Format(
    name="trl-prompt-only",
    title=_("Prompts (TRL, prompt-only)"),
    description=_("One row per different first prompt, as chat messages: to sample from."),
    purpose=_("For methods elsewhere that sample responses of their own, such as GRPO."),
    columns={"prompt": "messages", "split": "text"},
    of_vote=rows_of,
    once_per_prompt=True,
)
