"""Files as numbered rows: CSV, JSON Lines, a JSON array, Parquet. None is read at once."""

import csv
import importlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import IO, Any

from arena.importing.records import VoteFileError

Row = dict[str, Any]
NamedRows = Iterator[tuple[str, Row]]  # what a message calls the row, and its cells

_CELL_MAX = 64 * 1024 * 1024
_BLOCK = 1024 * 1024
_NOT_SPACE = re.compile(r"\S")


def read_csv(path: Path, required: set[str]) -> NamedRows:
    """Rows of a CSV file with a header. `required`: the columns that it must have."""
    csv.field_size_limit(_CELL_MAX)
    with _opened(path) as file:
        lines = csv.reader(file, strict=True)
        header = _next(lines, "The header")
        if header is None:
            raise VoteFileError("The file is empty.")
        columns = [column.strip() for column in header]
        check_columns(columns, required)
        number = 0
        while (cells := _next(lines, f"Row {number + 1}")) is not None:
            if not cells:  # a blank line
                continue
            number += 1
            name = f"Row {number} (line {lines.line_num})"
            if len(cells) != len(columns):
                raise VoteFileError(
                    f"{name}: there are {len(cells)} cells, but {len(columns)} columns."
                )
            yield name, dict(zip(columns, cells, strict=True))


def read_json(path: Path, required: set[str]) -> NamedRows:
    """Rows of a JSON Lines file, or of a JSON file that is one array of objects."""
    with _opened(path) as file:
        start = file.read(1)
        while start.isspace():
            start = file.read(1)
        if not start:
            raise VoteFileError("The file is empty.")
        values = _array(file) if start == "[" else _lines(file, start)
        for name, row in values:
            if not isinstance(row, dict):
                raise VoteFileError(f"{name} is not an object.")
            if missing := required - row.keys():
                raise VoteFileError(f"{name} lacks {', '.join(sorted(missing))}.")
            yield name, row


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a text file, each with its end."""
    with _opened(path) as file:
        yield from file


def read_parquet(path: Path, required: set[str]) -> NamedRows:
    """Rows of a Parquet file; needs pyarrow, which the arena itself does not."""
    try:
        arrow = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise VoteFileError(
            "Parquet files need pyarrow: run “pip install pyarrow”, or convert the file to JSONL."
        ) from None
    try:
        with parquet.ParquetFile(path) as file:
            check_columns(file.schema_arrow.names, required)
            number = 0
            for batch in file.iter_batches(batch_size=1000):
                for row in batch.to_pylist():
                    number += 1
                    yield f"Row {number}", row
    except (arrow.ArrowException, OSError) as error:
        raise VoteFileError(f"{path.name} cannot be read as Parquet: {error}") from error


def check_columns(columns: list[str], required: set[str]) -> None:
    """Raise VoteFileError if a column is missing or there twice."""
    if missing := sorted(required - set(columns)):
        found = ", ".join(columns)[:200]
        raise VoteFileError(f"The file lacks the columns {', '.join(missing)}; it has: {found}.")
    if twice := sorted({column for column in columns if columns.count(column) > 1}):
        raise VoteFileError(f"The header names {', '.join(twice)} more than once.")


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    """A UTF-8 text file, with or without a byte order mark; its errors in plain words."""
    try:
        with path.open("rb") as file:
            if b"\x00" in file.read(_BLOCK):
                raise VoteFileError(f"{path.name} is a binary file. Give it as UTF-8 text.")
        with path.open(encoding="utf-8-sig", newline="") as text:
            yield text
    except UnicodeDecodeError as error:
        raise VoteFileError(
            f"{path.name} is not UTF-8 text (byte 0x{error.object[error.start]:02x})."
        ) from error
    except OSError as error:
        raise VoteFileError(f"{path} cannot be read: {error.strerror}.") from error


def _next(lines: Iterator[list[str]], name: str) -> list[str] | None:
    try:
        return next(lines, None)
    except csv.Error as error:
        raise VoteFileError(f"{name} is not valid CSV: {error}.") from error


def _lines(file: IO[str], start: str) -> Iterator[tuple[str, Any]]:
    number = 0
    for line in _with_start(file, start):
        if not line.strip():
            continue
        number += 1
        try:
            yield f"Row {number}", json.loads(line)
        except (ValueError, RecursionError) as error:
            raise VoteFileError(f"Row {number} is not valid JSON: {_why(error)}.") from error


def _why(error: ValueError | RecursionError) -> str:
    """Python's own limits in plain words, else what the parser says."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error) if isinstance(error, json.JSONDecodeError) else "a number is too long"


def _with_start(file: IO[str], start: str) -> Iterator[str]:
    yield start + file.readline()
    yield from file


def _array(file: IO[str]) -> Iterator[tuple[str, Any]]:
    """The elements of an array whose opening bracket has been read."""
    scanner = _Scanner(file)
    if scanner.peek() != "]":
        for number in count(1):
            yield f"Row {number}", scanner.value(f"Row {number}")
            if scanner.peek() != ",":
                break
            scanner.at += 1
    if scanner.peek() != "]":
        raise VoteFileError("The array does not end with “]”: the file is cut off or damaged.")
    scanner.at += 1
    if scanner.peek():
        raise VoteFileError("There is something after the array's end.")


class _Scanner:
    """Values of a JSON text that is read block by block."""

    def __init__(self, file: IO[str]) -> None:
        self.file = file
        self.text = ""
        self.at = 0
        self.decoder = json.JSONDecoder()

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

    def value(self, name: str) -> Any:
        self.peek()
        while True:
            try:
                value, self.at = self.decoder.raw_decode(self.text, self.at)
                return value
            except json.JSONDecodeError as error:
                # It may only be cut off by the end of the block.
                if len(self.text) - self.at > _CELL_MAX or not self._read_on():
                    raise VoteFileError(f"{name} is not valid JSON: {error.msg}.") from error
            except (ValueError, RecursionError) as error:
                raise VoteFileError(f"{name} is not valid JSON: {_why(error)}.") from error

    def _read_on(self) -> bool:
        block = self.file.read(max(_BLOCK, len(self.text) - self.at))
        self.text, self.at = self.text[self.at :] + block, 0
        return bool(block)
