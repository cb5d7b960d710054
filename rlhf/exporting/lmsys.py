"""Battles in the columns of LMSYS's chatbot_arena_conversations.

One row for each pair of a vote, so a vote on three gives three rows with one `question_id`.
`judge` is a pseudonym that means nothing outside this installation. `turn` counts user turns.
"""

from django.utils.translation import gettext_lazy as _

from rlhf.exporting.examples import Candidate, Example, count_votes, rows_per_vote
from rlhf.exporting.formats import Format, Row


def rows_of(example: Example) -> list[Row]:
    return [
        {
            "question_id": str(example.vote_id),
            "model_a": first.contender,
            "model_b": second.contender,
            "winner": _winner(first, second, all_bad=example.all_bad),
            "judge": example.judge,
            "conversation_a": example.conversation(first),
            "conversation_b": example.conversation(second),
            "turn": len(example.prompts),
            "tstamp": example.cast_at.timestamp(),
            "category": example.category,
            "split": example.split,
        }
        for first, second in example.pairs()
    ]


def _winner(first: Candidate, second: Candidate, *, all_bad: bool) -> str:
    if first.rank < second.rank:
        return "model_a"
    if first.rank > second.rank:
        return "model_b"
    return "tie (bothbad)" if all_bad else "tie"


FORMAT = Format(
    name="lmsys",
    title=_("Battles (LMSYS)"),
    description=_("One row per pair: both contenders, winner, hashed judge, both conversations."),
    count=count_votes,
    rows=rows_per_vote(rows_of),
)
