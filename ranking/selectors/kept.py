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

    What is dear lasts longer: `rest` times as long as it took to make, so that making one value
    again and again takes at most one part in `rest` of the time. Who asks for a value that is just
    being made waits for it: so a crowd makes it once.
    """

    def __init__(self, *, size: int, seconds: float, rest: float = 0.0) -> None:
        self._size, self._seconds, self._rest = size, seconds, rest
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
            begun = time.monotonic()
            if entry.until <= begun:
                entry.value = make()
                done = time.monotonic()
                entry.until = done + max(self._seconds, self._rest * (done - begun))
            return entry.value

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
