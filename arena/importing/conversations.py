"""Conversations as other arenas write them become turns."""

import json
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from arena.importing.errors import N_, RowError
from arena.importing.records import Exchange


def exchanges(conversation_a: Any, conversation_b: Any) -> tuple[Exchange, ...]:
    """Turns of two conversations with the same prompts; none if there are no conversations.

    A conversation is a list of {"role", "content"}, or that list as JSON; the content is a text
    or a list of parts, of which the texts count. Raises RowError for anything else, and if
    the two ask different things.
    """
    first, second = (
        _turns(conversation_a, "conversation_a"),
        _turns(conversation_b, "conversation_b"),
    )
    if first and second and [ask for ask, _ in first] != [ask for ask, _ in second]:
        raise RowError(N_("conversation_a and conversation_b have different prompts"))
    return tuple(
        Exchange((one or other)[0], one[1] if one else None, other[1] if other else None)
        for one, other in zip_longest(first, second)
    )


def aligned(prompts: Any, answers_a: Any, answers_b: Any) -> tuple[Exchange, ...]:
    """Turns of three lists of the same length (or JSON lists): prompts, answers, answers."""
    columns = [
        _list(value, column)
        for value, column in (
            (prompts, "prompt"),
            (answers_a, "response_a"),
            (answers_b, "response_b"),
        )
    ]
    if len({len(column) for column in columns}) != 1:
        lengths = ", ".join(str(len(column)) for column in columns)
        raise RowError(
            N_("prompt, response_a and response_b differ in length (%(lengths)s)"), lengths=lengths
        )
    texts = [[text or "" for text in column] for column in columns]
    if not all(isinstance(text, str) for column in texts for text in column):
        raise RowError(N_("prompt, response_a and response_b are not all lists of texts"))
    return tuple(Exchange(*turn) for turn in zip(*texts, strict=True))


def _turns(conversation: Any, column: str) -> list[tuple[str, str]]:
    turns: list[tuple[str, str]] = []
    for message in _list(conversation, column):
        role = message.get("role") if isinstance(message, dict) else None
        if not isinstance(role, str) or role not in {"user", "assistant", "system"}:
            raise RowError(
                N_("%(column)s has a message of role '%(role)s': say user or assistant"),
                column=column,
                role=str(role)[:40],
            )
        text = _content(message.get("content"), column)
        if role == "user":
            turns.append((text, ""))
        elif role == "assistant":
            if not turns:
                raise RowError(N_("%(column)s does not begin with a prompt"), column=column)
            prompt, answer = turns[-1]
            turns[-1] = (prompt, answer + text)
    return turns


def _content(content: Any, column: str) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, Sequence) and all(isinstance(part, dict) for part in content):
        return "".join(str(part.get("text") or "") for part in content)
    raise RowError(
        N_("%(column)s has a content that is neither a text nor a list of parts"), column=column
    )


def _list(value: Any, column: str) -> list[Any]:
    if value is None or value == "":
        return []
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise RowError(N_("%(column)s is not JSON"), column=column) from error
    if not isinstance(value, list):
        raise RowError(N_("%(column)s is not a list"), column=column)
    return value
