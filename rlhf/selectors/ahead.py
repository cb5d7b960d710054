"""Reading ahead: the database works on the next steps while this one is made use of."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection, connections

Step = TypeVar("Step")
Mark = TypeVar("Mark")
Read = Callable[[Mark], tuple[Step, Mark | None]]
AHEAD = 2  # so that the thread, done with one, need not wait to be given the next


def read_ahead(read: Read[Mark, Step], start: Mark) -> Iterator[Step]:
    """The steps from `start` on. `read` says with each where the next one begins, or None.

    The first is read at once, those after it in a thread with a connection of its own. That one
    does not see what an open transaction has written, so in a transaction all are read here.
    """
    step, mark = read(start)
    yield step
    if mark is None:
        return
    steps = _steps(read, mark)
    if connection.in_atomic_block:
        yield from steps
        return
    with ThreadPoolExecutor(1, "reading-ahead") as thread:
        coming = deque(thread.submit(next, steps, None) for _ in range(AHEAD))
        try:
            while (step_ahead := coming.popleft().result()) is not None:
                coming.append(thread.submit(next, steps, None))
                yield step_ahead
        finally:
            for unread in coming:
                unread.cancel()
            thread.submit(connections.close_all)


def _steps(read: Read[Mark, Step], mark: Mark | None) -> Iterator[Step]:
    while mark is not None:
        step, mark = read(mark)
        yield step
