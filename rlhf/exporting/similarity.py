"""Texts that nearly repeat one of others. Pure.

A text is the set of its runs of three words, without case and punctuation (of its words, if it
has fewer than three). Two are near copies if their sets overlap by at least THRESHOLD of their
union. A near copy lacks at most the rest of a text's runs, so of any set of runs that is larger by
one it has at least one. Only such a set, the rarest runs, is looked up (the prefix filter of
Chaudhuri 2006), and what it finds is compared exactly: none is missed, and prompts made by a
template do not all meet each other.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain
from math import ceil

THRESHOLD = 0.7
_WORD = re.compile(r"\w+")
_Runs = frozenset[tuple[str, ...]]


def copied(texts: Sequence[str], others: Iterable[str]) -> set[int]:
    """The places of the texts that one of the others nearly repeats."""
    sets = [shingles(text) for text in texts]
    frequency = Counter(chain.from_iterable(sets))
    places: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, runs in enumerate(sets):
        needed = ceil(THRESHOLD * len(runs) - 1e-9)
        rarest = sorted(runs, key=lambda run: (frequency[run], run))
        for run in rarest[: len(runs) - needed + 1]:
            places[run].append(place)
    found: set[int] = set()
    for other in others:
        runs = shingles(other)
        maybe = {place for run in runs if run in places for place in places[run]}
        found |= {place for place in maybe - found if overlap(sets[place], runs) >= THRESHOLD}
    return found


def shingles(text: str) -> _Runs:
    """The runs of three words; the single words where there are fewer."""
    words = _WORD.findall(text.casefold())
    return frozenset(
        zip(words, words[1:], words[2:], strict=False) if len(words) > 2 else zip(words)
    )


def overlap(one: _Runs, other: _Runs) -> float:
    """Jaccard's index: the share of the union that both have; 1 for two empty sets."""
    union = len(one | other)
    return len(one & other) / union if union else 1.0
