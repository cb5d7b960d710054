"""Thumbs with the conversation that they are about."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import QuerySet

from arena.models import Reaction, Response, Turn

CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class Thumb:
    """A thumb with the conversation up to the response it is on: one text per prompt."""

    id: int
    prompts: tuple[str, ...]
    texts: tuple[str, ...]
    up: bool


def thumbs(chosen: QuerySet[Reaction], *, after: int = 0) -> Iterator[list[Thumb]]:
    """The thumbs in the order of their keys, a list for each chunk, in constant memory.

    Those after that key.
    """
    rows = chosen.select_related("response__turn").order_by("pk")
    last = after
    while chunk := list(rows.filter(pk__gt=last)[:CHUNK]):
        yield list(_with_history(chunk))
        last = chunk[-1].pk


def _with_history(chunk: list[Reaction]) -> Iterator[Thumb]:
    battles = {reaction.response.turn.battle_id for reaction in chunk}
    prompts: dict[object, list[str]] = defaultdict(list)
    for turn in Turn.objects.filter(battle__in=battles).order_by("battle_id", "number"):
        prompts[turn.battle_id].append(turn.prompt)
    said: dict[tuple[int, int], str] = {
        (response.placement_id, response.turn.number): response.text
        for response in Response.objects.filter(
            placement__battle__in=battles, superseded=False
        ).select_related("turn")
    }
    for reaction in chunk:
        response = reaction.response
        number = response.turn.number
        before = [said.get((response.placement_id, earlier), "") for earlier in range(1, number)]
        # Only the last turn's prompt can be edited, so those before it are what was asked.
        asked = prompts[response.turn.battle_id][: number - 1]
        yield Thumb(
            id=reaction.pk,
            prompts=(*asked, response.asked or response.turn.prompt),
            texts=(*before, response.text),
            up=reaction.value > 0,
        )
