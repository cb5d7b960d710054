"""The file types: JSON Lines and Parquet, written row by row into a sink that hashes."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import orjson

from rlhf.exporting.formats import Kind, Row
from rlhf.exporting.resuming import Written

CONTAINERS = ("jsonl", "parquet")
ROW_GROUP = 1_000


class Sink(Protocol):
    def write(self, data: bytes, /) -> object: ...


class Writer(Protocol):
    def write(self, rows: Sequence[Row], /) -> None: ...


class HashingSink:
    """Passes bytes on and knows their number and their SHA-256, with those written `before`."""

    def __init__(self, sink: Sink, before: Written | None = None) -> None:
        self.sink = sink
        self.digest = before.digest if before else hashlib.sha256()
        self.size = before.size if before else 0
        self.closed = False  # pyarrow asks

    def write(self, data: bytes) -> int:
        self.sink.write(data)
        self.digest.update(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """What lies below is its owner's to flush."""

    def close(self) -> None:
        """And to close."""


class JsonLines:
    """One JSON object a line."""

    def __init__(self, sink: HashingSink) -> None:
        self.sink = sink

    def write(self, rows: Sequence[Row]) -> None:
        option = orjson.OPT_APPEND_NEWLINE
        self.sink.write(b"".join([orjson.dumps(row, option=option) for row in rows]))


class Parquet:
    """Columns by the format's kinds, in groups of rows, compressed with zstd.

    A column has one type there, so a response that is a plain text becomes the message that it
    is. A thread encodes a group while the rows of the next one are made. pyarrow is imported on
    first use: it takes most of a second.
    """

    def __init__(self, sink: HashingSink, columns: Mapping[str, Kind]) -> None:
        import pyarrow
        import pyarrow.parquet

        # Arrow's own pool keeps 50 MB more.
        pyarrow.set_memory_pool(pyarrow.system_memory_pool())
        self.pa, self.columns = pyarrow, columns
        self.schema = pyarrow.schema(
            [(name, _arrow_type(pyarrow, kind)) for name, kind in columns.items()]
        )
        # Arrow has many small writes, and would wait for the interpreter at each.
        self.file = pyarrow.BufferedOutputStream(pyarrow.PythonFile(sink, "w"), 1024 * 1024)
        self.writer = pyarrow.parquet.ParquetWriter(
            self.file, self.schema, compression="zstd", write_statistics=False
        )
        self.thread = ThreadPoolExecutor(1, "parquet")
        self.writing: Future[None] | None = None
        self.waiting: list[Row] = []

    def write(self, rows: Sequence[Row]) -> None:
        self.waiting += rows
        if len(self.waiting) >= ROW_GROUP:
            self._flush()

    def close(self) -> None:
        """Writes what waits, and the file's end."""
        self._flush()
        self._written()
        self._end()

    def abandon(self) -> None:
        """Ends it now, while there is a file: let go of, it would write the file's end then."""
        with suppress(Exception):
            self._written()
        with suppress(Exception):
            self._end()

    def _end(self) -> None:
        self.thread.shutdown()
        self.writer.close()
        self.file.close()

    def _written(self) -> None:
        if self.writing:
            self.writing.result()

    def _flush(self) -> None:
        if self.waiting:
            table = self.pa.table(
                [
                    self.pa.array([_uniform(row[name], kind) for row in self.waiting], of.type)
                    for (name, kind), of in zip(self.columns.items(), self.schema, strict=True)
                ],
                schema=self.schema,
            )
            self._written()
            self.writing = self.thread.submit(self.writer.write_table, table)
            self.waiting = []


@contextmanager
def open_container(name: str, sink: HashingSink, columns: Mapping[str, Kind]) -> Iterator[Writer]:
    """A writer of that file type; ValueError for an unknown one."""
    if name == "jsonl":
        yield JsonLines(sink)
    elif name == "parquet":
        parquet = Parquet(sink, columns)
        try:
            yield parquet
            parquet.close()
        except BaseException:
            parquet.abandon()
            raise
    else:
        raise ValueError(f"There is no file type {name!r}. Choose one of: {', '.join(CONTAINERS)}.")


def _uniform(value: Any, kind: Kind) -> Any:
    if kind == "conversations":
        return [
            [{"role": "assistant", "content": one}] if isinstance(one, str) else one
            for one in value
        ]
    return value


def _arrow_type(pa: Any, kind: Kind) -> Any:
    message = pa.struct([("role", pa.string()), ("content", pa.string())])
    return {
        "text": pa.string(),
        "message": message,
        "messages": pa.list_(message),
        "conversations": pa.list_(pa.list_(message)),
        "bool": pa.bool_(),
        "int": pa.int64(),
        "ints": pa.list_(pa.int64()),
        "float": pa.float64(),
    }[kind]
