"""How far raters agree: with each other beyond chance, and each of them with the rest."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from .arrays import FloatArray, IntArray, Label
from .labels import as_column, encode

LEVELS = ("nominal", "ordinal")


@dataclass(frozen=True, eq=False)
class Judgements:
    """Who gave which unit which value, row by row; what was not judged has no row.

    units, raters, values  the labels; `values` in ascending order, or as given
    unit, rater, value     (n,) int32 indices into them
    """

    units: tuple[Label, ...]
    raters: tuple[Label, ...]
    values: tuple[Label, ...]
    unit: IntArray
    rater: IntArray
    value: IntArray

    @classmethod
    def from_rows(
        cls, units: Any, raters: Any, values: Any, *, order: Iterable[Label] | None = None
    ) -> Self:
        """One row for each judgement; rows whose value is None are left out.

        `order` fixes the possible values and their order. Raises ValueError for columns of
        unequal lengths, a missing unit or rater, a value that is not in `order`, and a rater
        who judges a unit twice.
        """
        columns = [list(as_column(column)) for column in (units, raters, values)]
        if len({len(column) for column in columns}) > 1:
            raise ValueError(f"units, raters, values have {[*map(len, columns)]} entries")
        kept = [row for row in zip(*columns, strict=True) if row[2] is not None]
        unit_column, rater_column, value_column = ([row[i] for row in kept] for i in range(3))
        unit_names, (unit,) = encode((unit_column,))
        rater_names, (rater,) = encode((rater_column,))
        value_names, (value,) = encode((value_column,), order)
        _, first, times = np.unique(
            np.stack([unit, rater]), axis=1, return_index=True, return_counts=True
        )
        if (times > 1).any():
            twice = first[times > 1][0]
            raise ValueError(
                f"{rater_column[twice]!r} judges the unit {unit_column[twice]!r} more than once"
            )
        return cls(unit_names, rater_names, value_names, unit, rater, value)

    def counts(self) -> FloatArray:
        """(U, V) how many raters gave each unit each value."""
        shape = (len(self.units), len(self.values))
        cell = self.unit * np.intp(shape[1]) + self.value
        return np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)


def krippendorff_alpha(judgements: Judgements, level: str = "nominal") -> float | None:
    """Krippendorff's α: 1 is perfect agreement, 0 what chance gives, below it disagreement.

    Any number of raters, any of them missing anywhere. level "nominal": values differ or not;
    "ordinal": the further apart in their order, the more. None if it is not defined: no unit has
    two judgements, or all values are the same. Krippendorff (2011), Computing Krippendorff's
    Alpha-Reliability.
    """
    counts = judgements.counts()
    counts = counts[counts.sum(axis=1) > 1]
    weight = 1.0 / (counts.sum(axis=1) - 1.0)
    coincidences = (counts.T * weight) @ counts - np.diag(weight @ counts)
    totals = coincidences.sum(axis=1)
    distance = _distances(totals, level)
    expected = float(totals @ distance @ totals)
    if not expected:
        return None
    return 1.0 - float((totals.sum() - 1.0) * (coincidences * distance).sum()) / expected


class RaterPair(NamedTuple):
    """Two raters on the units that both judged.

    agreement  share of these units with the same value
    kappa      Cohen's κ, or None where it is not defined: both always gave the same one value
    """

    rater: Label
    other: Label
    units: int
    agreement: float
    kappa: float | None


def cohen_kappas(judgements: Judgements) -> list[RaterPair]:
    """Cohen's κ of every two raters who share a unit: agreement beyond chance, 1 is perfect.

    Cohen (1960), Educational and Psychological Measurement 20.
    """
    size, count = len(judgements.raters), len(judgements.values)
    one, other = _couples(judgements)
    key = judgements.rater[one] * np.int64(size) + judgements.rater[other]
    keys, pair = np.unique(key, return_inverse=True)
    cell = (pair * count + judgements.value[one]) * count + judgements.value[other]
    tables = np.bincount(cell, minlength=keys.size * count**2)
    tables = tables.reshape(keys.size, count, count)
    return [
        RaterPair(
            judgements.raters[rater], judgements.raters[second], int(table.sum()), *_kappa(table)
        )
        for rater, second, table in zip(
            (keys // size).tolist(), (keys % size).tolist(), tables, strict=True
        )
    ]


class CrowdAgreement(NamedTuple):
    """One rater and everybody else.

    units  how many of the rater's units somebody else judged as well
    share  in what share of them the rater gave the value that most others gave; where several
           values were given equally often, one of them counts as their part of one. None
           without units
    """

    rater: Label
    units: int
    share: float | None


def agreement_with_crowd(judgements: Judgements) -> list[CrowdAgreement]:
    """Each rater against the majority of the others, in the order of `raters`."""
    row, size = np.arange(judgements.value.size), len(judgements.raters)
    others = judgements.counts()[judgements.unit]
    others[row, judgements.value] -= 1.0
    most = others.max(axis=1, initial=0.0)
    judged = most > 0
    winners = (others == most[:, None]) & judged[:, None]
    credit = winners[row, judgements.value] / np.maximum(winners.sum(axis=1), 1)
    units = np.bincount(judgements.rater, judged, size).astype(int)
    agreed = np.bincount(judgements.rater, credit, size)
    return [
        CrowdAgreement(rater, times, float(sum_ / times) if times else None)
        for rater, times, sum_ in zip(judgements.raters, units.tolist(), agreed, strict=True)
    ]


def _distances(totals: FloatArray, level: str) -> FloatArray:
    """(V, V) squared differences of the values that occur `totals` (V,) times."""
    if level == "nominal":
        return 1.0 - np.eye(totals.size)
    if level == "ordinal":
        # How many judgements lie between the middles of two values.
        middle = np.cumsum(totals) - 0.5 * totals
        return np.asarray(np.subtract.outer(middle, middle) ** 2)
    raise ValueError(f"unknown level {level!r}; use {' or '.join(map(repr, LEVELS))}")


def _couples(judgements: Judgements) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows of every two judgements of one unit, the rater with the lower index first."""
    order = np.lexsort((judgements.rater, judgements.unit))
    sizes = np.bincount(judgements.unit, minlength=len(judgements.units))
    starts = np.cumsum(sizes) - sizes
    found = [(np.zeros(0, np.intp), np.zeros(0, np.intp))]
    for size in np.flatnonzero(np.bincount(sizes)).tolist():
        one, other = np.triu_indices(size, 1)
        rows = starts[sizes == size][:, None]
        found.append((order[(rows + one).ravel()], order[(rows + other).ravel()]))
    first, second = zip(*found, strict=True)
    return np.concatenate(first), np.concatenate(second)


def _kappa(table: NDArray[np.intp]) -> tuple[float, float | None]:
    """Observed agreement and κ of a table (V, V): one rater's values by the other's."""
    total = table.sum()
    observed = float(np.trace(table) / total)
    chance = float(table.sum(axis=0) @ table.sum(axis=1) / total**2)
    return observed, None if chance == 1.0 else (observed - chance) / (1.0 - chance)
