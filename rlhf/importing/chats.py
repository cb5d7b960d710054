"""What the readers of chat files share: their rows, and messages that are checked and made fit."""

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import Any

from arena.importing.errors import N_, FileError, Phrase, RowError
from arena.importing.files import read_json, read_parquet
from arena.importing.formats import NO_FILE
from arena.text import clean

Row = dict[str, Any]
Messages = list[dict[str, str]]


class Skipped(Enum):
    """Why a row is left out, as the field that counts it: no text, or two equal responses."""

    EMPTY = "skipped"
    EQUAL = "equal"


ROLES = {role: role for role in ("system", "user", "assistant")}


def read_rows(path: Path) -> Iterator[tuple[Phrase, Row]]:
    """Each row with what to call it; raises FileError where there is no file or no row."""
    if not path.is_file():
        raise FileError(NO_FILE, path=path)
    read: Callable[..., Iterator[tuple[Phrase, Row]]] = read_json
    if path.suffix.lower() == ".parquet":
        read = read_parquet
    rows = read(path, set())
    first = next(rows, None)
    if first is None:
        raise FileError(N_("The file has no rows."))
    return chain([first], rows)


def messages_of(
    value: Any,
    name: str,
    *,
    role: str = "role",
    content: str = "content",
    roles: Mapping[str, str] = ROLES,
) -> Messages:
    """Chat messages, checked. `role`, `content` and the keys of `roles` are the file's own names.

    Raises RowError with what is wrong; it never quotes a text.
    """
    if not isinstance(value, list) or not value:
        raise RowError(N_("%(name)s is neither a text nor a list of chat messages"), name=name)
    for message in value:
        if not isinstance(message, dict) or not {role, content} <= message.keys():
            raise RowError(
                N_("a message in %(name)s lacks %(role)s or %(content)s"),
                name=name,
                role=role,
                content=content,
            )
        if not isinstance(message[role], str) or message[role] not in roles:
            raise RowError(
                N_("a message in %(name)s has a %(role)s that is none of %(known)s"),
                name=name,
                role=role,
                known=", ".join(roles),
            )
        if not isinstance(message[content], str):
            raise RowError(
                N_("a message in %(name)s has a %(content)s that is no text"),
                name=name,
                content=content,
            )
    return [{"role": roles[message[role]], "content": message[content]} for message in value]


def opening_of(prompt: Any) -> Messages:
    """A prompt, which is a text or messages already."""
    if isinstance(prompt, str):
        return [{"role": "user", "content": prompt}]
    return messages_of(prompt, "prompt")


def first_prompt(messages: Messages) -> str:
    """What the user said first; '' where nothing."""
    said = (message["content"] for message in messages if message["role"] == "user")
    return next((text for text in said if text.strip()), "")


def fit(messages: Messages) -> Messages:
    """Without control characters and halves of characters, as the arena keeps texts."""
    return [{"role": message["role"], "content": clean(message["content"])} for message in messages]
