"""Beginnings of conversations that need not be read again: system prompts and earlier turns."""

import weakref
from collections import OrderedDict
from dataclasses import dataclass
from itertools import count, takewhile

from rlhf.serving.loading import Model
from rlhf.serving.packed import Memory

WORTH_COPYING_TOKENS = 8


@dataclass(frozen=True)
class _Kept:
    model: weakref.ref[Model]  # a model that is unloaded must really go
    tokens: list[int]
    memory: Memory


class Beginnings:
    """The memories of the last `limit` finished requests."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._numbers = count()

    def keep(self, model: Model, tokens: list[int], memory: Memory) -> None:
        """Remembers what `memory` holds: the first `memory.length` of `tokens`."""
        for number in [number for number, kept in self._kept.items() if kept.model() is None]:
            del self._kept[number]
        kept = _Kept(weakref.ref(model), tokens[: memory.length], memory)
        self._kept[next(self._numbers)] = kept
        while len(self._kept) > self._limit:
            self._kept.popitem(last=False)

    def resume(self, model: Model, prompt: list[int], memory: Memory) -> None:
        """Copies the longest known beginning of `prompt` into `memory`, all but its last token."""
        best, length = None, WORTH_COPYING_TOKENS - 1
        for number, kept in self._kept.items():
            if kept.model() is model and (shared := _shared(kept.tokens, prompt[:-1])) > length:
                best, length = number, shared
        if best is not None:
            self._kept.move_to_end(best)
            memory.copy_from(self._kept[best].memory, length)


def _shared(left: list[int], right: list[int]) -> int:
    pairs = zip(left, right, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
