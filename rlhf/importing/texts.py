r"""Text of one's own, as rows of the format `text`. Pure but for reading the file.

.txt, .md       documents stand between lines that say <|endoftext|>; without any such line,
                paragraphs are gathered into passages of about 2,000 characters
.jsonl, .json   one object each with `text`; other keys are left out
.parquet        a column `text`

Messages never quote a text of the file.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from arena.importing.errors import N_, FileError, Phrase, RowError
from arena.importing.files import Row, read_json, read_lines, read_parquet
from arena.importing.records import NO_TEXT
from arena.text import clean
from rlhf.exporting import split_of
from rlhf.importing.chats import Skipped

PLAIN = (".txt", ".md")
OBJECTS = (".jsonl", ".json", ".ndjson")
BREAK = "<|endoftext|>"
PASSAGE = 2_000  # characters from which a passage ends with its paragraph
LONGEST = 2_000_000  # characters of a document


def read_texts(path: Path) -> Iterator[Row | Skipped]:
    """The documents of a file in its order as rows of the format `text`; why not, for an empty one.

    Raises FileError at the first row that is wrong, with its number and what is wrong.
    """
    kind = path.suffix.lower()
    if kind in PLAIN:
        found = _documents(path) if _has_breaks(path) else _passages(path)
        for number, text in enumerate(found, 1):
            yield _row(Phrase(N_("Document %(number)s"), number=number), text)
    elif kind in OBJECTS:
        yield from _rows(path, read_json)
    elif kind == ".parquet":
        yield from _rows(path, read_parquet)
    else:
        known = ", ".join((*PLAIN, *OBJECTS, ".parquet"))
        raise FileError(
            N_("The name of the file does not say what it is: it must end in one of %(known)s."),
            known=known,
        )


def _rows(
    path: Path, read: Callable[[Path, set[str]], Iterator[tuple[Phrase, Row]]]
) -> Iterator[Row | Skipped]:
    for name, row in read(path, {"text"}):
        if row["text"] is not None and not isinstance(row["text"], str):
            raise RowError(NO_TEXT, name="text").of(name)
        yield _row(name, row["text"] or "")


def _row(name: Phrase, text: str) -> Row | Skipped:
    if len(text) > LONGEST:
        raise FileError(
            N_("%(row)s has %(length)s characters; at most %(most)s fit. Cut it into several."),
            row=name,
            length=len(text),
            most=LONGEST,
        )
    text = clean(text).strip()
    return {"text": text, "split": split_of(text)} if text else Skipped.EMPTY


def _has_breaks(path: Path) -> bool:
    return any(line.strip() == BREAK for line in read_lines(path))


def _documents(path: Path) -> Iterator[str]:
    lines: list[str] = []
    for line in read_lines(path):
        if line.strip() == BREAK:
            yield "".join(lines)
            lines = []
        else:
            lines.append(line)
    if lines:
        yield "".join(lines)


def _passages(path: Path) -> Iterator[str]:
    lines: list[str] = []
    size = 0
    for line in read_lines(path):
        if not line.strip() and size >= PASSAGE:
            yield "".join(lines)
            lines, size = [], 0
        lines.append(line)
        size += len(line)
    if lines:
        yield "".join(lines)
