"""Streams of responses: asyncio tasks of the ASGI process, which outlive the rater's socket."""

import asyncio
from collections.abc import Callable
from functools import partial
from uuid import UUID

from asgiref.sync import async_to_sync

from arena.backends.http import close_session
from arena.generation.looking import look
from arena.generation.writing import begin, begin_new
from arena.live.hub import get_hub
from arena.selectors import Job
from arena.threads import close_threads

__all__ = ["close", "look", "open", "start", "start_on_loop", "stop"]

_loop: asyncio.AbstractEventLoop | None = None


def start(battle_id: UUID, *, new: list[Job] | None = None) -> None:
    """Schedules the writing of all pending responses of a battle and returns at once.

    Call it on the event loop (an async view), after the transaction that made them. `new`: all
    that is to be written in a battle that has only just begun.
    """
    hub = get_hub()
    if new:
        begin_new(hub, battle_id, new)
        return
    room = hub.room(battle_id)
    task = hub.run(begin(hub, battle_id))
    room.starting.add(task)
    task.add_done_callback(room.starting.discard)


def start_on_loop(battle_id: UUID, *, new: list[Job] | None = None) -> None:
    """`start` from a synchronous view: on the server's event loop, where streams live on.

    Within a web process it does not wait for the loop, which has it before the response.
    """
    begin_there = partial(start, battle_id, new=new)
    if _loop is not None and _loop.is_running():
        _loop.call_soon_threadsafe(begin_there)
    else:
        async_to_sync(_called)(begin_there)


async def _called(work: Callable[[], None]) -> None:
    work()


def open() -> None:  # noqa: A001 - the opposite of `close`
    """Says that the loop which is running is the web process's, for `start_on_loop`."""
    global _loop
    _loop = asyncio.get_running_loop()


async def stop(battle_id: UUID) -> None:
    """Stops what is being written in a battle; returns when it is saved as stopped.

    What another web process writes is stopped too, a moment later.
    """
    hub = get_hub()
    hub.tell_others({"type": "stop", "battle": str(battle_id)})
    await asyncio.gather(*hub.peek(battle_id).starting)
    await asyncio.gather(*hub.end_writing("stop", battle_id))


async def close() -> None:
    """Ends this process's streams, saving what they have, before the process goes."""
    global _loop
    _loop = None
    hub = get_hub()
    await asyncio.gather(*hub.end_writing("shutdown"))
    await hub.close()
    await close_session()
    await asyncio.to_thread(close_threads)
