"""Battles in the columns of LMSYS's chatbot_arena_conversations.

One row for each pair of a vote, so a vote on three gives three rows with one `question_id`.
`judge` is a pseudonym that means nothing outside this installation. `turn` counts user turns.
"""

from itertools import combinations

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from rlhf.exporting.examples import conversation, pseudonym
from rlhf.exporting.formats import Format, Row
from rlhf.exporting.splits import split_of
from rlhf.selectors import Judged, Side


def rows_of(vote: Judged) -> list[Row]:
    assert vote.cast_at is not None  # the format is timed
    tstamp = vote.cast_at.timestamp()
    judge, split = pseudonym(vote.rater_id, settings.SECRET_KEY), split_of(vote.prompts[0])
    told = [(side, conversation(vote, side)) for side in vote.sides]
    return [
        {
            "question_id": str(vote.vote_id),
            "model_a": first.contender,
            "model_b": second.contender,
            "winner": _winner(first, second, all_bad=vote.all_bad),
            "judge": judge,
            "conversation_a": conversation_a,
            "conversation_b": conversation_b,
            "turn": len(vote.prompts),
            "tstamp": tstamp,
            "category": vote.category,
            "split": split,
        }
        for (first, conversation_a), (second, conversation_b) in combinations(told, 2)
    ]


def _winner(first: Side, second: Side, *, all_bad: bool) -> str:
    if first.rank < second.rank:
        return "model_a"
    if first.rank > second.rank:
        return "model_b"
    return "tie (bothbad)" if all_bad else "tie"


FORMAT = Format(
    name="lmsys",
    title=_("Battles (LMSYS)"),
    description=_("One row per pair: both contenders, winner, hashed judge, both conversations."),
    purpose=_("For leaderboards and studies that read the columns of LMSYS."),
    columns={
        "question_id": "text",
        "model_a": "text",
        "model_b": "text",
        "winner": "text",
        "judge": "text",
        "conversation_a": "messages",
        "conversation_b": "messages",
        "turn": "int",
        "tstamp": "float",
        "category": "text",
        "split": "text",
    },
    of_vote=rows_of,
    timed=True,
)
