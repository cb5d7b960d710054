"""Thumbs with the conversation that they are about."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from django.db.models import Q, QuerySet

from arena.models import Population, Reaction, Response, Turn

CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class Thumb:
    """A thumb with the conversation up to the response it is on: one text per prompt."""

    prompts: tuple[str, ...]
    texts: tuple[str, ...]
    up: bool


def _thumbs(population: str) -> QuerySet[Reaction]:
    chosen = Reaction.objects.filter(
        Q(response__turn__battle__vote=None) | Q(response__turn__battle__vote__counted=True)
    )
    if population == "all":
        return chosen
    if population not in Population.values:
        raise ValueError(f"Unknown population {population!r}: say people, simulated or all.")
    return chosen.filter(response__turn__battle__population=population)


def count_thumbs(population: str) -> int:
    """How many thumbs `thumbs` yields."""
    return _thumbs(population).count()


def thumbs(population: str) -> Iterator[Thumb]:
    """All thumbs but those of battles whose vote does not count; in constant memory."""
    rows = (
        _thumbs(population)
        .select_related("response__turn")
        .order_by("pk")
        .iterator(chunk_size=CHUNK)
    )
    while chunk := list(islice(rows, CHUNK)):
        yield from _with_history(chunk)


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
        yield Thumb(
            prompts=tuple(prompts[response.turn.battle_id][:number]),
            texts=(*before, response.text),
            up=reaction.value > 0,
        )
