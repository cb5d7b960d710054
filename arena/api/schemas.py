"""What the arena's part of the API takes and gives."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from ninja import Schema
from pydantic import ConfigDict, Field

from arena.models import Battle

Position = Literal["A", "B", "C"]


class Strict(Schema):
    """What is sent in: wrong types and unknown fields are refused, not guessed at."""

    model_config = ConfigDict(strict=True, extra="forbid")


class BattleIn(Strict):
    prompt: str
    size: int = 2
    mode: str = Battle.Mode.ANONYMOUS.value
    contenders: list[str] | None = Field(None, description="Slugs, in the named modes only.")
    simulated: bool = Field(False, description="The rater is a program: its votes stay apart.")


class TurnIn(Strict):
    prompt: str


class RegenerateIn(Strict):
    position: Position | None = Field(None, description="One response; without it all of them.")


class VoteIn(Strict):
    ranks: list[int] = Field(description="One per position, A first; 1 is best, ties are equal.")
    all_bad: bool = False
    reasons: list[str] = []
    comment: str = ""


class ReactionIn(Strict):
    turn: int
    position: Position
    value: int = Field(description="1 up, -1 down, 0 takes it back.")
    reasons: list[str] = []
    comment: str = ""


class Place(Schema):
    position: Position
    label: str


class BattleCreated(Schema):
    id: UUID
    state: str
    url: str
    socket: str
    responses: list[Place]


class ResponseOut(Place):
    state: Literal["pending", "streaming", "done", "stopped", "error"]
    text: str
    error: str | None
    cut_off: bool = Field(description="It ran into its limit of tokens.")
    reaction: int | None


class TurnOut(Schema):
    turn: int
    prompt: str
    responses: list[ResponseOut]


class Revealed(Schema):
    position: Position
    slug: str
    name: str
    rank: int | None
    elo_before: float | None
    elo_after: float | None
    expected: float | None = Field(
        description="Chance of being ranked first, from the Elo before the vote."
    )
    tokens: int | None
    seconds: float | None
    cost: float | None = Field(description="US dollars, where the price is known.")


class VoteOut(Schema):
    ranks: list[int | None]  # None: it failed and was not compared
    all_bad: bool
    reasons: list[str]
    comment: str
    counted: bool
    not_counted_because: str
    cast_at: str
    take_back_until: str


class BattleOut(Schema):
    id: UUID
    state: Literal["open", "voted", "skipped"]
    mode: str
    url: str
    socket: str
    turns: list[TurnOut]
    vote: VoteOut | None
    contenders: list[Revealed] | None = Field(description="Null until the vote.")


class VoteCast(Schema):
    vote: VoteOut
    contenders: list[Revealed]


class ReactionOut(Schema):
    turn: int
    position: Position
    value: int
    reasons: list[str]
    comment: str


class MineOut(Schema):
    url: str
    prompt: str
    created_at: datetime
    mode: str
    state: str
    size: int
    turns: int
    verdict: str
    counted: bool


class PersonalData(Schema):
    battles: list[dict[str, Any]]


class ContenderOut(Schema):
    slug: str
    name: str
    description: str
    active: bool


class Problem(Schema):
    """Every error: what is wrong and what to do. `fields` names wrong fields of the body."""

    error: str
    fields: dict[str, str] | None = None


PROBLEMS: dict[Any, Any] = {frozenset({401, 403, 404, 409, 413, 422, 429, 503}): Problem}
