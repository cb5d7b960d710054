"""Has contenders write their responses, all at once."""

import asyncio
import logging
from uuid import UUID

from django.conf import settings

from arena import live
from arena.backends import BackendError
from arena.blindness import INTERRUPTED, blind_error
from arena.disclosure import Watcher
from arena.generation.pace import Pace
from arena.generation.pen import Pen
from arena.generation.reading import Outcome, read
from arena.generation.saving import saver
from arena.live.hub import Hub
from arena.live.response import LiveResponse
from arena.models import POSITIONS, Response
from arena.selectors import Job, pending_jobs
from arena.sentences import Sentence
from arena.services.replacements import replace_contender
from arena.services.responses import Ending
from arena.threads import in_thread

logger = logging.getLogger(__name__)

# So often another contender takes over a response before it is given up.
REPLACEMENTS_MAX = 2
# So long pages are told of a new battle what this process knows, without asking the database.
OPENING_S = 5.0
NOT_SAVED = Sentence("The answer could not be saved. Retry it.")
NOT_READ = Sentence("The arena failed to read the answer. Retry it.")


async def begin(hub: Hub, battle_id: UUID) -> None:
    """Starts a task for each pending response that nobody else writes; see `generation.start`."""
    jobs = await in_thread(pending_jobs, battle_id)
    mine = _take(hub, battle_id, jobs)
    await _claim(hub, battle_id, mine)
    responses = hub.room(battle_id).responses
    _write(hub, battle_id, jobs, {pk: mine[pk] for pk in mine if pk in responses})


def begin_new(hub: Hub, battle_id: UUID, jobs: list[Job]) -> None:
    """The same for a battle that is so new that hardly anybody else can know of it: its contenders
    are asked in the loop's next step, and nobody waits for Redis."""
    mine = _take(hub, battle_id, jobs)
    _write(hub, battle_id, jobs, mine, new=True)
    room = hub.room(battle_id)
    room.opening = list(jobs)
    asyncio.get_running_loop().call_later(OPENING_S, room.opening.clear)
    hub.run(_claim(hub, battle_id, mine))


def _take(hub: Hub, battle_id: UUID, jobs: list[Job]) -> dict[int, LiveResponse]:
    """Those responses that this process does not know yet are to be its own."""
    room = hub.room(battle_id)
    taken = {
        job.response_id: LiveResponse(
            id=job.response_id,
            battle_id=battle_id,
            turn=job.turn,
            position=job.position,
            mine=True,
        )
        for job in jobs
        if job.response_id not in room.responses
    }
    room.responses |= taken
    return taken


async def _claim(hub: Hub, battle_id: UUID, mine: dict[int, LiveResponse]) -> None:
    """Leaves those to another process that it has claimed first."""
    room = hub.room(battle_id)
    for pk in mine.keys() - await hub.keeper.claim(mine):
        room.responses.pop(pk, None)
        if (writer := mine[pk].writer) is not None:
            writer.cancel()


def _write(
    hub: Hub, battle_id: UUID, jobs: list[Job], ours: dict[int, LiveResponse], *, new: bool = False
) -> None:
    chosen = [job for job in jobs if job.response_id in ours]
    if chosen:
        hub.tell_started(battle_id, _started(chosen), ours, new=new)
    paced = settings.ARENA_PACING and any(job.blind for job in chosen)
    pace = Pace(settings.ARENA_PACING) if paced else None
    for job in chosen:
        Writing(hub, ours[job.response_id], job, pace).start()


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


class Writing:
    """The work on one response, up to its saved end."""

    def __init__(self, hub: Hub, response: LiveResponse, job: Job, pace: Pace | None) -> None:
        self._hub = hub
        self._response = response
        self._job = job
        self._pace = pace
        self._begin_afresh()

    def start(self) -> None:
        """Has the contender asked in the loop's next step."""
        reader = asyncio.create_task(self._read())
        self._response.reader = reader
        self._response.writer = self._hub.run(self._run(reader))

    async def _run(self, reader: asyncio.Task[None]) -> None:
        response = self._response
        try:
            await reader
        except asyncio.CancelledError:
            if not response.ended_by:  # the loop itself is closing; the next look finds the orphan
                reader.cancel()
                raise
        if response.ended_by == "stop":
            self._outcome.state, self._outcome.error = Response.State.STOPPED, ""
        elif response.ended_by:
            self._fail(INTERRUPTED)
        self._pen.close()
        await self._settle()

    def _begin_afresh(self) -> None:
        self._outcome = Outcome()
        watches = self._job.blind and settings.ARENA_DISCLOSURE != "off"
        self._pen = Pen(
            self._hub,
            self._response,
            watcher=Watcher(self._job.names) if watches else None,
            masks=settings.ARENA_DISCLOSURE == "mask",
            pace=self._pace,
        )

    async def _read(self) -> None:
        """Reads one contender after another, until one has said something."""
        for replaced in range(REPLACEMENTS_MAX + 1):
            await self._try()
            failed = self._outcome.state == Response.State.ERROR
            if not failed or self._pen.shown or replaced == REPLACEMENTS_MAX:
                break
            if not await self._replaced():
                break
            self._pen.drop()
            self._begin_afresh()
        await self._pen.drained()

    async def _try(self) -> None:
        response = self._response
        try:
            await read(
                self._job,
                self._pen,
                self._outcome,
                lambda: saver(self._hub).began(response.id),
            )
        except BackendError as error:
            logger.warning("Response %d failed: %s", response.id, error.detail)
            self._fail(error.reason)
        except Exception:
            logger.exception("Response %d failed inside the arena.", response.id)
            self._fail(NOT_READ())

    async def _replaced(self) -> bool:
        """Whether another contender has taken over; the job is then its."""
        if not self._job.blind or self._job.turn != 1:
            return False
        replaced = await in_thread(
            replace_contender,
            response_id=self._response.id,
            error=self._outcome.error,
            duration_s=self._outcome.duration_s or 0.0,
        )
        if not replaced:
            return False
        jobs = await in_thread(pending_jobs, self._response.battle_id, only=self._response.id)
        if not jobs:
            return False
        self._job = jobs[0]
        logger.warning("Response %d goes on with another contender.", self._response.id)
        return True

    def _fail(self, error: str) -> None:
        self._outcome.state, self._outcome.error = Response.State.ERROR, error

    async def _settle(self) -> None:
        """Saves first and tells then: whoever hears that it is done can vote at once."""
        response, outcome = self._response, self._outcome
        cut_off = outcome.cut_off and outcome.state == Response.State.DONE
        ending = Ending(
            response_id=response.id,
            state=outcome.state,
            text=self._pen.text,
            error=outcome.error,
            first_token_s=outcome.first_token_s,
            duration_s=outcome.duration_s,
            tokens=outcome.tokens,
            cut_off=cut_off,
            disclosures=self._pen.spans,
            masked=bool(self._pen.spans) and settings.ARENA_DISCLOSURE == "mask",
        )
        try:
            await saver(self._hub).save(ending)
        except Exception:
            logger.exception("Response %d could not be saved.", response.id)
            self._fail(NOT_SAVED())
        told = outcome.error
        if self._job.blind:
            told = blind_error(outcome.error, text=response.text)
        response.error = told
        response.state = outcome.state
        response.cut_off = cut_off
        place = {"turn": response.turn, "position": response.position}
        if outcome.state == Response.State.ERROR:
            self._hub.tell(response, live.failed(**place, error=told))
        else:
            self._hub.tell(response, live.done(**place, state=outcome.state, cut_off=cut_off))
        self._hub.forget_later(response)
