"""What the battle pages show, as values for the templates. Names come from the reveal only."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.safestring import SafeString, mark_safe

from arena.models import POSITIONS, Battle, Contender, Prompt
from arena.reasons import BAD, GOOD
from arena.selectors import BattleState, ResponseState, TurnState

RUNNING_REASON = "Opens when the responses are finished."
FAILED_REASON = "There are not two answers to compare. Retry the failed one."
PLACES = {1: "1st", 2: "2nd", 3: "3rd"}
SUGGESTIONS = 4


@dataclass(frozen=True, slots=True)
class Card:
    """One response on the page."""

    position: str
    state: str
    html: SafeString
    error: str
    reaction: int | None
    reasons: list[tuple[str, str, bool]]  # what a thumb may say: value, words, whether it says so
    comment: str
    name: str  # empty while the battle is blind


@dataclass(frozen=True, slots=True)
class Section:
    """One turn on the page."""

    number: int
    prompt: str
    is_last: bool
    responses: list[Card]


@dataclass(frozen=True, slots=True)
class Line:
    """One contender of the reveal."""

    position: str
    name: str
    place: str
    elo_before: float | None
    elo_after: float | None

    @property
    def change(self) -> int:
        """In whole points, between the figures as they are shown."""
        return round(self.elo_after or 0) - round(self.elo_before or 0)

    @property
    def delta(self) -> str:
        return f"{self.change:+d}".replace("-", "−") if self.change else "±0"

    @property
    def direction(self) -> str:
        return "up" if self.change > 0 else "down" if self.change < 0 else "none"


class BattlePage:
    """A battle as its page shows it."""

    prompt_max = settings.PROMPT_MAX_CHARS
    why_running = RUNNING_REASON
    why_failed = FAILED_REASON
    vote_reasons = [*GOOD, *BAD]

    def __init__(self, state: BattleState) -> None:
        self._state = state
        self.id = state.id
        self.state = state.state
        self.open = state.state == Battle.State.OPEN
        self.votable = state.mode != Battle.Mode.DIRECT
        self.size = len(state.turns[0].responses)
        self.letters = POSITIONS[: self.size]
        self.running = any(not response.finished for response in state.responses)
        self.vote = state.vote
        self.counted = bool(state.vote and state.vote["counted"])

    @property
    def turns(self) -> list[Section]:
        last = self._state.turns[-1].number
        return [
            Section(
                turn.number,
                turn.prompt,
                turn.number == last,
                [self.card(response) for response in turn.responses],
            )
            for turn in self._state.turns
        ]

    def card(self, response: ResponseState) -> Card:
        contenders = self._state.contenders
        return Card(
            position=POSITIONS[response.position],
            state=response.state,
            html=mark_safe(response.html or ""),  # cleaned by arena.rendering
            error=response.error,
            reaction=response.reaction,
            reasons=[
                (value, words, value in response.reasons)
                for value, words in (BAD if response.reaction == -1 else GOOD)
            ],
            comment=response.comment,
            name=contenders[response.position]["name"] if contenders else "",
        )

    def find(self, *, turn: int, position: int) -> tuple[Section, Card]:
        """The section and card at a place; KeyError when there is none."""
        for found in self._state.turns:
            for response in found.responses:
                if (found.number, response.position) == (turn, position):
                    return self._bare(found), self.card(response)
        raise KeyError((turn, position))

    def _bare(self, turn: TurnState) -> Section:
        return Section(turn.number, turn.prompt, turn is self._state.turns[-1], [])

    @property
    def why_not_yet(self) -> str:
        """Why no vote can be cast now; empty when one can."""
        last = self._state.turns[-1].responses
        if any(not response.finished for response in last):
            return RUNNING_REASON
        answered = sum(bool(response.text.strip()) for response in last)
        return "" if answered >= 2 else FAILED_REASON

    @property
    def failed(self) -> set[str]:
        """The letters that have no answer to compare, once all responses are finished."""
        last = self._state.turns[-1].responses
        if any(not response.finished for response in last):
            return set()
        return {POSITIONS[one.position] for one in last if not one.text.strip()}

    @property
    def first_prompt(self) -> str:
        return self._state.turns[0].prompt

    @property
    def verdict(self) -> str:
        return verdict(self.vote["ranks"], all_bad=self.vote["all_bad"]) if self.vote else ""

    @property
    def reveal(self) -> list[Line]:
        return [_line(found) for found in self._state.contenders or ()]


@dataclass(frozen=True, slots=True)
class Entry:
    """One battle in a rater's list."""

    url: str
    prompt: str
    created_at: datetime
    size: int
    turns: int
    verdict: str  # empty while there is no vote


def entries(raters: set[int], *, limit: int) -> list[Entry]:
    """The newest battles of these raters."""
    battles = (
        Battle.objects.filter(rater__in=raters)
        .select_related("vote")
        .prefetch_related("turns", "placements")
        .order_by("-created_at")[:limit]
    )
    return [_entry(battle) for battle in battles]


def verdict(ranks: Sequence[int | None], *, all_bad: bool) -> str:
    """A vote in words: “You found B better”, “You ranked B > A = C”. Who failed has no rank."""
    ranked = [(letter, rank) for letter, rank in zip(POSITIONS, ranks, strict=False) if rank]
    order = sorted({rank for _, rank in ranked})
    if all_bad:
        return "Both were bad" if len(ranked) == 2 else "All were bad"
    if len(order) == 1:
        return "You called it a tie"
    if len(ranked) == 2:
        return f"You found {next(letter for letter, rank in ranked if rank == 1)} better"
    groups = [" = ".join(letter for letter, rank in ranked if rank == place) for place in order]
    return f"You ranked {' > '.join(groups)}"


def active_contenders() -> int:
    return Contender.objects.filter(active=True, external=False).count()


def categories() -> list[str]:
    """The categories of the prompt library."""
    found = Prompt.objects.filter(active=True).order_by("category")
    return list(found.values_list("category", flat=True).distinct())


def suggestions(category: str = "") -> list[Prompt]:
    """Some prompts of the library: of one category, or each of another one."""
    library = Prompt.objects.filter(active=True)
    if category:
        return list(library.filter(category=category).order_by("?")[:SUGGESTIONS])
    ids = list(library.order_by().values_list("category", "pk"))
    random.shuffle(ids)
    chosen = list(dict(ids).values())
    random.shuffle(chosen)
    return list(library.filter(pk__in=chosen[:SUGGESTIONS]))


def _line(found: dict[str, Any]) -> Line:
    return Line(
        position=found["position"],
        name=found["name"],
        place=PLACES.get(found["rank"], ""),
        elo_before=found["elo_before"],
        elo_after=found["elo_after"],
    )


def _entry(battle: Battle) -> Entry:
    turns, placements = list(battle.turns.all()), list(battle.placements.all())
    ranks = [placement.rank for placement in sorted(placements, key=lambda one: one.position)]
    voted = hasattr(battle, "vote") and any(ranks)
    return Entry(
        url=battle.get_absolute_url(),
        prompt=turns[0].prompt if turns else "",
        created_at=battle.created_at,
        size=len(placements),
        turns=len(turns),
        verdict=verdict(ranks, all_bad=battle.vote.all_bad) if voted else "",
    )
