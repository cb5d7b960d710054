"""Chosen and rejected conversations, as TRL's DPOTrainer and RewardTrainer read them.

One row for each strictly ordered pair of a vote: ties and "both bad" give none, a full ranking of
three gives three. In a conversation of several turns `prompt` is the first prompt, and `chosen`
and `rejected` are all that followed it on either side.
"""

from itertools import combinations

from django.utils.translation import gettext_lazy as _

from rlhf.exporting.examples import completion, opening
from rlhf.exporting.formats import Format, Row
from rlhf.exporting.splits import split_of
from rlhf.selectors import Judged


def rows_of(vote: Judged) -> list[Row]:
    prompt, split = opening(vote), split_of(vote.prompts[0])
    told = [(side.rank, completion(vote, side)) for side in vote.sides]
    return [
        {
            "prompt": prompt,
            "chosen": first if rank < other else second,
            "rejected": second if rank < other else first,
            "split": split,
        }
        for (rank, first), (other, second) in combinations(told, 2)
        if rank != other
    ]


FORMAT = Format(
    name="trl-preference",
    title=_("Preferences (TRL)"),
    description=_("One row per strict pair: prompt, chosen and rejected as chat messages."),
    purpose=_("For DPO and reward models elsewhere, with TRL."),
    columns={"prompt": "messages", "chosen": "messages", "rejected": "messages", "split": "text"},
    of_vote=rows_of,
)
