"""Votes with what was said, read for export: plain rows, in constant memory, fast.

`arena.selectors.decided_votes` makes model instances and frozen records; an export on it took
nearly five times as long. Here are two queries a chunk: the votes, then all that was said.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import DateTimeField, F, QuerySet, Value

from arena.models import Vote

CHUNK = 1_000


class Side(NamedTuple):
    """One contender's side of a battle. `answers` has one text for each prompt."""

    contender: str
    rank: int
    answers: tuple[str, ...]


class Judged(NamedTuple):
    """A vote with texts. Ranks are dense: 1 is best, ties share a rank, no rank is left out.

    Responses without text (failed, or imported without texts) are left out; a vote with fewer
    than two others has no sides.
    """

    vote_id: int
    rater_id: int
    category: str
    tags: str  # one space between two
    language: str  # as the file of an imported vote calls it
    cast_at: datetime | None
    all_bad: bool
    prompts: tuple[str, ...]
    sides: tuple[Side, ...]


def judged_votes(votes: QuerySet[Vote], *, timed: bool = False) -> Iterator[list[Judged]]:
    """The votes in the order cast, a list for each chunk. No query outlives its chunk.

    Only `timed` votes say when they were cast: SQLite has times as texts, and reading them took a
    twelfth of an export.
    """
    moment = F("cast_at") if timed else Value(None, output_field=DateTimeField())
    last = 0
    while True:
        chunk = list(
            votes.filter(pk__gt=last)
            .annotate(moment=moment)
            .order_by("pk")
            .values_list(
                "pk",
                "battle__rater_id",
                "battle__category",
                "battle__tags",
                "battle__language",
                "moment",
                "all_bad",
            )[:CHUNK]
        )
        if not chunk:
            return
        said = _said([vote[0] for vote in chunk])
        yield [Judged(*vote, *said.get(vote[0], ((), ()))) for vote in chunk]
        last = chunk[-1][0]


_Told = tuple[tuple[str, ...], tuple[Side, ...]]

# By hand: the ORM goes through the battle, which costs a third more, and without this order SQLite
# enters the tables from the wrong side.
_SAID = """
SELECT v.id, p.position, p.rank, c.slug, t.prompt, r.text
FROM arena_vote v
JOIN arena_placement p ON p.battle_id = v.battle_id
JOIN arena_contender c ON c.id = p.contender_id
JOIN arena_response r ON r.placement_id = p.id AND NOT r.superseded
JOIN arena_turn t ON t.id = r.turn_id
WHERE v.id IN ({})
ORDER BY v.id, p.position, t.number
"""


def _said(votes: list[int]) -> dict[int, _Told]:
    """Prompts and complete sides by vote."""
    with connection.cursor() as cursor:
        cursor.execute(_SAID.format(", ".join(["%s"] * len(votes))), votes)
        rows = cursor.fetchall()
    return {vote: _told(list(lines)) for vote, lines in groupby(rows, itemgetter(0))}


def _told(lines: list[tuple[Any, ...]]) -> _Told:
    """From (vote, position, rank, contender, prompt, text), by position, then turn."""
    prompts: list[str] = []
    sides: list[tuple[int | None, str, list[str]]] = []
    last = None
    for _, position, rank, contender, prompt, text in lines:
        if position != last:
            last, texts = position, [text]
            sides.append((rank, contender, texts))
        else:
            texts.append(text)
        if len(texts) > len(prompts):
            prompts.append(prompt)
    turns = len(prompts)
    whole = [
        (rank, contender, texts)
        for rank, contender, texts in sides
        if rank is not None and len(texts) == turns and all(map(_is_told, texts))
    ]
    if len(whole) < 2:
        return tuple(prompts), ()
    dense = {rank: place for place, rank in enumerate(sorted({rank for rank, _, _ in whole}), 1)}
    return tuple(prompts), tuple(
        [Side(contender, dense[rank], tuple(texts)) for rank, contender, texts in whole]
    )


def _is_told(text: str) -> bool:
    return bool(text) and not text.isspace()
