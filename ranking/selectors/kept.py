"""Values that are dear to make, kept in this process for a while."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class _Entry(Generic[Value]):
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.until = 0.0
        self.value: Value


class Kept(Generic[Value]):
    """At most `size` values, none older than `seconds`; the least recently used go first.

    Who asks for a value that is just being made waits for it: so a crowd makes it once.
    """

    def __init__(self, *, size: int, seconds: float) -> None:
        self._size, self._seconds = size, seconds
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, _Entry[Value]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value kept under `key`, or else what `make` returns. Its errors are not kept."""
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            if len(self._entries) > self._size:
                self._entries.popitem(last=False)
        with entry.lock:
            if entry.until <= time.monotonic():
                entry.value = make()
                entry.until = time.monotonic() + self._seconds
            return entry.value

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
