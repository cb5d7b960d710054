"""Writes an export: streaming, in constant memory, never half a file under the final name."""

import fcntl
import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import orjson

from rlhf.exporting.containers import HashingSink, Sink, open_container
from rlhf.exporting.formats import Format, Row, ignore_progress
from rlhf.exporting.memory import hurried_memory
from rlhf.exporting.reading import Counts, read_rows
from rlhf.exporting.resuming import Reached, Written
from rlhf.exporting.splits import SPLITS
from rlhf.selection import Selection

Progress = Callable[[int, int], None]


class Cancelled(Exception):
    """Raised by a progress callback to stop an export; nothing is left behind."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file of an export, or all of it where there is one."""

    name: str
    rows: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Export:
    """What an export holds. `sha256` and `size` are of all its files, one after the other."""

    counts: Counts
    train: int
    test: int
    size: int
    sha256: str
    parts: tuple[Part, ...] = ()

    @property
    def rows(self) -> int:
        return self.train + self.test


def write_rows(
    form: Format,
    selection: Selection,
    sink: Sink,
    *,
    container: str = "jsonl",
    progress: Progress = ignore_progress,
) -> Export:
    """Write all rows to `sink`, both splits among each other in the order cast."""
    hashing, counts = HashingSink(sink), Counts()
    train = rows_written = 0
    with hurried_memory(), open_container(container, hashing, form.columns) as writer:
        for rows in read_rows(form, selection, counts, progress=progress):
            writer.write(rows)
            rows_written += len(rows)
            train += sum(row["split"] == "train" for row in rows)
    return Export(
        counts=counts,
        train=train,
        test=rows_written - train,
        size=hashing.size,
        sha256=hashing.digest.hexdigest(),
    )


def write_file(
    form: Format,
    selection: Selection,
    path: Path,
    *,
    container: str = "jsonl",
    progress: Progress = ignore_progress,
) -> Export:
    """Like `write_rows`, into a file that appears under its name only when it is whole.

    Without rows there is no file, and one of before stays as it is.
    Whatever stops it (Cancelled, a full disk, a signal's exception) removes the unfinished file;
    what a kill -9 left of it is written over by the next one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _partial(path) as (partial, file):
        export = write_rows(form, selection, file, container=container, progress=progress)
        if export.rows:
            file.flush()
            os.fsync(file.fileno())
            partial.replace(path)
    return export


def write_folder(
    form: Format,
    chunks: Iterable[Sequence[Row]],
    counts: Counts,
    folder: Path,
    *,
    container: str = "jsonl",
    resumable: bool = False,
    describe: Callable[[Export], Mapping[str, str]] = lambda export: {},
) -> Export:
    """A file for each split of the rows, and what `describe` adds (its text by file name).

    `chunks` may count in `counts` what it reads, and may raise what it likes. The folder appears
    under its name only when it is whole. The caller sees to it that nobody
    else writes it meanwhile.

    Where it is `resumable` (see `resuming`), what a killed process left is gone on with: `counts`
    are as they were by then before `chunks` is asked for the first one.
    """
    partial = _unfinished(folder)
    reached = Reached(partial) if resumable else None
    before = reached.take_up(asdict(counts).keys()) if reached else None
    written: Mapping[str, Written] = {}
    if before is not None:
        counts.restore(before[0])
        written = before[1]
    else:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    try:
        export = _write_splits(form, chunks, counts, partial, container, written, reached)
        for name, text in describe(export).items():
            (partial / name).write_text(text, encoding="utf-8")
        if reached:
            reached.clear()
        for path in partial.iterdir():
            _sync(path)
        _sync(partial)
        partial.rename(folder)
        _sync(folder.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return export


def unfinished_rows(folder: Path) -> Iterator[Row]:
    """The rows, as JSON Lines, of a folder that `write_folder` has not finished."""
    for split in SPLITS:
        with (_unfinished(folder) / f"{split}.jsonl").open("rb") as file:
            yield from map(orjson.loads, file)


def _unfinished(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.partial")


def _write_splits(
    form: Format,
    chunks: Iterable[Sequence[Row]],
    counts: Counts,
    folder: Path,
    container: str,
    written: Mapping[str, Written],
    reached: Reached | None,
) -> Export:
    names = {split: f"{split}.{container}" for split in SPLITS}
    rows_of = Counter({split: written[name].rows for split, name in names.items() if written})
    with ExitStack() as stack:
        stack.enter_context(hurried_memory())
        files = {name: stack.enter_context((folder / name).open("ab")) for name in names.values()}
        sinks = {name: HashingSink(file, written.get(name)) for name, file in files.items()}
        writers = {
            split: stack.enter_context(open_container(container, sinks[name], form.columns))
            for split, name in names.items()
        }
        for rows in chunks:
            for split, writer in writers.items():
                of_split = [row for row in rows if row["split"] == split]
                writer.write(of_split)
                rows_of[split] += len(of_split)
            if reached and reached.is_due():
                for file in files.values():
                    file.flush()
                reached.keep(
                    asdict(counts),
                    {
                        name: Written(rows_of[split], sinks[name].size, sinks[name].digest)
                        for split, name in names.items()
                    },
                )
    whole = sinks[names["train"]].digest.copy()
    _digest_file(folder / names["test"], whole)
    return Export(
        counts=counts,
        train=rows_of["train"],
        test=rows_of["test"],
        size=sum(sink.size for sink in sinks.values()),
        sha256=whole.hexdigest(),
        parts=tuple(
            Part(name, rows_of[split], sinks[name].size, sinks[name].digest.hexdigest())
            for split, name in names.items()
        ),
    )


def _digest_file(path: Path, digest: "hashlib._Hash") -> None:
    with path.open("rb") as file:
        while block := file.read(1024 * 1024):
            digest.update(block)


@contextmanager
def _partial(path: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """An empty file beside `path` that nobody else writes; gone afterwards, unless renamed."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(f"somebody else is writing {path.name}") from None
        try:
            file.truncate(0)
            yield partial, file
        finally:
            partial.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
