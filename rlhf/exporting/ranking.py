"""Whole rankings, two or three responses at a time: what the K-wise reward model learns from.

One row for each vote, ties included ("both bad" is a tie here). A response is its text; in a
conversation of several turns it is the list of messages that followed the first prompt.
"""

from django.utils.translation import gettext_lazy as _

from rlhf.exporting.examples import Example, count_votes, rows_per_vote
from rlhf.exporting.formats import Format, Row


def rows_of(example: Example) -> list[Row]:
    single = len(example.prompts) == 1
    return [
        {
            "prompt": example.prompts[0],
            "responses": [
                candidate.answers[0] if single else example.completion(candidate)
                for candidate in example.candidates
            ],
            "ranks": [candidate.rank for candidate in example.candidates],
            "weight": 1.0,
            "vote_id": example.vote_id,
            "category": example.category,
            "split": example.split,
        }
    ]


FORMAT = Format(
    name="ranking",
    title=_("Rankings (K-wise)"),
    description=_("One row per vote: prompt, responses and their ranks. The reward model's input."),
    count=count_votes,
    rows=rows_per_vote(rows_of),
)
