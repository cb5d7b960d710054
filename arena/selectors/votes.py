"""Decided votes: the one neutral value that the other apps build on."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from arena.models import Placement, Population, Response, Turn, Vote

CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class RatedResponse:
    """One ranked position of a decided vote, position A first; who failed is left out."""

    contender_id: int
    contender_slug: str
    contender_name: str
    rank: int
    texts: tuple[str, ...] = ()  # one per turn; empty when read without texts
    seconds: tuple[float | None, ...] = ()  # one per turn: how long it streamed
    reactions: tuple[int | None, ...] = ()  # one per turn: 1, -1 or None


@dataclass(frozen=True, slots=True)
class DecidedVote:
    """A vote by position. Rank 1 is best; ties share a rank."""

    vote_id: int
    battle_id: UUID
    rater_id: int
    population: str
    category: str  # of the prompt library, or empty
    cast_at: datetime
    all_bad: bool
    responses: tuple[RatedResponse, ...]
    prompts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    signed_in: bool | None = None  # None: not known, as of an imported vote
    language: str = ""  # as the file of an imported vote calls it

    @property
    def ranks(self) -> tuple[int, ...]:
        return tuple(response.rank for response in self.responses)

    @property
    def contender_ids(self) -> tuple[int, ...]:
        return tuple(response.contender_id for response in self.responses)


def counted_votes(population: str = Population.PEOPLE) -> QuerySet[Vote]:
    """Votes that count, in the order cast. `population` is people, simulated or all."""
    votes = Vote.objects.filter(counted=True)
    if population == "all":
        return votes
    if population not in Population.values:
        raise ValueError(f"Unknown population {population!r}: say people, simulated or all.")
    return votes.filter(battle__population=population)


def decided_votes(
    population: str = Population.PEOPLE, *, texts: bool = False, votes: QuerySet[Vote] | None = None
) -> Iterator[DecidedVote]:
    """Counted votes in the order cast, in constant memory; `votes` narrows the choice."""
    chosen = counted_votes(population) if votes is None else votes
    rows = chosen.order_by("pk").select_related("battle").iterator(chunk_size=CHUNK)
    while chunk := list(islice(rows, CHUNK)):
        yield from _decide(chunk, texts=texts)


def _decide(votes: list[Vote], *, texts: bool) -> Iterator[DecidedVote]:
    battles = [vote.battle_id for vote in votes]
    placements = _placements(battles)
    prompts: dict[UUID, tuple[str, ...]] = {}
    said: dict[int, list[Response]] = {}
    if texts:
        prompts = _prompts(battles)
        said = _current_responses(battles)
    for vote in votes:
        yield DecidedVote(
            vote_id=vote.pk,
            battle_id=vote.battle_id,
            rater_id=vote.battle.rater_id,
            population=vote.battle.population,
            category=vote.battle.category,
            cast_at=vote.cast_at,
            all_bad=vote.all_bad,
            tags=tuple(vote.battle.tags.split()),
            signed_in=vote.battle.signed_in,
            language=vote.battle.language,
            prompts=prompts.get(vote.battle_id, ()),
            responses=tuple(
                _rated(fields, said.get(placement, []))
                for placement, *fields in placements[vote.battle_id]
                if fields[-1] is not None  # it failed, so it was not compared
            ),
        )


def _placements(battles: list[UUID]) -> dict[UUID, list[tuple[Any, ...]]]:
    """(id, contender's id, slug and name, rank) of each placement, by battle, A first.

    Plain rows: making model instances took most of the time of reading votes.
    """
    rows = (
        Placement.objects.filter(battle__in=battles)
        .order_by("battle_id", "position")
        .values_list(
            "battle_id", "pk", "contender_id", "contender__slug", "contender__name", "rank"
        )
    )
    found: dict[UUID, list[tuple[Any, ...]]] = defaultdict(list)
    for battle, *row in rows.iterator(chunk_size=CHUNK):
        found[battle].append(tuple(row))
    return found


def _rated(fields: list[Any], responses: list[Response]) -> RatedResponse:
    contender_id, slug, name, rank = fields
    return RatedResponse(
        contender_id=contender_id,
        contender_slug=slug,
        contender_name=name,
        rank=rank,
        texts=tuple(response.text for response in responses),
        seconds=tuple(response.duration_s for response in responses),
        reactions=tuple(
            response.reaction.value if hasattr(response, "reaction") else None
            for response in responses
        ),
    )


def _prompts(battles: Iterable[UUID]) -> dict[UUID, tuple[str, ...]]:
    found: dict[UUID, list[str]] = defaultdict(list)
    for turn in Turn.objects.filter(battle__in=battles).order_by("battle_id", "number"):
        found[turn.battle_id].append(turn.prompt)
    return {battle: tuple(texts) for battle, texts in found.items()}


def _current_responses(battles: Iterable[UUID]) -> dict[int, list[Response]]:
    found: dict[int, list[Response]] = defaultdict(list)
    for response in (
        Response.objects.filter(turn__battle__in=battles, superseded=False)
        .select_related("reaction")
        .order_by("placement_id", "turn__number")
    ):
        found[response.placement_id].append(response)
    return found
