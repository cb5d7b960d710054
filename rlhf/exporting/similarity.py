"""Prompts that nearly repeat each other, by MinHash (Broder 1997). Pure.

A prompt is the set of its runs of three words, without case and punctuation (of its words, if it
has fewer than three). Two are near copies if their sets overlap by at least THRESHOLD of their
union. 64 minimal hashes in 16 bands of four find pairs of that similarity with a probability of
1 - (1 - 0.7^4)^16 = 0.99; each found pair is then compared exactly.
"""

import re
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

THRESHOLD = 0.7
BANDS, ROWS = 16, 4
_WORD = re.compile(r"\w+")
_PRIME = (1 << 31) - 1
_GENERATOR = np.random.default_rng(0)
_FACTORS = _GENERATOR.integers(1, _PRIME, size=BANDS * ROWS, dtype=np.uint64)
_SHIFTS = _GENERATOR.integers(0, _PRIME, size=BANDS * ROWS, dtype=np.uint64)


def near_copies(texts: Sequence[str]) -> set[tuple[int, int]]:
    """Pairs (i, j), i < j, of texts that are near copies of each other."""
    sets = [shingles(text) for text in texts]
    buckets: dict[tuple[int, bytes], list[int]] = defaultdict(list)
    for number, words in enumerate(sets):
        for band in _bands(words):
            buckets[band].append(number)
    maybe = {pair for same in buckets.values() for pair in combinations(same[:200], 2)}
    return {(i, j) for i, j in maybe if overlap(sets[i], sets[j]) >= THRESHOLD}


def shingles(text: str) -> frozenset[int]:
    """Hashes of the runs of three words; of the single words where there are fewer."""
    words = _WORD.findall(text.casefold())
    runs = [words[i : i + 3] for i in range(len(words) - 2)] or [[word] for word in words]
    return frozenset(zlib.crc32(" ".join(run).encode("utf-8", "surrogatepass")) for run in runs)


def overlap(one: frozenset[int], other: frozenset[int]) -> float:
    """Jaccard's index: the share of the union that both have; 1 for two empty sets."""
    union = len(one | other)
    return len(one & other) / union if union else 1.0


def _bands(words: frozenset[int]) -> Iterator[tuple[int, bytes]]:
    if not words:
        return
    values = np.fromiter(words, dtype=np.uint64, count=len(words))[:, None] % _PRIME
    least = ((values * _FACTORS + _SHIFTS) % _PRIME).min(axis=0).astype(np.uint32)
    for band in range(BANDS):
        yield band, least[band * ROWS : (band + 1) * ROWS].tobytes()
