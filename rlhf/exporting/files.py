"""Writes an export: streaming, in constant memory, never half a file under the final name."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import orjson

from rlhf.exporting.formats import Format, ignore_progress

REPORT_EVERY = 500  # items between two calls of the progress callback


class Cancelled(Exception):
    """Raised by a progress callback to stop an export; nothing is left behind."""


class Sink(Protocol):
    def write(self, data: bytes, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Export:
    """What an export holds. `items` votes (or thumbs) were read, `skipped` of them had no texts."""

    rows: int
    items: int
    skipped: int
    train: int
    test: int
    size: int
    sha256: str


def write_rows(
    form: Format,
    population: str,
    sink: Sink,
    *,
    progress: Callable[[int, int], None] = ignore_progress,
) -> Export:
    """Write all rows to `sink` as JSON Lines. `progress(done, total)` may raise Cancelled."""
    digest = hashlib.sha256()
    splits: Counter[str] = Counter()
    size = items = skipped = 0
    total = form.count(population)
    progress(0, total)
    for rows in form.rows(population):
        items += 1
        if rows is None:
            skipped += 1
        else:
            for row in rows:
                line = orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
                sink.write(line)
                digest.update(line)
                size += len(line)
                splits[row["split"]] += 1
        if items % REPORT_EVERY == 0:
            progress(items, max(items, total))
    progress(items, items)
    return Export(
        rows=splits.total(),
        items=items,
        skipped=skipped,
        train=splits["train"],
        test=splits["test"],
        size=size,
        sha256=digest.hexdigest(),
    )


def write_file(
    form: Format,
    population: str,
    path: Path,
    *,
    progress: Callable[[int, int], None] = ignore_progress,
) -> Export:
    """Like `write_rows`, into a file that appears under its name only when it is whole.

    Whatever stops it (Cancelled, a full disk, a signal's exception) removes the unfinished file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial.open("wb") as file:
            export = write_rows(form, population, file, progress=progress)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return export
