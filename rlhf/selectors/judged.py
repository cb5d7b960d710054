"""Votes with what was said, read for export: plain rows, in constant memory, fast.

`arena.selectors.decided_votes` makes model instances and frozen records; an export on it took
nearly five times as long. Here the database hands over a chunk as one JSON text: reading rows, it
would stop at each of them for the interpreter, and could not work on the next chunk meanwhile.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import orjson
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

from arena.models import Vote
from rlhf.selectors.ahead import read_ahead

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


# By hand: the ORM goes through the battle, which costs a third more. CROSS JOIN tells SQLite the
# order; left to itself, it enters the tables from the wrong side.
_CHUNK = """
WITH chosen (id) AS ({chosen})
SELECT max(v.id), count(*), CAST({list_all}({list}(
    v.id, b.rater_id, b.category, b.tags, b.language, v.cast_at, v.all_bad, (
        SELECT {list_all}({list}(p.position, t.number, p.rank, c.slug, t.prompt, r.text))
        FROM arena_placement p
        CROSS JOIN arena_contender c
        CROSS JOIN arena_response r
        CROSS JOIN arena_turn t
        WHERE p.battle_id = v.battle_id AND c.id = p.contender_id
        AND r.placement_id = p.id AND NOT r.superseded AND t.id = r.turn_id
    )
)) AS {text})
FROM chosen
CROSS JOIN arena_vote v
CROSS JOIN arena_battle b
WHERE v.id = chosen.id AND b.id = v.battle_id
"""
_WORDS = {
    # As bytes it need not be decoded first.
    "sqlite": {"list_all": "json_group_array", "list": "json_array", "text": "BLOB"},
    "postgresql": {"list_all": "json_agg", "list": "json_build_array", "text": "text"},
}


def judged_votes(
    votes: QuerySet[Vote], *, after: int = 0, timed: bool = False
) -> Iterator[list[Judged]]:
    """The votes after that number in the order cast, a list for each chunk.

    No query outlives its chunk. Only `timed` votes say when they were cast.
    """
    for chunk in read_ahead(partial(_read, votes), after):
        # In the order of their numbers, which come first; the database promises none.
        yield [_judged(*vote, timed=timed) for vote in sorted(orjson.loads(chunk))]


def _read(votes: QuerySet[Vote], last: int) -> tuple[str | bytes, int | None]:
    """The chunk after that vote as JSON, and its own last vote."""
    chosen = votes.filter(pk__gt=last).order_by("pk").values("pk")[:CHUNK]
    try:
        query, values = chosen.query.get_compiler(connection=connection).as_sql()
    except EmptyResultSet:
        return "[]", None
    with connection.cursor() as cursor:
        cursor.execute(_CHUNK.format(chosen=query, **_WORDS[connection.vendor]), values)
        last, count, text = cursor.fetchone()
    return text or "[]", last if count == CHUNK else None


def _judged(
    vote: int,
    rater: int,
    category: str,
    tags: str,
    language: str,
    cast_at: str,
    all_bad: bool,
    lines: list[list[Any]] | None,
    *,
    timed: bool,
) -> Judged:
    told = _told(sorted(lines)) if lines else ((), ())
    return Judged(
        vote, rater, category, tags, language, _moment(cast_at) if timed else None,
        bool(all_bad), *told,
    )  # fmt: skip


def _moment(text: str) -> datetime:
    """SQLite keeps no time zone: it is UTC there."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _told(lines: list[list[Any]]) -> tuple[tuple[str, ...], tuple[Side, ...]]:
    """Prompts and complete sides, from [position, turn, rank, contender, prompt, text] in order."""
    prompts: list[str] = []
    sides: list[tuple[int | None, str, list[str]]] = []
    last = None
    for position, _, rank, contender, prompt, text in lines:
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
