"""Django's SQLite, but the write transactions of one process queue up for a lock of our own.

SQLite itself lets a second writer sleep and ask again, at last every 100 ms: twenty battles that
start at once would wait more than a second for each other, mostly asleep. Other processes are
still waited for in SQLite's way.
"""

from threading import Lock
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

_writing = Lock()


class DatabaseWrapper(base.DatabaseWrapper):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._writes = False

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
            super()._close()  # type: ignore[misc]
        finally:
            self._release()

    def _release(self) -> None:
        if self._writes:
            self._writes = False
            _writing.release()
