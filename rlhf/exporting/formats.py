"""What a format is: where its items come from and which rows each item gives."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise

Row = Mapping[str, Any]


class UnknownFormat(ValueError):
    """Nobody wrote a format of that name."""


@dataclass(frozen=True)
class Format:
    """An export format.

    `count(population)` says how many items there are, for progress. `rows(population)` yields the
    rows of one item after the other, in the order cast; None for an item without texts.
    """

    name: str
    title: str | Promise
    description: str | Promise
    count: Callable[[str], int]
    rows: Callable[[str], Iterator[Sequence[Row] | None]]


def ignore_progress(done: int, total: int) -> None:
    """For callers that do not watch."""
