"""Whole rankings, two or three responses at a time: what the K-wise reward model learns from.

One row for each vote, ties included ("both bad" is a tie here). A response is its text; in a
conversation of several turns it is the list of messages that followed the first prompt.

`rater` tells two raters apart who judged the same (a pseudonym, as in `lmsys`); `category`, `tags`
and `language` are what is known of the battle besides its texts.
"""

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from rlhf.exporting.examples import completion, pseudonym
from rlhf.exporting.formats import Format, Row
from rlhf.exporting.splits import split_of
from rlhf.selectors import Judged


def rows_of(vote: Judged) -> list[Row]:
    single = len(vote.prompts) == 1
    return [
        {
            "prompt": vote.prompts[0],
            "responses": [
                side.answers[0] if single else completion(vote, side) for side in vote.sides
            ],
            "ranks": [side.rank for side in vote.sides],
            "weight": 1.0,
            "vote_id": vote.vote_id,
            "rater": pseudonym(vote.rater_id, settings.SECRET_KEY),
            "category": vote.category,
            "tags": vote.tags,
            "language": vote.language,
            "split": split_of(vote.prompts[0]),
        }
    ]


FORMAT = Format(
    name="ranking",
    title=_("Rankings (K-wise)"),
    description=_(
        "One row per ranking, a vote or an imported one: prompt, responses and their ranks. The "
        "reward model's input."
    ),
    purpose=_("For training here: a reward model, DPO or supervised finetuning."),
    columns={
        "prompt": "text",
        "responses": "conversations",
        "ranks": "ints",
        "weight": "float",
        "vote_id": "int",
        "rater": "text",
        "category": "text",
        "tags": "text",
        "language": "text",
        "split": "text",
    },
    of_vote=rows_of,
)
