"""SQLite's log of what was written moves into the database aside, not in somebody's commit."""

import logging
from threading import Event, Thread

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections

logger = logging.getLogger(__name__)

EVERY_S = 1.0
# A commit still moves a log of so many pages of 4 KB, should the thread not keep up.
PAGES_AT_LATEST = 10_000


class Checkpoints:
    """A thread that moves the log each second. Nobody waits for it, and it waits for nobody.

    Left to itself SQLite has the commit that reaches the log's thousandth page do it, and wait for
    the disk twice: one battle's start in forty took 10 ms longer, and all that wrote meanwhile.
    """

    def __init__(self) -> None:
        self._ended = Event()
        self._thread: Thread | None = None
        self._command = ""

    def open(self) -> None:
        """From now on; connections that are made later leave the log alone."""
        if connection.vendor != "sqlite":
            return
        options = connections.settings[DEFAULT_DB_ALIAS]["OPTIONS"]
        self._command = options["init_command"]
        options["init_command"] += f" PRAGMA wal_autocheckpoint={PAGES_AT_LATEST};"
        self._ended.clear()
        self._thread = Thread(target=self._run, name="checkpoints")
        self._thread.start()

    def close(self) -> None:
        """Moves what is left and ends."""
        if self._thread is None:
            return
        connections.settings[DEFAULT_DB_ALIAS]["OPTIONS"]["init_command"] = self._command
        self._ended.set()
        self._thread.join()
        self._thread = None

    def _run(self) -> None:
        last = False
        while not last:
            last = self._ended.wait(EVERY_S)
            try:
                with connection.cursor() as cursor:
                    cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
            except DatabaseError as error:
                logger.warning("The database's log could not be moved into it: %s", error)
        connection.close()
