"""What a format is: which rows a vote (or a thumb) gives, and what their columns hold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from django.utils.functional import Promise

from rlhf.selectors import Judged, Thumb

Row = Mapping[str, Any]
# What a column holds: one text, chat messages, one such value for each response, …
Kind = Literal["text", "messages", "message", "conversations", "bool", "int", "ints", "float"]


class UnknownFormat(ValueError):
    """Nobody wrote a format of that name."""


@dataclass(frozen=True, kw_only=True)
class Format:
    """An export format. It is made of votes, or of thumbs; or of a file's documents.

    `of_vote` (or `of_thumb`) gives the rows of one, in a fixed order; None for one whose texts do
    not fit. `timed` formats say when a vote was cast. With `once_per_prompt` a row is left out if
    an earlier one had the same prompt.
    `purpose` says in a line what such rows serve.
    `llama_factory` describes the columns as LLaMA-Factory's dataset_info.json has it.
    """

    name: str
    title: str | Promise
    description: str | Promise
    purpose: str | Promise
    columns: Mapping[str, Kind]
    of_vote: Callable[[Judged], Sequence[Row] | None] | None = None
    of_thumb: Callable[[Thumb], Sequence[Row] | None] | None = None
    timed: bool = False
    once_per_prompt: bool = False
    llama_factory: Mapping[str, Any] = field(default_factory=dict)

    @property
    def unit(self) -> Literal["vote", "thumb", "document"]:
        if self.of_vote is not None:
            return "vote"
        return "thumb" if self.of_thumb is not None else "document"


def ignore_progress(done: int, total: int) -> None:
    """For callers that do not watch."""
