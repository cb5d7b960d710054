"""Threads for requests, with their database connections, that live on from one to the next."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext
from django.db import DEFAULT_DB_ALIAS, connections

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

KEPT = 16


class RequestThreads:
    """Lends each request a thread in which all of its synchronous code runs.

    Django makes one for every request, another one to wait for its end, and opens the database
    anew in it: a millisecond, more with PostgreSQL. As many as there are requests at once are
    made; `KEPT` of them are kept for the next ones, until `close`.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._idle: list[ThreadPoolExecutor] = []
        self._kept = 0
        self._age: int | None = 0

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        thread = self._idle.pop() if self._idle else ThreadPoolExecutor(1, "request")
        try:
            async with ThreadSensitiveContext(executor=thread):
                await self._application(scope, receive, send)
        finally:
            if len(self._idle) < self._kept:
                self._idle.append(thread)
            else:
                _end(thread)

    def open(self) -> None:
        """From now on threads are kept, and their connections as long as they are sound."""
        options = connections.settings[DEFAULT_DB_ALIAS]
        self._kept, self._age = KEPT, options["CONN_MAX_AGE"]
        options["CONN_MAX_AGE"] = None

    async def close(self) -> None:
        """Ends them; a request that still runs ends its own. Later ones get a thread each."""
        if self._kept:
            connections.settings[DEFAULT_DB_ALIAS]["CONN_MAX_AGE"] = self._age
            self._kept = 0
        idle, self._idle = self._idle, []
        await asyncio.gather(*[asyncio.wrap_future(_end(thread)) for thread in idle])


def _end(thread: ThreadPoolExecutor) -> Any:
    """Closes its connection and lets it go. A future that waits for that."""
    ended = thread.submit(connections.close_all)
    thread.shutdown(wait=False)
    return ended
