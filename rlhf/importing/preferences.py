r"""Preference files of others, as rows of our format `ranking`. Pure but for reading the file.

trl    chosen and rejected, and prompt unless both begin with it: texts or chat messages
hh     chosen and rejected are dialogues as one text, "\n\nHuman: …\n\nAssistant: …"
llama-factory
       chosen and rejected are one message each after messages or conversations, or one text each
       after instruction and input; and system
lmsys  battles: model_a, model_b, winner, conversations (as `import_votes` reads them)

JSON Lines, a JSON array, or Parquet; lmsys also CSV. The format is told by the first row unless it
is given. Messages never quote a text of the file, which may be one that nobody wants to read.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from arena.importing.errors import N_, ColumnsMissing, FileError, Phrase, RowError
from arena.importing.files import NamedRows, names_of
from arena.importing.formats import FORMATS, UNKNOWN_FORMAT
from arena.importing.records import NO_TEXT, ImportedVote
from arena.text import clean
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
    refuse_tools,
    shared_gpt,
    text_at,
    text_of,
)

ONLY_BATTLES = N_(
    "%(reason)s Preferences are read from JSON Lines, JSON or Parquet; from CSV only battles, with "
    "the columns model_a and model_b."
)
OPEN_END = N_("%(name)s does not end with the assistant")
_BATTLES, _VOTE_OF = FORMATS["lmsys"]
_SPEAKERS = {"Human": "user", "Assistant": "assistant"}
_SPOKEN = re.compile(r"\n\n(Human|Assistant):[ \t]?")


def read_preferences(path: Path, file_format: str | None = None) -> Iterator[Row | Skipped]:
    """The rows of a file in its order, ties included; why, for one that is of no use.

    Raises FileError at the first row that is wrong, with its number and what is wrong.
    """
    if file_format is not None and file_format not in FILE_FORMATS:
        raise FileError(UNKNOWN_FORMAT, name=file_format, known=", ".join(FILE_FORMATS))
    told = file_format or _told_by_first(path)
    rows = _BATTLES(path) if told == "lmsys" else read_rows(path)
    try:
        yield from parsed(rows if file_format else _alike(rows, told), _PARSERS[told])
    except ColumnsMissing as missing:
        if path.suffix.lower() != ".csv":
            raise
        raise FileError(ONLY_BATTLES, reason=missing) from missing


def _told_by_first(path: Path) -> str:
    """The format, by the first row."""
    if path.suffix.lower() == ".csv":
        return "lmsys"
    return _told(*next(read_rows(path)))


def _told(name: Phrase, row: Row) -> str:
    """The format, by a row."""
    if "chosen" in row and "rejected" in row:
        chosen = row["chosen"]
        if isinstance(chosen, dict) or ("instruction" in row and "prompt" not in row):
            return "llama-factory"
        return "hh" if isinstance(chosen, str) and _SPOKEN.match(chosen) else "trl"
    if "model_a" in row and "model_b" in row:
        return "lmsys"
    raise FileError(
        N_("%(row)s has neither chosen and rejected nor model_a and model_b; it has: %(found)s."),
        row=name,
        found=names_of(row),
    )


def _alike(rows: NamedRows, told: str) -> NamedRows:
    """The rows; raises FileError where one is of another format than the first."""
    for name, row in rows:
        if (other := _told(name, row)) != told:
            raise FileError(
                N_(
                    "%(row)s reads as %(other)s, the first one as %(format)s. Part the file, or "
                    "choose the format of all rows."
                ),
                row=name,
                other=other,
                format=told,
            )
        yield name, row


def _of_pair(row: Row) -> Row | Skipped:
    """TRL's preference formats: standard or conversational, with or without a prompt of its own."""
    chosen, rejected, prompt = row.get("chosen"), row.get("rejected"), row.get("prompt")
    if isinstance(chosen, str) and isinstance(rejected, str):
        if prompt is None:
            shared = chosen[: _shared(chosen, rejected)]
            prompt = shared[: shared.rfind(" ") + 1]  # whole words
            chosen, rejected = chosen[len(prompt) :], rejected[len(prompt) :]
        return _row(opening_of(prompt), chosen, rejected)
    if isinstance(chosen, str) or isinstance(rejected, str):
        raise RowError(NO_TEXT, name="rejected" if isinstance(chosen, str) else "chosen")
    told, other = _to_its_end(chosen, "chosen"), _to_its_end(rejected, "rejected")
    turns = _shared(told, other)
    before = told[:turns] if prompt is None else opening_of(prompt)
    if before == told[: len(before)] == other[: len(before)]:  # they begin with the prompt
        told, other = told[len(before) :], other[len(before) :]
    return _row(before, _response(told), _response(other))


def _to_its_end(value: Any, name: str) -> Messages:
    messages = messages_of(value, name)
    if messages[-1]["role"] != "assistant":
        raise RowError(OPEN_END, name=name)
    return messages


def _of_llama_factory(row: Row) -> Row | Skipped:
    chosen, rejected = row.get("chosen"), row.get("rejected")
    if isinstance(chosen, str):
        return _row(alpaca_prompt(row), chosen, text_at(row, "rejected"))
    read = shared_gpt if "conversations" in row else messages_of
    told, other = read([chosen], "chosen"), read([rejected], "rejected")
    return _row(chat_of(row), _response(told), _response(other))


def _of_dialogues(row: Row) -> Row | Skipped:
    """Two dialogues that share all but the end."""
    told = _dialogue(row.get("chosen"), "chosen")
    other = _dialogue(row.get("rejected"), "rejected")
    # Up to the last answers at most, so that equal dialogues still have two.
    turns = min(_shared(told, other), len(told) - 1, len(other) - 1)
    while turns and told[turns]["role"] != "assistant":
        turns -= 1
    return _row(told[:turns], _response(told[turns:]), _response(other[turns:]))


def _shared(one: Sequence[Any], other: Sequence[Any]) -> int:
    """How many characters, or messages, both begin with."""
    same = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return sum(1 for _ in same)


def _dialogue(text: Any, name: str) -> Messages:
    if not isinstance(text, str):
        raise RowError(NO_TEXT, name=name)
    before, *pieces = _SPOKEN.split(text)
    if before.strip() or not pieces:
        raise RowError(N_("%(name)s does not begin with “\\n\\nHuman:”"), name=name)
    messages: Messages = []
    for speaker, said in zip(pieces[::2], pieces[1::2], strict=True):
        role = _SPEAKERS[speaker]
        if messages and messages[-1]["role"] == role:  # somebody spoke twice
            messages[-1]["content"] += f"\n\n{said.strip()}"
        else:
            messages.append({"role": role, "content": said.strip()})
    if messages[-1]["role"] != "assistant":
        raise RowError(OPEN_END, name=name)
    return messages


def _response(messages: Messages) -> str | Messages:
    """The text where it is one answer; else the conversation on."""
    if len(messages) == 1 and messages[0]["role"] == "assistant":
        return messages[0]["content"]
    return messages


def _row(prompt: Messages, chosen: str | Messages, rejected: str | Messages) -> Row | Skipped:
    prompt, sides = fit(prompt), [_fit(chosen), _fit(rejected)]
    if not first_prompt(prompt):
        raise RowError(N_("there is no prompt"))
    if any(isinstance(side, str) and not side.strip() for side in sides):
        return Skipped.EMPTY
    if sides[0] == sides[1]:
        return Skipped.EQUAL
    if not all(sides):
        raise RowError(N_("chosen or rejected says nothing beyond what both begin with"))
    return _ranking(prompt, sides, [1, 2])


def _of_battle(row: Row) -> Row | Skipped:
    for side in ("conversation_a", "conversation_b"):
        for message in row[side] if isinstance(row.get(side), list) else ():
            if isinstance(message, dict):
                refuse_tools(message)
                text_of(message.get("content"))
    return _of_vote(_VOTE_OF(row))


def _of_vote(vote: ImportedVote) -> Row | Skipped:
    """A battle whose two sides have texts. Equal ones stay: they may tie."""
    sides: list[str | Messages] = []
    for position in (0, 1):
        messages: Messages = []
        for turn in vote.turns:
            answer = (turn.answer_a, turn.answer_b)[position] or ""
            messages.append({"role": "user", "content": turn.prompt})
            messages.append({"role": "assistant", "content": answer})
        messages = fit(messages)
        if not messages or not all(message["content"].strip() for message in messages):
            return Skipped.EMPTY
        prompt = messages[:1]
        sides.append(_response(messages[1:]))
    return _ranking(prompt, sides, list(vote.ranks), vote.language)


def _fit(response: str | Messages) -> str | Messages:
    return clean(response) if isinstance(response, str) else fit(response)


def _ranking(
    prompt: Messages, responses: list[str | Messages], ranks: list[int], language: str = ""
) -> Row:
    plain = len(prompt) == 1
    return {
        "prompt": prompt[0]["content"] if plain else prompt,
        "responses": responses,
        "ranks": ranks,
        "weight": 1.0,
        "vote_id": None,
        "rater": "",
        "category": "",
        "tags": "",
        "language": clean(language),
        "split": split_of(first_prompt(prompt)),
    }


_PARSERS: dict[str, Callable[[Row], Row | Skipped]] = {
    "trl": _of_pair,
    "hh": _of_dialogues,
    "llama-factory": _of_llama_factory,
    "lmsys": _of_battle,
}
FILE_FORMATS = tuple(_PARSERS)
