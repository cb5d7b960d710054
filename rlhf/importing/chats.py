"""What the readers of chat files share: their rows, and messages that are checked and made fit."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import Any

from arena.importing.errors import N_, FileError, Phrase, RowError
from arena.importing.files import NamedRows, read_json, read_parquet
from arena.importing.records import NO_TEXT
from arena.text import clean

Row = dict[str, Any]
Messages = list[dict[str, str]]


class Skipped(Enum):
    """Why a row is left out, as the field that counts it.

    No text, two equal responses, turns of tools, parts of messages that are no text.
    """

    EMPTY = "skipped"
    EQUAL = "equal"
    TOOLS = "tools"
    PARTS = "parts"


class LeftOut(Exception):
    """The row is of no use, and nothing is wrong with it."""

    def __init__(self, why: Skipped) -> None:
        super().__init__(why)
        self.why = why


ROLES = {role: role for role in ("system", "user", "assistant")}
SPEAKERS = {"system": "system", "human": "user", "gpt": "assistant"} | ROLES  # ShareGPT's
# As OpenAI, TRL and LLaMA-Factory (ShareGPT) call them.
TOOL_ROLES = {"tool", "function", "function_call", "observation"}
TOOL_CALLS = ("tool_calls", "function_call")
TOOL_PARTS = ("tool_use", "tool_result")
LACKS = N_("a message in %(name)s lacks %(role)s or %(content)s")
ATTACHED = ("image", "images", "audio", "audios", "video", "videos")  # columns beside the messages


def read_rows(path: Path) -> NamedRows:
    """Each row with what to call it; raises FileError where there is no file or no row."""
    if path.suffix.lower() == ".csv":
        raise FileError(N_("CSV is not read here. Bring the file as JSON Lines, JSON or Parquet."))
    read: Callable[[Path, set[str]], NamedRows] = read_json
    if path.suffix.lower() == ".parquet":
        read = read_parquet
    rows = read(path, set())
    first = next(rows, None)
    if first is None:
        raise FileError(N_("The file has no rows."))
    return chain([first], rows)


def parsed(
    rows: Iterable[tuple[Phrase, Row]], parse: Callable[[Row], Row | Skipped]
) -> Iterator[Row | Skipped]:
    """What `parse` makes of each row; raises FileError at the first one that is wrong."""
    for name, row in rows:
        try:
            yield Skipped.PARTS if any(map(row.get, ATTACHED)) else parse(row)
        except LeftOut as left:
            yield left.why
        except RowError as error:
            raise error.of(name) from error


def messages_of(
    value: Any,
    name: str,
    *,
    role: str = "role",
    content: str = "content",
    roles: Mapping[str, str] = ROLES,
) -> Messages:
    """Chat messages, checked. `role`, `content` and the keys of `roles` are the file's own names.

    Raises RowError with what is wrong, which never quotes a text, and LeftOut where a tool takes
    part or a message has parts that are no text.
    """
    if not isinstance(value, list) or not value:
        raise RowError(N_("%(name)s is neither a text nor a list of chat messages"), name=name)
    messages: Messages = []
    for message in value:
        if not isinstance(message, dict) or role not in message:
            raise RowError(LACKS, name=name, role=role, content=content)
        refuse_tools(message, role)
        if content not in message:
            raise RowError(LACKS, name=name, role=role, content=content)
        if not isinstance(message[role], str) or message[role] not in roles:
            raise RowError(
                N_("a message in %(name)s has a %(role)s that is none of %(known)s"),
                name=name,
                role=role,
                known=", ".join(roles),
            )
        text = text_of(message[content])
        if text is None:
            raise RowError(
                N_("a message in %(name)s has a %(content)s that is no text"),
                name=name,
                content=content,
            )
        messages.append({"role": roles[message[role]], "content": text})
    return messages


def shared_gpt(value: Any, name: str) -> Messages:
    """The same for messages that ShareGPT's names are given to."""
    return messages_of(value, name, role="from", content="value", roles=SPEAKERS)


def chat_of(row: Row) -> Messages:
    """A row's `conversations` or else `messages`, behind its `system` where they have none."""
    if "conversations" in row:
        messages = shared_gpt(row["conversations"], "conversations")
    else:
        messages = messages_of(row.get("messages"), "messages")
    return messages if messages[0]["role"] == "system" else system_of(row) + messages


def alpaca_prompt(row: Row) -> Messages:
    """What Alpaca's and LLaMA-Factory's columns have before the answer."""
    messages = system_of(row)
    history = row.get("history") or []
    if not isinstance(history, list) or not all(map(_is_pair, history)):
        raise RowError(N_("history is no list of pairs of texts"))
    for asked, answer in history:
        messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    instruction, given = text_at(row, "instruction"), text_at(row, "input")
    prompt = f"{instruction}\n\n{given}" if given.strip() else instruction
    return [*messages, {"role": "user", "content": prompt}]


def _is_pair(turn: Any) -> bool:
    return isinstance(turn, list) and [*map(type, turn)] == [str, str]


def system_of(row: Row) -> Messages:
    """The message that a row's `system` is; none where it is empty."""
    system = text_at(row, "system")
    return [{"role": "system", "content": system}] if system.strip() else []


def text_at(row: Row, name: str) -> str:
    """The text of that name, '' where there is none; raises RowError for anything else."""
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise RowError(NO_TEXT, name=name)
    return value or ""


def refuse_tools(message: Row, role: str = "role") -> None:
    """Raise LeftOut for a tool's turn, and for a call of one."""
    said_by = message.get(role)
    if isinstance(said_by, str) and said_by in TOOL_ROLES:
        raise LeftOut(Skipped.TOOLS)
    if any(map(message.get, TOOL_CALLS)):
        raise LeftOut(Skipped.TOOLS)


def text_of(content: Any) -> str | None:
    """A message's text, which may come in parts; None for anything else.

    Raises LeftOut for a part that is no text.
    """
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        return None
    texts: list[str] = []
    for part in content:
        kind, text = part.get("type"), part.get("text")
        if kind in ("text", None) and isinstance(text, str):
            texts.append(text)
        elif kind == "text":
            return None
        else:
            raise LeftOut(Skipped.TOOLS if kind in TOOL_PARTS else Skipped.PARTS)
    return "".join(texts)


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
