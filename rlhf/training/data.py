"""The input files of the stages: rankings, prompts and so on, one JSON object a line."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rlhf.training.chats import Messages, as_messages
from rlhf.training.errors import InputError

Row = TypeVar("Row")


@dataclass(frozen=True)
class Ranking:
    """K responses to one prompt with their ranks (1 is best, equal ranks tie).

    rater: tells raters apart, '' where it is not known. categories: what the battle was about.
    """

    prompt: Messages
    responses: tuple[str, ...]
    ranks: tuple[int, ...]
    weight: float = 1.0
    split: str = "train"
    rater: str = ""
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prompt:
    """A conversation that ends where the contender is to answer."""

    messages: Messages
    text: str
    split: str = "train"


@dataclass(frozen=True)
class Demonstration:
    """A prompt with the response to imitate. An unfinished response gets no end token."""

    prompt: Messages
    response: str
    finished: bool = True


@dataclass(frozen=True)
class Thumb:
    """A response that somebody found good (up) or bad."""

    prompt: Messages
    response: str
    up: bool
    split: str = "train"


@dataclass(frozen=True)
class Document:
    """A text to go on pretraining on."""

    text: str
    split: str = "train"


def read_rankings(path: str) -> list[Ranking]:
    """Rankings in file order. All-tied ones stay: they teach a margin of zero."""
    return _read(path, _ranking)


def read_prompts(path: str) -> list[Prompt]:
    """Prompts in file order."""
    return _read(path, _prompt)


def read_demonstrations(path: str) -> list[Demonstration]:
    """Demonstrations in file order."""
    return _read(path, _demonstration)


def read_thumbs(path: str) -> list[Thumb]:
    """Thumbs in file order."""
    return _read(path, _thumb)


def read_documents(path: str) -> list[Document]:
    """Documents in file order."""
    return _read(path, _document)


def split_of(rows: Sequence[Row], split: str) -> list[Row]:
    """The rows of one split, in order."""
    return [row for row in rows if getattr(row, "split", "train") == split]


def need(rows: Sequence[object], count: int, what: str, path: str) -> None:
    """Raise InputError unless there are at least `count` rows."""
    if len(rows) < count:
        raise InputError(
            f"{Path(path).name} has too few {what}: {len(rows)}.",
            f"At least {count} are needed: collect more.",
        )


def _read(path: str, parse: Callable[[dict[str, Any]], Row]) -> list[Row]:
    rows: list[Row] = []
    for number, line in _lines(path):
        try:
            value = json.loads(line)
            if not isinstance(value, dict):
                raise ValueError("not a JSON object")
            rows.append(parse(value))
        except (ValueError, TypeError) as error:
            raise InputError(f"{path} line {number}: {error}.", "Correct or remove it.") from error
    if not rows:
        raise InputError(f"{path} has no rows.", "Write one JSON object per line.")
    return rows


def _lines(path: str) -> Iterator[tuple[int, str]]:
    try:
        with Path(path).open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Cannot read {path}: {error}.", "Name a readable UTF-8 file.") from error


def _ranking(value: dict[str, Any]) -> Ranking:
    _only(value, {"prompt", "responses", "ranks", "weight", "split", "rater", "categories"})
    responses, ranks = value.get("responses"), value.get("ranks")
    if not isinstance(responses, list) or len(responses) < 2:
        raise ValueError("responses must be a list of two or more texts")
    if not all(isinstance(response, str) for response in responses):
        raise ValueError("responses must be texts")
    if not isinstance(ranks, list) or len(ranks) != len(responses):
        raise ValueError("ranks must give one number per response")
    if not all(isinstance(rank, int) and rank >= 1 for rank in ranks):
        raise ValueError("ranks must be whole numbers from 1")
    weight = value.get("weight", 1.0)
    if not isinstance(weight, int | float) or not math.isfinite(weight) or weight <= 0:
        raise ValueError("weight must be a number above 0")
    rater, categories = value.get("rater", ""), value.get("categories", [])
    if not isinstance(rater, str):
        raise ValueError("rater must be a text")
    if not isinstance(categories, list) or not all(isinstance(one, str) for one in categories):
        raise ValueError("categories must be a list of texts")
    return Ranking(
        prompt=_conversation(value),
        responses=tuple(responses),
        ranks=tuple(ranks),
        weight=float(weight),
        split=_split(value),
        rater=rater,
        categories=tuple(categories),
    )


def _prompt(value: dict[str, Any]) -> Prompt:
    _only(value, {"prompt", "system", "split"})
    messages = _conversation(value)
    return Prompt(messages, messages[-1]["content"], _split(value))


def _demonstration(value: dict[str, Any]) -> Demonstration:
    _only(value, {"prompt", "system", "response", "finished"})
    response, finished = value.get("response"), value.get("finished", True)
    if not isinstance(response, str) or not response.strip():
        raise ValueError("response must be a text")
    if not isinstance(finished, bool):
        raise ValueError("finished must be true or false")
    return Demonstration(_conversation(value), response, finished)


def _thumb(value: dict[str, Any]) -> Thumb:
    _only(value, {"prompt", "system", "response", "up", "split"})
    response, up = value.get("response"), value.get("up")
    if not isinstance(response, str) or not response.strip():
        raise ValueError("response must be a text")
    if not isinstance(up, bool):
        raise ValueError("up must be true or false")
    return Thumb(_conversation(value), response, up, _split(value))


def _document(value: dict[str, Any]) -> Document:
    _only(value, {"text", "split"})
    text = value.get("text")
    if not isinstance(text, str) or not text.strip():
        raise ValueError("text must be a text that is not empty")
    return Document(text, _split(value))


def _conversation(value: dict[str, Any]) -> Messages:
    prompt, system = value.get("prompt"), value.get("system", "")
    if not isinstance(system, str):
        raise ValueError("system must be a text")
    if isinstance(prompt, str) and prompt.strip():
        return as_messages(prompt, system)
    if not isinstance(prompt, list) or not prompt:
        raise ValueError("prompt must be a text or a list of messages")
    for message in prompt:
        if not isinstance(message, dict) or set(message) != {"role", "content"}:
            raise ValueError("a message has role and content")
        if message["role"] not in {"system", "user", "assistant"}:
            raise ValueError(f"unknown role {message['role']!r}")
        if not isinstance(message["content"], str):
            raise ValueError("a message's content is a text")
    return as_messages(prompt, system)


def _split(value: dict[str, Any]) -> str:
    split = value.get("split", "train")
    if split not in {"train", "test"}:
        raise ValueError(f"split is {split!r}, it must be 'train' or 'test'")
    return str(split)


def _only(value: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(set(value) - known)
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}, known: {', '.join(sorted(known))}")
