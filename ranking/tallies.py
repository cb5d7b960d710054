"""Equal votes counted together: a mapping for those who look at each, arrays for those who fit."""

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from itertools import chain
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ranking.estimators import Comparisons

# The contenders' ids in ascending order, and their ranks in that order.
Verdict = tuple[tuple[int, ...], tuple[int, ...]]
Ints = NDArray[np.int64]


class Tallies(Mapping[Verdict, int]):
    """How often each verdict was given.

    lineups, ranks  (E,) contenders and ranks of the N verdicts, one verdict after the other
    sizes, counts   (N,) how many contenders each verdict ranks, and how many votes it stands for
    """

    def __init__(self, lineups: Ints, ranks: Ints, sizes: Ints, counts: Ints) -> None:
        self.lineups = lineups
        self.ranks = ranks
        self.sizes = sizes
        self.counts = counts
        self._written: tuple[tuple[str, ...], str] | None = None

    @classmethod
    def of(cls, counted: Mapping[Verdict, int]) -> Self:
        """The same verdicts; those without a vote are left out."""
        if isinstance(counted, cls):
            return counted
        kept = [verdict for verdict, count in counted.items() if count > 0]
        return cls(
            _flat(lineup for lineup, _ in kept),
            _flat(ranks for _, ranks in kept),
            np.array([len(lineup) for lineup, _ in kept], np.int64),
            np.array([counted[verdict] for verdict in kept], np.int64),
        )

    @classmethod
    def read(cls, rows: Iterable[tuple[str, str, int]]) -> Self:
        """From lineups "3-7-12", ranks "1-2-2" and counts, no verdict twice.

        All ids are read in one go, and each pattern of ranks, of which there are few, once.
        """
        verdicts = list(rows)
        joined, patterns = "-".join([row[0] for row in verdicts]), [row[1] for row in verdicts]
        number = {ranks: place for place, ranks in enumerate(dict.fromkeys(patterns))}
        which = np.fromiter(map(number.__getitem__, patterns), np.int64, len(patterns))
        known = [tuple(map(int, ranks.split("-"))) for ranks in number]
        widths = np.array([len(ranks) for ranks in known], np.int64)
        sizes = widths[which]
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        ranks = _flat(known)[np.repeat((np.cumsum(widths) - widths)[which], sizes) + within]
        lineups = np.fromstring(joined, np.int64, sep="-")
        counts = np.array([row[2] for row in verdicts], np.int64)
        return cls(lineups, ranks, sizes, counts)

    def __getitem__(self, verdict: Verdict) -> int:
        return self._by_verdict[verdict]

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self._by_verdict)

    def __len__(self) -> int:
        return int(self.sizes.size)

    def total(self) -> int:
        """The number of votes."""
        return int(self.counts.sum())

    @property
    def contenders(self) -> list[int]:
        """Whom the votes rank, in ascending order."""
        return self._places[0]

    @cached_property
    def comparisons(self) -> Comparisons:
        """One weighted vote for each verdict, the labels being the contenders' ids."""
        votes = self.lineups, self.ranks, self.sizes
        return Comparisons.from_flat_rankings(*votes, weight=self.counts)

    def votes_of_contenders(self) -> Ints:
        """(K,) how many votes each of `contenders` took part in."""
        contenders, place = self._places
        return np.bincount(place, np.repeat(self.counts, self.sizes), len(contenders)).astype(int)

    def as_json(self, slugs: Mapping[int, str]) -> str:
        """A list without spaces, sorted, of [slugs, ranks, count], the slugs in order."""
        names = tuple(slugs[one] for one in self.contenders)
        if self._written is None or self._written[0] != names:
            self._written = names, self._write(names)
        return self._written[1]

    def _write(self, names: tuple[str, ...]) -> str:
        alphabet = sorted(names)
        number = np.array([bisect_left(alphabet, name) for name in names], np.int64) + 1
        lineups, ranks = self._padded(number[self._places[1]])
        order = _ascending(np.concatenate([lineups, ranks], axis=1))
        lineups, ranks, sizes = lineups[order], ranks[order], self.sizes[order]
        quoted = np.array(["", *map(json.dumps, alphabet)], object)
        written = np.empty(len(self), object)
        for size in np.unique(sizes).tolist():
            chosen = np.flatnonzero(sizes == size)
            columns = [quoted[column].tolist() for column in lineups[chosen, :size].T]
            places = [column.tolist() for column in ranks[chosen, :size].T]
            written[chosen] = [
                f"[[{','.join(one)}],{_shown(place)},{count}]"
                for one, place, count in zip(
                    zip(*columns, strict=True),
                    zip(*places, strict=True),
                    self.counts[order[chosen]].tolist(),
                    strict=True,
                )
            ]
        return f"[{','.join(written.tolist())}]"

    def _padded(self, lineups: Ints) -> tuple[Ints, Ints]:
        """(N, m) contenders in ascending order of the numbers given, and ranks, filled with 0."""
        shape = (len(self), int(self.sizes.max(initial=0)))
        filled = np.arange(shape[1]) < self.sizes[:, None]
        padded, ranks = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        padded[filled], ranks[filled] = lineups, self.ranks
        # Nobody has the largest number, so that what is empty stays at the end.
        order = np.where(filled, padded, np.iinfo(np.int64).max).argsort(axis=1)
        return np.take_along_axis(padded, order, 1), np.take_along_axis(ranks, order, 1)

    @cached_property
    def _places(self) -> tuple[list[int], NDArray[np.intp]]:
        """The contenders (K,), and which of them each entry (E,) of the lineups is."""
        contenders, place = np.unique(self.lineups, return_inverse=True)
        return contenders.tolist(), place

    @cached_property
    def _by_verdict(self) -> dict[Verdict, int]:
        ends = np.cumsum(self.sizes).tolist()
        lineups, ranks = self.lineups.tolist(), self.ranks.tolist()
        starts = [0, *ends[:-1]]
        return {
            (tuple(lineups[start:end]), tuple(ranks[start:end])): count
            for start, end, count in zip(starts, ends, self.counts.tolist(), strict=False)
        }


def _flat(rows: Iterable[Sequence[int]]) -> Ints:
    return np.fromiter(chain.from_iterable(rows), np.int64)


def _ascending(table: Ints) -> NDArray[np.intp]:
    """The order of the rows of a table of counts, the first column counting most."""
    base = int(table.max(initial=0)) + 1
    if table.shape[1] * np.log2(base) < 63:
        return np.argsort(table @ base ** np.arange(table.shape[1] - 1, -1, -1), kind="stable")
    return np.lexsort(table.T[::-1])


@cache
def _shown(ranks: tuple[int, ...]) -> str:
    """As JSON; there are few patterns."""
    return f"[{','.join(map(str, ranks))}]"
