"""Preferences as LLaMA-Factory reads them, for its stages `rm` and `dpo`.

One row for each strictly ordered pair of a vote. There, `chosen` and `rejected` are one message
each after a shared conversation; so a vote on several turns, whose sides went apart at the first
response, gives none.
"""

from itertools import combinations

from django.utils.translation import gettext_lazy as _

from rlhf.exporting.examples import opening
from rlhf.exporting.formats import Format, Row
from rlhf.exporting.splits import split_of
from rlhf.exporting.trl_sft import ROLES
from rlhf.selectors import Judged


def rows_of(vote: Judged) -> list[Row] | None:
    if len(vote.prompts) > 1:
        return None
    shared, split = opening(vote), split_of(vote.prompts[0])
    told = [(side.rank, {"role": "assistant", "content": side.answers[0]}) for side in vote.sides]
    return [
        {
            "messages": shared,
            "chosen": first if rank < other else second,
            "rejected": second if rank < other else first,
            "split": split,
        }
        for (rank, first), (other, second) in combinations(told, 2)
        if rank != other
    ]


FORMAT = Format(
    name="llama-factory",
    title=_("Preferences (LLaMA-Factory)"),
    description=_("One row per strict pair of a single turn, with a dataset_info.json."),
    purpose=_("For DPO and reward models elsewhere, with LLaMA-Factory."),
    columns={"messages": "messages", "chosen": "message", "rejected": "message", "split": "text"},
    of_vote=rows_of,
    llama_factory={
        "formatting": "sharegpt",
        "ranking": True,
        "columns": {"messages": "messages", "chosen": "chosen", "rejected": "rejected"},
        "tags": ROLES,
    },
)
