"""Responses to imitate, as rows of the format `trl-sft`. Pure but for reading the file.

messages            chat messages that end with the assistant (TRL, OpenAI), and system
prompt-completion   prompt and completion: texts or chat messages (TRL)
alpaca              instruction, input, output, and system and history where there are
sharegpt            conversations of messages with from and value, and system

JSON Lines, a JSON array, or Parquet. The format is told by the first row unless it is given.
Messages never quote a text of the file.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from arena.importing.errors import N_, FileError, RowError
from arena.importing.files import NamedRows, names_of
from arena.importing.formats import UNKNOWN_FORMAT
from rlhf.exporting import split_of
from rlhf.importing.chats import (
    Messages,
    Row,
    Skipped,
    alpaca_prompt,
    chat_of,
    first_prompt,
    fit,
    messages_of,
    opening_of,
    parsed,
    read_rows,
    text_at,
)


def read_demonstrations(path: Path, file_format: str | None = None) -> Iterator[Row | Skipped]:
    """The rows of a file in its order; why, for one in which the assistant says nothing.

    Raises FileError at the first row that is wrong, with its number and what is wrong.
    """
    if file_format is not None and file_format not in _PARSERS:
        raise FileError(UNKNOWN_FORMAT, name=file_format, known=", ".join(_PARSERS))
    file_format = file_format or _told(path)
    parse = _PARSERS[file_format]
    yield from parsed(_whole(path, file_format), lambda row: _row(parse(row)))


def _whole(path: Path, file_format: str) -> NamedRows:
    """The rows, of which each has what the format needs."""
    for name, row in read_rows(path):
        if missing := _COLUMNS[file_format] - row.keys():
            raise FileError(
                N_("%(row)s lacks %(missing)s (read as %(format)s); it has: %(found)s."),
                row=name,
                missing=", ".join(sorted(missing)),
                format=file_format,
                found=names_of(row),
            )
        yield name, row


def _told(path: Path) -> str:
    """The format, by the first row."""
    name, first = next(read_rows(path))
    for file_format, columns in _COLUMNS.items():
        if columns <= first.keys():
            return file_format
    raise FileError(
        N_("%(row)s has none of these: %(wanted)s. It has: %(found)s."),
        row=name,
        wanted="; ".join(", ".join(sorted(columns)) for columns in _COLUMNS.values()),
        found=names_of(first),
    )


def _of_completion(row: Row) -> Messages:
    completion = row.get("completion")
    if isinstance(completion, str):
        said = [{"role": "assistant", "content": completion}]
    else:
        said = messages_of(completion, "completion")
    return opening_of(row.get("prompt")) + said


def _of_alpaca(row: Row) -> Messages:
    return [*alpaca_prompt(row), {"role": "assistant", "content": text_at(row, "output")}]


def _row(messages: Messages) -> Row | Skipped:
    """The conversation up to the assistant's last answer; why not, where an answer is empty."""
    while messages and messages[-1]["role"] != "assistant":
        messages = messages[:-1]
    messages = fit(messages)
    answers = [one["content"] for one in messages if one["role"] == "assistant"]
    if not answers or not all(answer.strip() for answer in answers):
        return Skipped.EMPTY
    prompt = first_prompt(messages)
    if not prompt or messages[0]["role"] == "assistant":
        raise RowError(N_("there is no prompt before the first answer"))
    return {"messages": messages, "split": split_of(prompt)}


_PARSERS: dict[str, Callable[[Row], Messages]] = {
    "messages": chat_of,
    "prompt-completion": _of_completion,
    "alpaca": _of_alpaca,
    "sharegpt": chat_of,
}
_COLUMNS: dict[str, set[str]] = {
    "messages": {"messages"},
    "prompt-completion": {"prompt", "completion"},
    "alpaca": {"instruction", "output"},
    "sharegpt": {"conversations"},
}
DEMONSTRATION_FORMATS = tuple(_PARSERS)
