"""The life of a response in the database, as `generation` drives it."""

from collections.abc import Iterable

from django.db import transaction

from arena.models import Response

INTERRUPTED = "The answer was interrupted by a restart of the arena. Retry it."

_UNFINISHED = [Response.State.PENDING, Response.State.STREAMING]


@transaction.atomic
def mark_streaming(*, response_id: int) -> None:
    """The first token has come. Nothing happens when the response is finished already."""
    Response.objects.filter(pk=response_id, state=Response.State.PENDING).update(
        state=Response.State.STREAMING
    )


@transaction.atomic
def finish_response(
    *,
    response_id: int,
    state: str,
    text: str,
    error: str = "",
    first_token_s: float | None = None,
    duration_s: float | None = None,
    tokens: int | None = None,
) -> bool:
    """Saves how a response ended; False when it was finished already, which then stays."""
    changed = Response.objects.filter(pk=response_id, state__in=_UNFINISHED).update(
        state=state,
        text=text,
        error=error[:300],
        first_token_s=first_token_s,
        duration_s=duration_s,
        tokens=tokens,
    )
    return changed == 1


def mark_interrupted(*, texts: Iterable[tuple[int, str]]) -> None:
    """Ends responses whose process is gone, with the text that is left of them."""
    for response_id, text in texts:
        finish_response(
            response_id=response_id, state=Response.State.ERROR, text=text, error=INTERRUPTED
        )
