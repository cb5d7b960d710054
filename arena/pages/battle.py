"""What a battle's page shows, as values for the templates. Names come from the reveal only."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from arena.blindness import in_words
from arena.models import POSITIONS, Battle, Response
from arena.reasons import BAD, GOOD
from arena.selectors import BattleState, ResponseState, TurnState, is_answer
from arena.sentences import shown
from arena.services.votes import NAMES_KNOWN

RUNNING_REASON = _("Opens when the responses are finished.")
SLOW_REASON = _("An answer is slow to begin. Wait for it, or skip this battle.")
FAILED_REASON = _("There are not two answers to compare. Retry what failed.")
ALL_FAILED_REASON = _("No answer was finished. Retry; if that fails too, tell the operator.")
STOPPED_REASON = _("The responses were stopped before anything was written. Retry them.")
# Chances that are worth a word, as multiples of an even chance: of two from 60 % and below 37.5 %,
# of three from 40 % and below 25 %.
FAVOURED, SURPRISING = 1.2, 0.75
PLACES = {1: _("1st"), 2: _("2nd"), 3: _("3rd")}
KNOWN_NAMES = _("You chose them by name, so your vote will be kept but not counted.")
SHOWN_NAMES = _(
    "You took your vote back after the names were shown. "
    "Vote again if you like: it will be kept but not counted."
)
# What operators read of the rater, in the words for the rater.
TO_RATER = {NAMES_KNOWN(): _("You knew the contenders' names.")}


@dataclass(frozen=True, slots=True)
class Card:
    """One response on the page."""

    position: str
    state: str
    html: SafeString
    error: str
    cut_off: bool
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
    slug: str
    name: str
    place: str
    elo_before: float | None
    elo_after: float | None
    expected: float | None
    tokens: int | None
    seconds: float | None
    cost: float | None

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

    @property
    def expected_percent(self) -> int | None:
        return None if self.expected is None else round(100 * self.expected)

    @property
    def cost_words(self) -> str:
        """US dollars with two figures that mean something, or nothing."""
        if self.cost is None:
            return ""
        if self.cost == 0:
            return gettext("free")
        if self.cost < 1e-4:
            return gettext("under $%(dollars)s") % {"dollars": number_format("0.0001")}
        return gettext("$%(dollars)s") % {"dollars": number_format(f"{self.cost:.2g}")}


class BattlePage:
    """A battle as its page shows it."""

    prompt_max = settings.PROMPT_MAX_CHARS
    why_running = RUNNING_REASON
    why_slow = SLOW_REASON
    why_failed = FAILED_REASON
    why_all_failed = ALL_FAILED_REASON
    why_stopped = STOPPED_REASON
    vote_reasons = [*GOOD, *BAD]

    def __init__(self, state: BattleState) -> None:
        self._state = state
        self.id = state.id
        self.state = state.state
        self.open = state.state == Battle.State.OPEN
        self.skipped = state.state == Battle.State.SKIPPED
        self.mode = state.mode
        self.named = state.contenders is not None
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
            html=mark_safe(in_words(response.html or "")),  # cleaned by arena.rendering
            error=shown(response.error),
            cut_off=response.cut_off,
            reaction=response.reaction,
            reasons=[
                (value, str(words), value in response.reasons)
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
            return str(RUNNING_REASON)
        answered = sum(map(is_answer, last))
        if answered:
            return "" if answered >= 2 else str(FAILED_REASON)
        stopped = all(response.state == Response.State.STOPPED for response in last)
        return str(STOPPED_REASON if stopped else ALL_FAILED_REASON)

    @property
    def failed(self) -> set[str]:
        """The letters that have no answer to compare, once all responses are finished."""
        last = self._state.turns[-1].responses
        if any(not response.finished for response in last):
            return set()
        return {POSITIONS[one.position] for one in last if not is_answer(one)}

    @property
    def last(self) -> TurnState:
        return self._state.turns[-1]

    @property
    def note(self) -> str:
        """What the rater should know before voting."""
        if not self.open or not self.named or not self.votable:
            return ""
        if self.mode == Battle.Mode.ANONYMOUS:
            return str(SHOWN_NAMES)
        return "" if settings.COUNT_SIDE_BY_SIDE else str(KNOWN_NAMES)

    @property
    def not_counted_because(self) -> str:
        because = self.vote["not_counted_because"] if self.vote else ""
        return str(TO_RATER.get(because) or shown(because))

    @property
    def seconds_to_take_back(self) -> int:
        """How long the vote can still be taken back; 0 when it stands."""
        if not self.vote:
            return 0
        left = datetime.fromisoformat(self.vote["take_back_until"]) - timezone.now()
        return max(0, math.ceil(left.total_seconds()))

    @property
    def setup(self) -> list[tuple[str, str]]:
        """The fields that start a battle like this one."""
        fields = [("mode", self.mode), ("size", str(self.size))]
        if self.mode != Battle.Mode.ANONYMOUS:
            fields += [("contenders", found["slug"]) for found in self._state.contenders or ()]
        return fields

    @property
    def next_url(self) -> str:
        return f"{reverse('home')}?{urlencode([*self.setup, ('focus', '1')])}"

    @property
    def surprise(self) -> str:
        """How the vote compares with what Elo expected; empty where nothing was expected."""
        lines = [line for line in self.reveal if line.expected is not None]
        if not self.vote or len(lines) < 2:
            return ""
        even = 1 / len(lines)
        favourite = max(lines, key=lambda line: line.expected or 0)
        if (favourite.expected or 0) < FAVOURED * even:
            return gettext("Before your vote the chances were about even.")
        first = [line for line in lines if line.place == str(PLACES[1])]
        values = {"favourite": favourite.position, "percent": favourite.expected_percent}
        if len(first) != 1 or self.vote["all_bad"]:
            text = gettext("Before your vote %(favourite)s was the favourite, with %(percent)s %%.")
            return text % values
        values |= {"first": first[0].position, "chance": first[0].expected_percent}
        if first[0] is favourite:
            text = gettext(
                "Before your vote %(favourite)s was the favourite, "
                "with %(percent)s %%: as expected."
            )
        elif (first[0].expected or 0) < SURPRISING * even:
            text = gettext(
                "Before your vote %(favourite)s was the favourite, with %(percent)s %%: "
                "a surprise, with %(chance)s %% for %(first)s."
            )
        else:
            text = gettext(
                "Before your vote %(favourite)s was the favourite, with %(percent)s %%; "
                "%(first)s had %(chance)s %%."
            )
        return text % values

    @property
    def first_prompt(self) -> str:
        return self._state.turns[0].prompt

    @property
    def verdict(self) -> str:
        return verdict(self.vote["ranks"], all_bad=self.vote["all_bad"]) if self.vote else ""

    @property
    def reveal(self) -> list[Line]:
        return [_line(found) for found in self._state.contenders or ()]


def verdict(ranks: Sequence[int | None], *, all_bad: bool) -> str:
    """A vote in words: “You found B better”, “You ranked B > A = C”. Who failed has no rank."""
    ranked = [(letter, rank) for letter, rank in zip(POSITIONS, ranks, strict=False) if rank]
    order = sorted({rank for _, rank in ranked})
    if all_bad:
        return gettext("Both were bad") if len(ranked) == 2 else gettext("All were bad")
    if len(order) == 1:
        return gettext("You called it a tie")
    if len(ranked) == 2:
        best = next(letter for letter, rank in ranked if rank == 1)
        return gettext("You found %(letter)s better") % {"letter": best}
    groups = [" = ".join(letter for letter, rank in ranked if rank == place) for place in order]
    return gettext("You ranked %(order)s") % {"order": " > ".join(groups)}


def _line(found: dict[str, Any]) -> Line:
    return Line(
        position=found["position"],
        slug=found["slug"],
        name=found["name"],
        place=str(PLACES.get(found["rank"], "")),
        elo_before=found["elo_before"],
        elo_after=found["elo_after"],
        expected=found["expected"],
        tokens=found["tokens"],
        seconds=found["seconds"],
        cost=found["cost"],
    )
