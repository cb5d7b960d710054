"""Files as numbered rows: CSV, JSON Lines, a JSON array, Parquet. None is read at once."""

import csv
import importlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import IO, Any

from arena.importing.errors import N_, ColumnsMissing, FileError, Phrase, RowError

Row = dict[str, Any]
NamedRows = Iterator[tuple[Phrase, Row]]  # what a message calls the row, and its cells

EMPTY = N_("The file is empty.")
NO_JSON = N_("%(row)s is not valid JSON from its character %(at)s on.")
NO_LINE = N_(
    "%(row)s is not valid JSON from its character %(at)s on. Each line has to be one object."
)
NESTED = N_("%(row)s is not valid JSON: it is nested too deeply.")
LONG_NUMBER = N_("%(row)s is not valid JSON: a number is too long.")
LONG_ROW = N_("%(row)s is larger than %(most)s MB.")
COMPRESSED = N_("The file is compressed. Unpack it first.")
OTHER_KINDS = {  # by how such a file begins
    b"\x1f\x8b": COMPRESSED,  # gzip
    b"PK\x03\x04": COMPRESSED,  # zip
    b"BZh": COMPRESSED,
    b"\xfd7zXZ": COMPRESSED,
    b"\x28\xb5\x2f\xfd": COMPRESSED,  # zstd
    b"PAR1": N_("The file is Parquet: its name has to end in .parquet."),
}

OTHER_SEPARATORS = {
    ";": N_(
        "The only column of the file is %(found)s: columns have to be parted by commas, not by "
        "semicolons."
    ),
    "\t": N_(
        "The only column of the file is %(found)s: columns have to be parted by commas, not by "
        "tabs."
    ),
}

_CELL_MAX = 64 * 1024 * 1024
_BLOCK = 1024 * 1024
_LONGEST_WORD = 16  # characters: more than -Infinity or an escaped pair has
_NOT_SPACE = re.compile(r"\S")


def read_csv(path: Path, required: set[str]) -> NamedRows:
    """Rows of a CSV file with a header. `required`: the columns that it must have."""
    csv.field_size_limit(_CELL_MAX)
    with _opened(path) as file:
        lines = csv.reader(file, strict=True)
        header = _next(lines, Phrase(N_("The header")))
        if header is None:
            raise FileError(EMPTY)
        columns = [column.strip() for column in header]
        if len(columns) == 1 and not required <= set(columns):
            _check_separator(columns[0])
        check_columns(columns, required)
        number = 0
        while (cells := _next(lines, _row(number + 1))) is not None:
            if not cells:  # a blank line
                continue
            number += 1
            name = _row_at(number, lines.line_num)
            if len(cells) != len(columns):
                raise FileError(
                    N_("%(row)s: there are %(cells)s cells, but %(columns)s columns."),
                    row=name,
                    cells=len(cells),
                    columns=len(columns),
                )
            yield name, dict(zip(columns, cells, strict=True))


def read_json(path: Path, required: set[str]) -> NamedRows:
    """Rows of a JSON Lines file, or of a JSON file that is one array of objects."""
    with _opened(path) as file:
        start, line = file.read(1), 1
        while start.isspace():
            line += start == "\n"
            start = file.read(1)
        if not start:
            raise FileError(EMPTY)
        values = _array(file) if start == "[" else _lines(file, start, line)
        for name, row in values:
            if not isinstance(row, dict):
                raise FileError(N_("%(row)s is not an object."), row=name)
            if missing := required - row.keys():
                raise FileError(
                    N_("%(row)s lacks %(missing)s; it has: %(found)s."),
                    row=name,
                    missing=", ".join(sorted(missing)),
                    found=names_of(row),
                )
            yield name, row


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a text file, each with its end; a huge one in pieces."""
    with _opened(path) as file:
        yield from iter(partial(file.readline, _CELL_MAX), "")


def read_parquet(path: Path, required: set[str]) -> NamedRows:
    """Rows of a Parquet file; needs pyarrow, which the arena itself does not."""
    _need(path)
    try:
        arrow = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise FileError(
            N_(
                "Parquet files need pyarrow: run “pip install pyarrow”, or convert the file to "
                "JSON Lines."
            )
        ) from None
    try:
        with parquet.ParquetFile(path) as file:
            check_columns(file.schema_arrow.names, required)
            number = 0
            for batch in file.iter_batches(batch_size=1000):
                for row in batch.to_pylist():
                    number += 1
                    yield _row(number), row
    except FileError:
        raise
    # ValueError and OverflowError: texts that are not UTF-8, times that Python has no value for.
    except (arrow.ArrowException, OSError, ValueError, OverflowError) as error:
        raise FileError(
            N_(
                "The file cannot be read as Parquet: it is damaged, another kind of file, or holds "
                "values that cannot be read."
            )
        ) from error


def check_columns(columns: list[str], required: set[str]) -> None:
    """Raise FileError if a column is missing or there twice."""
    if missing := sorted(required - set(columns)):
        raise ColumnsMissing(
            N_("The file lacks the columns %(missing)s; it has: %(found)s."),
            missing=", ".join(missing),
            found=names_of(columns),
        )
    if twice := repeated(columns):
        raise FileError(N_("The header names %(names)s more than once."), names=names_of(twice))


def _check_separator(only: str) -> None:
    """Raise ColumnsMissing if the only column looks like several."""
    for separator, reason in OTHER_SEPARATORS.items():
        if separator in only:
            raise ColumnsMissing(reason, found=names_of([only]))


def names_of(names: Iterable[str]) -> str | Phrase:
    """A row's or a file's names, in a message: the first 200 characters of them."""
    return ", ".join(names)[:200] or Phrase(N_("nothing"))


def repeated(names: Iterable[str]) -> list[str]:
    """The names that are there more than once."""
    return sorted(name for name, times in Counter(names).items() if times > 1)


def _row(number: int) -> Phrase:
    return Phrase(N_("Row %(number)s"), number=number)


def _row_at(number: int, line: int) -> Phrase:
    return Phrase(N_("Row %(number)s (line %(line)s)"), number=number, line=line)


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    """A UTF-8 text file, with or without a byte order mark; its errors in plain words."""
    _need(path)
    try:
        with path.open("rb") as file:
            start = file.read(_BLOCK)
        for mark, reason in OTHER_KINDS.items():
            if start.startswith(mark):
                raise FileError(reason)
        if b"\x00" in start:
            raise FileError(N_("The file is a binary file. Give it as UTF-8 text."))
        with path.open(encoding="utf-8-sig", newline="") as text:
            yield text
    except UnicodeDecodeError as error:
        raise FileError(
            N_("The file is not UTF-8 text: see byte 0x%(byte)s in line %(line)s."),
            byte=f"{error.object[error.start]:02x}",
            line=_line_that_is_not_utf8(path),
        ) from error
    except OSError as error:
        raise FileError(
            N_("%(path)s cannot be read: %(error)s."), path=path, error=error.strerror
        ) from error


def _need(path: Path) -> None:
    if not path.is_file():
        raise FileError(N_("There is no file %(path)s."), path=path)


def _line_that_is_not_utf8(path: Path) -> int:
    """Its number, from 1; 0 where all are."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 0


def _next(lines: Iterator[list[str]], name: Phrase) -> list[str] | None:
    try:
        return next(lines, None)
    except csv.Error as error:
        raise FileError(
            N_(
                "%(row)s is not valid CSV: a quotation mark is missing or one too many, or a cell "
                "is larger than %(most)s MB."
            ),
            row=name,
            most=_CELL_MAX // 1024**2,
        ) from error


def _lines(file: IO[str], start: str, first: int) -> Iterator[tuple[Phrase, Any]]:
    number = 0
    for at, line in enumerate(_with_start(file, start), first):
        if not line.strip():
            continue
        number += 1
        name = _row(number) if at == number else _row_at(number, at)
        if len(line) > _CELL_MAX:
            raise FileError(LONG_ROW, row=name, most=_CELL_MAX // 1024**2)
        try:
            yield name, _DECODER.decode(line)
        except (ValueError, RecursionError) as error:
            raise _no_json(name, error, text=NO_LINE) from error


def _with_start(file: IO[str], start: str) -> Iterator[str]:
    """The lines of a file whose first character has been read; of a huge one only its beginning."""
    while line := start + file.readline(_CELL_MAX + 1):
        yield line
        start = ""


def _object(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) < len(pairs):  # Python would keep the last of them
        twice = repeated(name for name, _ in pairs)
        raise RowError(N_("it names %(names)s more than once"), names=names_of(twice))
    return row


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


def _no_json(
    name: Phrase, error: ValueError | RecursionError, *, start: int = 0, text: str = NO_JSON
) -> FileError:
    """What is wrong with a row's JSON, which begins at `start`; `text` tells a wrong place."""
    match error:
        case RowError():
            return error.of(name)
        case RecursionError():
            return FileError(NESTED, row=name)
        case json.JSONDecodeError():
            return FileError(text, row=name, at=error.pos - start + 1)
        case _:
            return FileError(LONG_NUMBER, row=name)


def _array(file: IO[str]) -> Iterator[tuple[Phrase, Any]]:
    """The elements of an array whose opening bracket has been read."""
    scanner = _Scanner(file)
    if scanner.peek() != "]":
        for number in count(1):
            yield (name := _row(number)), scanner.value(name)
            if scanner.peek() != ",":
                break
            scanner.at += 1
    if scanner.peek() != "]":
        raise FileError(N_("The array does not end with “]”: the file is cut off or damaged."))
    scanner.at += 1
    if scanner.peek():
        raise FileError(N_("There is something after the array's end."))


class _Scanner:
    """Values of a JSON text that is read block by block."""

    def __init__(self, file: IO[str]) -> None:
        self.file = file
        self.text = ""
        self.at = 0

    def peek(self) -> str:
        """The next character that is no white space, or "" at the end."""
        while True:
            found = _NOT_SPACE.search(self.text, self.at)
            if found:
                self.at = found.start()
                return found.group()
            self.at = len(self.text)
            if not self._read_on():
                return ""

    def value(self, name: Phrase) -> Any:
        self.peek()
        while True:
            try:
                value, self.at = _DECODER.raw_decode(self.text, self.at)
                return value
            except (ValueError, RecursionError) as error:
                wrong = _no_json(name, error, start=self.at)
                if not self._may_be_cut_off(error):
                    raise wrong from error
                if len(self.text) - self.at > _CELL_MAX:
                    raise FileError(LONG_ROW, row=name, most=_CELL_MAX // 1024**2) from error
                if not self._read_on():
                    raise wrong from error

    def _may_be_cut_off(self, error: ValueError | RecursionError) -> bool:
        """Whether the value may only be cut off by the end of the block."""
        return isinstance(error, json.JSONDecodeError) and (
            error.msg.startswith("Unterminated") or error.pos > len(self.text) - _LONGEST_WORD
        )

    def _read_on(self) -> bool:
        block = self.file.read(max(_BLOCK, len(self.text) - self.at))
        self.text, self.at = self.text[self.at :] + block, 0
        return bool(block)
