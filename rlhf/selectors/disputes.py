"""Votes that more others contradict than share.

Votes are compared if they are on the same first prompt and the same line-up. Of each pair of
contenders a vote says left, right or tie; another vote shares that or says the opposite (a tie is
neither). A vote is disputed if for some pair more others say the opposite than share it. So of two
opposite votes both are disputed, and of two against one only the one.

Contenders answer the same prompt differently each time, so a dispute is about these contenders on
this prompt, not about two texts.
"""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, combinations, groupby
from operator import itemgetter
from typing import Any

from django.db.models import QuerySet

from arena.models import Placement, Turn, Vote
from rlhf.selection import Selection
from rlhf.selectors.chosen import chosen_votes

BATCH = 5_000  # votes whose ranks are read at once; a query for each prompt takes ten times as long
_Pair = tuple[int, int]


def disputed_of(selection: Selection) -> "array[int]":
    """Numbers of the votes that a selection leaves out as disputed, ascending."""
    if selection.agreement == "any":
        return array("q")
    return disputed(chosen_votes(selection))


def disputed(votes: QuerySet[Vote]) -> "array[int]":
    """Numbers of the disputed votes among `votes`, ascending: eight bytes each.

    The database puts equal prompts beside each other; a batch of prompts is held at once.
    """
    found = array("q")
    asked = (
        Turn.objects.filter(number=1, battle__vote__in=votes.order_by().values("pk"))
        .order_by("prompt")
        .values_list("prompt", "battle__vote__pk", "battle_id")
    )
    for prompts in _batches(groupby(asked.iterator(chunk_size=10_000), itemgetter(0))):
        ranks = dict(_ranks(chain.from_iterable(prompts)))
        for battles in prompts:
            found.extend(_disputed(battles, ranks))
    return array("q", sorted(found))


def without(numbers: "array[int]", rows: list[Any]) -> list[Any]:
    """`rows`, whose first value is a vote's number, ascending, without those of `numbers`."""
    if not rows:
        return rows
    start, end = bisect_left(numbers, rows[0][0]), bisect_left(numbers, rows[-1][0] + 1)
    left_out = set(numbers[start:end])
    return [row for row in rows if row[0] not in left_out]


def _batches(prompts: Iterable[tuple[str, Iterator[Any]]]) -> Iterator[list[dict[Any, int]]]:
    """The votes by battle of each prompt that several are on, about BATCH votes at once."""
    batch: list[dict[Any, int]] = []
    held = 0
    for _, lines in prompts:
        battles = {battle: vote for _, vote, battle in lines}
        if len(battles) < 2:
            continue
        batch.append(battles)
        held += len(battles)
        if held >= BATCH:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _disputed(battles: Mapping[Any, int], ranks: Mapping[Any, dict[int, int]]) -> Iterator[int]:
    """Of the votes on one prompt, by battle, those that are disputed."""
    lineups: dict[frozenset[int], list[tuple[int, dict[_Pair, int]]]] = {}
    for battle, vote in battles.items():
        if ranked := ranks.get(battle):
            said = dict(_said(ranked))
            lineups.setdefault(frozenset(ranked), []).append((vote, said))
    for together in lineups.values():
        counts = Counter((pair, sign) for _, said in together for pair, sign in said.items())
        for vote, said in together:
            if any(
                sign and counts[pair, -sign] > counts[pair, sign] - 1 for pair, sign in said.items()
            ):
                yield vote


def _ranks(battles: Iterable[Any]) -> Iterator[tuple[Any, dict[int, int]]]:
    """Ranks by contender of each battle."""
    ids = list(battles)
    for start in range(0, len(ids), 10_000):
        rows = (
            Placement.objects.filter(battle__in=ids[start : start + 10_000], rank__isnull=False)
            .order_by("battle_id")
            .values_list("battle_id", "contender_id", "rank")
        )
        for battle, lines in groupby(rows, itemgetter(0)):
            yield battle, {contender: rank or 0 for _, contender, rank in lines}


def _said(ranks: dict[int, int]) -> Iterator[tuple[_Pair, int]]:
    """1 if the pair's first contender was put first, -1 if the second, 0 for a tie."""
    for left, right in combinations(sorted(ranks), 2):
        yield (left, right), (ranks[left] < ranks[right]) - (ranks[left] > ranks[right])
