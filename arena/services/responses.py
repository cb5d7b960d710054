"""The life of a response in the database, as `generation` drives it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from arena.blindness import INTERRUPTED
from arena.disclosure import Span
from arena.models import Response

_UNFINISHED = [Response.State.PENDING, Response.State.STREAMING]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a response ended."""

    response_id: int
    state: str
    text: str
    error: str = ""
    first_token_s: float | None = None
    duration_s: float | None = None
    tokens: int | None = None
    cut_off: bool = False
    disclosures: list[Span] = field(default_factory=list)
    masked: bool = False


@transaction.atomic
def mark_streaming(*, response_ids: Collection[int]) -> None:
    """Their first tokens have come. Nothing happens to those that are finished already."""
    Response.objects.filter(pk__in=response_ids, state=Response.State.PENDING).update(
        state=Response.State.STREAMING
    )


@transaction.atomic
def finish_responses(endings: Iterable[Ending]) -> None:
    """Saves how responses ended, in one transaction. What was finished already stays."""
    now = timezone.now()
    for ending in endings:
        Response.objects.filter(pk=ending.response_id, state__in=_UNFINISHED).update(
            state=ending.state,
            text=ending.text,
            error=ending.error[:300],
            first_token_s=ending.first_token_s,
            duration_s=ending.duration_s,
            tokens=ending.tokens,
            cut_off=ending.cut_off,
            disclosures=ending.disclosures,
            masked=ending.masked,
            ended_at=now,
        )


def mark_interrupted(*, texts: Iterable[tuple[int, str]]) -> None:
    """Ends responses whose process is gone, with the text that is left of them."""
    finish_responses(
        [Ending(pk, Response.State.ERROR, text, error=INTERRUPTED) for pk, text in texts]
    )
