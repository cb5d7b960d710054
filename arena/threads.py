"""The database from asyncio code that belongs to no request."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import ParamSpec, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 8


class DatabaseThreads:
    """A few threads that keep their database connections from one call to the next."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="database")
        self._connections: set[BaseDatabaseWrapper] = set()
        self._lock = Lock()

    async def run(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._with_connection, work)

    def close(self) -> None:
        """Waits for what runs and closes the connections."""
        self._executor.shutdown(wait=True)
        for kept in self._connections:
            kept.close()

    def _with_connection(self, work: Callable[[], T]) -> T:
        mine = connections[DEFAULT_DB_ALIAS]
        with self._lock:
            if mine not in self._connections:
                mine.inc_thread_sharing()  # so that close() may close it
                self._connections.add(mine)
        try:
            return work()
        finally:
            # Kept whatever CONN_MAX_AGE says, unless it is broken; with health checks the next
            # call notices a server that has gone.
            mine.close_at = None
            mine.close_if_unusable_or_obsolete()


_threads: DatabaseThreads | None = None


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs a function that uses the database in a thread of our own pool.

    `sync_to_async` would take the one thread that all code outside a request shares, or the
    thread of a request that has ended meanwhile.
    """
    global _threads
    if _threads is None:
        _threads = DatabaseThreads()
    return await _threads.run(partial(function, *args, **kwargs))


def close_threads() -> None:
    """Closes the threads' database connections. Later calls start anew."""
    global _threads
    closing, _threads = _threads, None
    if closing is not None:
        closing.close()
