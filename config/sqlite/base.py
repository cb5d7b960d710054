"""Django's SQLite, but the write transactions of one process queue up for a lock of our own.

SQLite itself lets a second writer sleep and ask again, at last every 100 ms: twenty battles that
start at once would wait more than a second for each other, mostly asleep. Other processes are
still waited for in SQLite's way.

Under ASGI each request has a thread, and so a connection, of its own. A web process keeps some that
were closed for the next ones: opening one and preparing its statements anew takes about a
millisecond.
"""

from collections import defaultdict
from sqlite3 import Connection
from threading import Lock
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

_writing = Lock()
_spare: dict[str, list[Connection]] = defaultdict(list)
_spare_max = 0


def keep_spare_connections(at_most: int) -> None:
    """How many connections to a database this process keeps; those above it are closed.

    A process that forks must keep none: SQLite's connections do not survive that.
    """
    global _spare_max
    _spare_max = at_most
    for kept in _spare.values():
        while len(kept) > at_most:
            kept.pop().close()


class DatabaseWrapper(base.DatabaseWrapper):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._writes = False

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection:
        try:
            return _spare[self._file].pop()
        except IndexError:
            connection: Connection = super().get_new_connection(conn_params)
            return connection

    def _start_transaction_under_autocommit(self) -> None:
        patience = self.settings_dict["OPTIONS"].get("timeout", 5)
        if not _writing.acquire(timeout=patience):
            raise OperationalError("database is locked")
        self._writes = True
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._release()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        self._release()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._release()

    def _close(self) -> None:
        try:
            if not self._kept():
                super()._close()  # type: ignore[misc]
        finally:
            self._release()

    @property
    def _file(self) -> str:
        return str(self.settings_dict["NAME"])

    def _kept(self) -> bool:
        """Whether the connection stays open for the next one who needs one."""
        spoilt = self.in_atomic_block or self.errors_occurred
        if self.connection is None or spoilt or self.connection.in_transaction:
            return False
        kept = _spare[self._file]
        if len(kept) >= _spare_max:
            return False
        kept.append(self.connection)
        return True

    def _release(self) -> None:
        if self._writes:
            self._writes = False
            _writing.release()
