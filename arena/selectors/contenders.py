"""How contenders answer: speed, length, failures, price, and the thumbs they got.

Anybody can read these figures, at any moment. What a blind battle adds to them would tell who
answers in it, so it is left out until the vote, or for a day.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import NamedTuple

from django.db.models import Count, Q
from django.utils import timezone

from arena.models import Battle, Contender, Population, Reaction, Replacement, Response

# A battle that nobody has voted on by then hardly gets a vote any more, as when all answers failed.
BLIND_FOR = timedelta(days=1)
RECENT = 20_000  # responses: their reading takes the same time however many there are


@dataclass(frozen=True, slots=True)
class Profile:
    """A contender beside its rating. None where nothing is known yet.

    `first_token_s`, `seconds` and `tokens` are medians of recent responses, `failed` the share of
    recent responses that failed. `price` is in US dollars for a million tokens, `cost` for a
    thousand responses of the median length.
    """

    thumbs_up: int
    thumbs_down: int
    responses: int
    failed: float | None
    first_token_s: float | None
    seconds: float | None
    tokens: float | None
    price: float | None

    @property
    def cost(self) -> float | None:
        if self.price is None or self.tokens is None:
            return None
        return self.price * self.tokens / 1000


def profiles(population: str = Population.PEOPLE) -> dict[int, Profile]:
    """By contender, everyone. Thumbs are those of the population (people, simulated or all)."""
    thumbs = _thumbs(population)
    recent = _recent()
    found = {}
    for pk, price in Contender.objects.values_list("pk", "price"):
        answers = recent.get(pk, [])
        done = [answer for answer in answers if answer.state == Response.State.DONE]
        up, down = thumbs.get(pk, (0, 0))
        found[pk] = Profile(
            thumbs_up=up,
            thumbs_down=down,
            responses=len(answers),
            failed=1 - len(done) / len(answers) if answers else None,
            first_token_s=_median(answer.first_token_s for answer in done),
            seconds=_median(answer.seconds for answer in done),
            tokens=_median(answer.tokens for answer in done),
            price=None if price is None else float(price),
        )
    return found


def _thumbs(population: str) -> dict[int, tuple[int, int]]:
    reactions = Reaction.objects.filter(
        _told("response__placement__battle"), response__superseded=False
    )
    if population != "all":
        reactions = reactions.filter(response__placement__battle__population=population)
    rows = (
        reactions.values_list("response__placement__contender")
        .annotate(up=Count("pk", filter=Q(value=1)), down=Count("pk", filter=Q(value=-1)))
        .order_by()
    )
    return {contender: (up, down) for contender, up, down in rows}


class _Answer(NamedTuple):
    state: str
    first_token_s: float | None
    seconds: float | None
    tokens: int | None


def _recent() -> dict[int, list[_Answer]]:
    """Ended responses by contender."""
    ended = Response.objects.filter(
        _told("placement__battle"),
        state__in=[Response.State.DONE, Response.State.ERROR],
        placement__contender__external=False,
    )
    rows = ended.order_by("-pk").values_list(
        "placement__contender", "state", "first_token_s", "duration_s", "tokens"
    )[:RECENT]
    found: dict[int, list[_Answer]] = defaultdict(list)
    for contender, *answer in rows:
        found[contender].append(_Answer._make(answer))
    left = Replacement.objects.filter(_told("placement__battle")).order_by("-pk")
    for contender in left.values_list("contender", flat=True)[:RECENT]:
        found[contender].append(_Answer(Response.State.ERROR, None, None, None))
    return found


def _told(battle: str) -> Q:
    """Those of battles whose rater knows the contenders, or would by now."""
    return (
        Q((f"{battle}__state", Battle.State.VOTED))
        | ~Q((f"{battle}__mode", Battle.Mode.ANONYMOUS))
        | Q((f"{battle}__created_at__lt", timezone.now() - BLIND_FOR))
    )


def _median(values: Iterable[float | int | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None
