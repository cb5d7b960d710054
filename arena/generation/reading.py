"""Reads what a contender says, within the time limits."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from django.conf import settings

from arena.backends import BackendError, CutOff, Usage, backend_of
from arena.generation.pen import Pen
from arena.models import Response
from arena.selectors import Job
from arena.sentences import Sentence

RESPONSE_MAX_CHARS = 200_000
# Up to this share of the idle time-out may pass in addition.
LATE_SHARE = 1 / 30

TOO_LONG = Sentence("The answer was too long and was cut.")
EMPTY = Sentence("The answer was empty.")
NOT_IN_TIME = Sentence("No answer came within %(time)s.")
STOOD_STILL = Sentence("The answer stood still for %(time)s and was given up.")


@dataclass(slots=True)
class Outcome:
    """How the writing of a response went."""

    state: str = Response.State.DONE
    error: str = ""
    first_token_s: float | None = None
    duration_s: float | None = None
    tokens: int | None = None
    cut_off: bool = False


async def read(job: Job, pen: Pen, outcome: Outcome, began: Callable[[], None]) -> None:
    """Passes the contender's text on to the pen. Raises BackendError; `began` is told once."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    first_deadline = begun + settings.FIRST_TOKEN_TIMEOUT_S
    stream = backend_of(job.contender).stream(job.contender, job.messages)
    try:
        async with asyncio.timeout_at(first_deadline) as limit, aclosing(stream):
            async for piece in stream:
                if isinstance(piece, Usage):
                    outcome.tokens = piece.tokens
                    continue
                if isinstance(piece, CutOff):
                    outcome.cut_off = True
                    continue
                if piece and outcome.first_token_s is None:
                    outcome.first_token_s = loop.time() - begun
                    began()
                due = loop.time() + settings.IDLE_TIMEOUT_S
                if outcome.first_token_s is None:
                    due = max(due, first_deadline)
                # It moves in steps: a new timer for each token is a quarter of the reading's cost.
                late = due + settings.IDLE_TIMEOUT_S * LATE_SHARE
                if not due <= (limit.when() or 0.0) <= late:
                    limit.reschedule(late)
                if piece:
                    pen.write(piece)
                if pen.length > RESPONSE_MAX_CHARS:
                    raise BackendError(TOO_LONG(), f"{job.contender}")
    except TimeoutError:
        raise _too_late(job, outcome) from None
    finally:
        outcome.duration_s = loop.time() - begun
    if not pen.has_text:
        raise BackendError(EMPTY(), f"{job.contender.slug}: no text came.")


def _too_late(job: Job, outcome: Outcome) -> BackendError:
    if outcome.first_token_s is None:
        within = f"{settings.FIRST_TOKEN_TIMEOUT_S:g} s"
        return BackendError(
            NOT_IN_TIME(time=within),
            f"{job.contender.slug}: no first token within {within}.",
        )
    idle = f"{settings.IDLE_TIMEOUT_S:g} s"
    return BackendError(
        STOOD_STILL(time=idle),
        f"{job.contender.slug}: no token for {idle}.",
    )
