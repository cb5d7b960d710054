"""Has contenders write their responses, all at once."""

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from arena import live
from arena.backends import BackendError, Usage, backend_of
from arena.generation.pace import Pen
from arena.live.hub import Hub
from arena.live.response import LiveResponse
from arena.models import POSITIONS, Response
from arena.selectors import Job, pending_jobs
from arena.services.responses import INTERRUPTED, finish_response, mark_streaming
from arena.threads import in_thread

logger = logging.getLogger(__name__)

RESPONSE_MAX_CHARS = 200_000


@dataclass(slots=True)
class Outcome:
    """How the writing of a response went."""

    state: str = Response.State.DONE
    error: str = ""
    first_token_s: float | None = None
    tokens: int | None = None


async def begin(hub: Hub, battle_id: UUID) -> None:
    """Starts a task for each pending response that nobody else writes."""
    jobs = await in_thread(pending_jobs, battle_id)
    room = hub.room(battle_id)
    new = {}
    for job in jobs:
        if job.response_id not in room.responses:
            new[job.response_id] = room.responses[job.response_id] = LiveResponse(
                id=job.response_id,
                battle_id=battle_id,
                turn=job.turn,
                position=job.position,
                mine=True,
            )
    ours = await hub.keeper.claim(new)
    for pk in new.keys() - ours:
        del room.responses[pk]
    chosen = [job for job in jobs if job.response_id in ours]
    if chosen:
        hub.tell_started(battle_id, _started(chosen), ours)
    for job in chosen:
        response = new[job.response_id]
        response.writer = hub.run(_write(hub, response, job))


def _started(jobs: list[Job]) -> live.Event:
    return live.started(
        turn=jobs[0].turn,
        prompt=jobs[0].prompt,
        responses=[
            {
                "position": POSITIONS[job.position],
                "label": job.label,
                "state": Response.State.PENDING,
            }
            for job in jobs
        ],
    )


async def _write(hub: Hub, response: LiveResponse, job: Job) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    outcome = Outcome()
    pen = Pen(hub, response)
    response.reader = asyncio.create_task(_read(hub, response, job, pen, outcome))
    if response.ended_by:  # before it began
        response.reader.cancel()
    try:
        await response.reader
    except asyncio.CancelledError:
        if not response.ended_by:  # the loop itself is closing; the next look finds the orphan
            response.reader.cancel()
            raise
    except BackendError as error:
        logger.warning("Response %d failed: %s", response.id, error.detail)
        outcome.state, outcome.error = Response.State.ERROR, error.reason
    except Exception:
        logger.exception("Response %d failed inside the arena.", response.id)
        outcome.state = Response.State.ERROR
        outcome.error = "The arena failed to read the answer. Retry it."
    if response.ended_by == "stop":
        outcome.state = Response.State.STOPPED
    elif response.ended_by:
        outcome.state, outcome.error = Response.State.ERROR, INTERRUPTED
    pen.close()
    await _settle(hub, response, outcome, loop.time() - begun)


async def _read(hub: Hub, response: LiveResponse, job: Job, pen: Pen, outcome: Outcome) -> None:
    """Passes the contender's text on, within the time limits."""
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
                if piece and outcome.first_token_s is None:
                    outcome.first_token_s = loop.time() - begun
                    hub.run(in_thread(mark_streaming, response_id=response.id))
                idle = loop.time() + settings.IDLE_TIMEOUT_S
                speaks = outcome.first_token_s is not None
                limit.reschedule(idle if speaks else max(idle, first_deadline))
                if piece:
                    pen.write(piece)
                if pen.length > RESPONSE_MAX_CHARS:
                    raise BackendError("The answer was too long and was cut.", f"{job.contender}")
    except TimeoutError:
        raise _too_late(job, outcome) from None
    if not pen.has_text:
        raise BackendError("The answer was empty.", f"{job.contender.slug}: no text came.")


def _too_late(job: Job, outcome: Outcome) -> BackendError:
    if outcome.first_token_s is None:
        within = f"{settings.FIRST_TOKEN_TIMEOUT_S:g} s"
        return BackendError(
            f"No answer came within {within}.",
            f"{job.contender.slug}: no first token within {within}.",
        )
    idle = f"{settings.IDLE_TIMEOUT_S:g} s"
    return BackendError(
        f"The answer stood still for {idle} and was given up.",
        f"{job.contender.slug}: no token for {idle}.",
    )


async def _settle(hub: Hub, response: LiveResponse, outcome: Outcome, duration_s: float) -> None:
    """Saves first and tells then: whoever hears that it is done can vote at once."""
    try:
        await in_thread(
            finish_response,
            response_id=response.id,
            state=outcome.state,
            text=response.text,
            error=outcome.error,
            first_token_s=outcome.first_token_s,
            duration_s=duration_s,
            tokens=outcome.tokens,
        )
    except Exception:
        logger.exception("Response %d could not be saved.", response.id)
        outcome.state = Response.State.ERROR
        outcome.error = "The answer could not be saved. Retry it."
    response.error = outcome.error
    response.state = outcome.state
    place = {"turn": response.turn, "position": response.position}
    if outcome.state == Response.State.ERROR:
        hub.tell(response, live.failed(**place, error=outcome.error))
    else:
        hub.tell(response, live.done(**place, state=outcome.state))
    hub.forget_later(response)
    await hub.keeper.release(response.id)
