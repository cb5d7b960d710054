"""Votes with what was said, read for export: plain rows, in constant memory, fast.

Half of the time of an export went into making model instances and frozen records when it read
`arena.selectors.decided_votes`. Two queries a chunk: the votes, then all that was said in their
battles, ordered so that each table is entered through an index.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from django.db.models import QuerySet

from arena.models import Vote

CHUNK = 2_000


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
    cast_at: datetime
    all_bad: bool
    prompts: tuple[str, ...]
    sides: tuple[Side, ...]


def judged_votes(votes: QuerySet[Vote]) -> Iterator[list[Judged]]:
    """The votes in the order cast, a list for each chunk. No query outlives its chunk."""
    last = 0
    while True:
        chunk = list(
            votes.filter(pk__gt=last)
            .order_by("pk")
            .values_list("pk", "battle__rater_id", "battle__category", "cast_at", "all_bad")[:CHUNK]
        )
        if not chunk:
            return
        said = _said(votes, after=last, until=chunk[-1][0])
        yield [Judged(*vote, *said.get(vote[0], ((), ()))) for vote in chunk]
        last = chunk[-1][0]


_Told = tuple[tuple[str, ...], tuple[Side, ...]]


def _said(votes: QuerySet[Vote], *, after: int, until: int) -> dict[int, _Told]:
    """Prompts and complete sides by vote, for those of votes with `after` < pk <= `until`."""
    rows = (
        votes.filter(pk__gt=after, pk__lte=until, battle__placements__responses__superseded=False)
        .order_by(
            "pk", "battle__placements__position", "battle__placements__responses__turn__number"
        )
        .values_list(
            "pk",
            "battle__placements__position",
            "battle__placements__rank",
            "battle__placements__contender__slug",
            "battle__placements__responses__turn__prompt",
            "battle__placements__responses__text",
        )
    )
    return {vote: _told(list(lines)) for vote, lines in groupby(rows, itemgetter(0))}


def _told(lines: list[tuple[Any, ...]]) -> _Told:
    """From (vote, position, rank, contender, prompt, text), by position, then turn."""
    prompts: list[str] = []
    sides: dict[int, tuple[int | None, str, list[str]]] = {}
    for _, position, rank, contender, prompt, text in lines:
        side = sides.get(position)
        if side is None:
            side = sides[position] = rank, contender, []
        side[2].append(text)
        if len(side[2]) > len(prompts):
            prompts.append(prompt)
    turns = len(prompts)
    whole = [
        (rank, contender, texts)
        for rank, contender, texts in sides.values()
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
