"""A battle as its rater may see it."""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Sum

from arena.blindness import blind_error, blind_text
from arena.models import POSITIONS, Battle, Placement, Response, Vote
from arena.odds import chances_of_first
from arena.reasons import clean_reasons
from arena.text import clean_comment

# How long after its cast a vote can be taken back.
TAKE_BACK_WITHIN = timedelta(seconds=10)

FINISHED = {Response.State.DONE, Response.State.STOPPED, Response.State.ERROR}


@dataclass(slots=True)
class ResponseState:
    """One current response. `html` is filled in only for those who show it."""

    id: int
    position: int
    state: str
    text: str
    error: str
    reaction: int | None
    reasons: list[str] = field(default_factory=list)  # of the reaction
    comment: str = ""  # of the reaction
    cut_off: bool = False
    html: str | None = None

    @property
    def finished(self) -> bool:
        return self.state in FINISHED


def is_answer(response: Response | ResponseState) -> bool:
    """Whether there is an answer to compare: a response that failed is none, whatever it said."""
    return response.state != Response.State.ERROR and bool(response.text.strip())


@dataclass(slots=True)
class TurnState:
    number: int
    prompt: str
    responses: list[ResponseState] = field(default_factory=list)


@dataclass(slots=True)
class BattleState:
    """What GET battles/{id} and the socket's state event say, before the names of JSON."""

    id: UUID
    mode: str
    state: str
    url: str
    turns: list[TurnState]
    vote: dict[str, Any] | None
    contenders: list[dict[str, Any]] | None

    @property
    def responses(self) -> list[ResponseState]:
        return [response for turn in self.turns for response in turn.responses]

    def label(self, position: int) -> str:
        """How the contender at a position is called: by its letter while the battle is blind."""
        return label(self.contenders, position)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": str(self.id),
            "state": self.state,
            "mode": self.mode,
            "url": self.url,
            "socket": socket_url(self.id),
            "turns": [self.turn_as_json(turn) for turn in self.turns],
            "vote": self.vote,
            "contenders": self.contenders,
        }

    def turn_as_json(self, turn: TurnState) -> dict[str, Any]:
        return {
            "turn": turn.number,
            "prompt": turn.prompt,
            "responses": [self._response_as_json(response) for response in turn.responses],
        }

    def _response_as_json(self, response: ResponseState) -> dict[str, Any]:
        said: dict[str, Any] = {
            "position": POSITIONS[response.position],
            "label": self.label(response.position),
            "state": response.state,
            "text": response.text,
            "error": response.error or None,
            "cut_off": response.cut_off,
            "reaction": response.reaction,
        }
        if response.html is not None:
            said["html"] = response.html
        return said


def socket_url(battle_id: UUID) -> str:
    """Where the battle's events come from."""
    return f"/ws/battles/{battle_id}/"


def label(contenders: list[dict[str, Any]] | None, position: int) -> str:
    """How to call the contender at a position, given what `reveal` says of the battle."""
    if contenders is None:
        return f"Contender {POSITIONS[position]}"
    return str(contenders[position]["name"])


def battle_state(battle: Battle) -> BattleState:
    """The battle as the database has it: a text that is being written is known to `generation`."""
    return state_of(Battle.objects.get(pk=battle.pk))


def state_of(current: Battle) -> BattleState:
    """`battle_state` of a battle that was read just now."""
    contenders = reveal(current)
    turns: dict[int, TurnState] = {}
    for number, prompt, *of_response in (
        Response.objects.filter(turn__battle=current, superseded=False)
        .order_by("turn__number", "placement__position")
        .values_list("turn__number", "turn__prompt", *_OF_RESPONSE)
    ):
        turn = turns.setdefault(number, TurnState(number, prompt))
        turn.responses.append(_response_state(*of_response, blind=contenders is None))
    return BattleState(
        id=current.pk,
        mode=current.mode,
        state=current.state,
        url=current.get_absolute_url(),
        turns=list(turns.values()),
        vote=vote_summary(current),
        contenders=contenders,
    )


def generating(raters: Set[int]) -> list[UUID]:
    """The battles of these raters in which something is being written."""
    unfinished = Response.objects.exclude(state__in=FINISHED).filter(superseded=False)
    mine = unfinished.filter(turn__battle__rater__in=raters)
    return list(mine.values_list("turn__battle", flat=True).distinct().order_by())


def reveal(battle: Battle) -> list[dict[str, Any]] | None:
    """Who answered at each position, at what cost, and what the vote did to their Elo.

    The only way on which contenders' names reach a rater. None while the battle is blind.
    `expected` is the chance of being ranked first that the Elo before the vote gave it; `cost` is
    in US dollars; `tokens` and `seconds` are those of the current responses, None if unknown.
    """
    seen = battle.state == Battle.State.VOTED or battle.names_shown
    if battle.mode == Battle.Mode.ANONYMOUS and not seen:
        return None
    placements = list(
        Placement.objects.filter(battle=battle).select_related("contender").order_by("position")
    )
    expected = chances_of_first([placement.elo_before for placement in placements])
    spent = _spent(battle)
    return [
        {
            "position": placement.label,
            "slug": placement.contender.slug,
            "name": placement.contender.name,
            "rank": placement.rank,
            "elo_before": placement.elo_before,
            "elo_after": placement.elo_after,
            "expected": chance,
            **_effort(placement, *spent.get(placement.pk, (None, None))),
        }
        for placement, chance in zip(placements, expected, strict=True)
    ]


def _spent(battle: Battle) -> dict[int, tuple[int | None, float | None]]:
    """Tokens and seconds of the current responses, by placement."""
    current = Response.objects.filter(turn__battle=battle, superseded=False).order_by()
    rows = current.values_list("placement").annotate(Sum("tokens"), Sum("duration_s"))
    return {placement: (tokens, seconds) for placement, tokens, seconds in rows}


def _effort(placement: Placement, tokens: int | None, seconds: float | None) -> dict[str, Any]:
    price = placement.contender.price
    cost = None if tokens is None or price is None else float(price) * tokens / 1_000_000
    return {"tokens": tokens, "seconds": seconds, "cost": cost}


def vote_summary(battle: Battle) -> dict[str, Any] | None:
    """The battle's vote in JSON's words, or None."""
    if battle.state != Battle.State.VOTED:
        return None
    vote = Vote.objects.get(battle=battle)
    ranks = Placement.objects.filter(battle=battle).order_by("position")
    return {
        "ranks": list(ranks.values_list("rank", flat=True)),
        "all_bad": vote.all_bad,
        "reasons": vote.reasons,
        "comment": vote.comment,
        "counted": vote.counted,
        "not_counted_because": vote.not_counted_because,
        "cast_at": vote.cast_at.isoformat(),
        "take_back_until": (vote.cast_at + TAKE_BACK_WITHIN).isoformat(),
    }


def is_vote_of(
    battle: Battle, *, ranks: Sequence[int], all_bad: bool, reasons: Sequence[str], comment: str
) -> bool:
    """Whether the battle's vote says just this, as the second of a double click does.

    One rank per position; of who failed and has none in the vote, any rank is the same.
    """
    vote = vote_summary(battle)
    if vote is None:
        return False
    compared = [given for given, kept in zip(ranks, vote["ranks"], strict=True) if kept]
    places = [1 + sum(other < given for other in compared) for given in compared]
    said = (all_bad, clean_reasons(reasons), clean_comment(comment))
    return places == [kept for kept in vote["ranks"] if kept] and said == (
        vote["all_bad"],
        vote["reasons"],
        vote["comment"],
    )


# As values: instances with all that they are joined with cost three times as much, at every look.
_OF_RESPONSE = (
    *("pk", "placement__position", "state", "text", "error", "cut_off", "disclosures", "masked"),
    *("reaction__value", "reaction__reasons", "reaction__comment"),
)


def _response_state(
    pk: int,
    position: int,
    state: str,
    text: str,
    error: str,
    cut_off: bool,
    disclosures: list[Any],
    masked: bool,
    reaction: int | None,
    reasons: list[str] | None,
    comment: str | None,
    *,
    blind: bool,
) -> ResponseState:
    if blind:
        text = blind_text(text, disclosures, was_masked=masked)
        error = blind_error(error, text=text)
    return ResponseState(
        id=pk,
        position=position,
        state=state,
        text=text,
        error=error,
        reaction=reaction,
        reasons=reasons or [],
        comment=comment or "",
        cut_off=cut_off,
    )
