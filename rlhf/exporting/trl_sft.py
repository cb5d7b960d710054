"""The conversations that raters put first, as TRL's SFTTrainer reads them.

One row for each response of rank 1 that stands above another one: a vote that ties all gives none.
LLaMA-Factory reads the same rows.
"""

from django.utils.translation import gettext_lazy as _

from rlhf.exporting.examples import conversation
from rlhf.exporting.formats import Format, Row
from rlhf.exporting.splits import split_of
from rlhf.selectors import Judged

ROLES = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
}


def rows_of(vote: Judged) -> list[Row]:
    if all(side.rank == 1 for side in vote.sides):
        return []
    split = split_of(vote.prompts[0])
    return [
        {"messages": conversation(vote, side), "split": split}
        for side in vote.sides
        if side.rank == 1
    ]


FORMAT = Format(
    name="trl-sft",
    title=_("Demonstrations (SFT)"),
    description=_("One row per response to imitate: the conversation as chat messages."),
    purpose=_("For supervised finetuning, here or elsewhere."),
    columns={"messages": "messages", "split": "text"},
    of_vote=rows_of,
    llama_factory={"formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": ROLES},
)
