"""Chosen and rejected conversations, as TRL's DPOTrainer and RewardTrainer read them.

One row for each strictly ordered pair of a vote: ties and "both bad" give none, a full ranking of
three gives three. In a conversation of several turns `prompt` is the first prompt, and `chosen`
and `rejected` are all that followed it on either side.
"""

from django.utils.translation import gettext_lazy as _

from rlhf.exporting.examples import Example, count_votes, rows_per_vote
from rlhf.exporting.formats import Format, Row


def rows_of(example: Example) -> list[Row]:
    rows: list[Row] = []
    for first, second in example.pairs():
        if first.rank == second.rank:
            continue
        chosen, rejected = (first, second) if first.rank < second.rank else (second, first)
        rows.append(
            {
                "prompt": example.opening,
                "chosen": example.completion(chosen),
                "rejected": example.completion(rejected),
                "split": example.split,
            }
        )
    return rows


FORMAT = Format(
    name="trl-preference",
    title=_("Preferences (TRL)"),
    description=_("One row per strict pair: prompt, chosen and rejected as chat messages."),
    count=count_votes,
    rows=rows_per_vote(rows_of),
)
