"""What every backend offers."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from arena.models import Contender

Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Usage:
    """What the endpoint counted, once at the end of a stream."""

    tokens: int


@dataclass(frozen=True, slots=True)
class CutOff:
    """The text ran into its limit of tokens."""


Piece = str | Usage | CutOff


class BackendError(Exception):
    """A contender could not answer.

    `reason` is for the rater and tells nothing of who answers; `detail` is for the operator's
    log and may name the endpoint.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Backend(Protocol):
    def stream(
        self, contender: Contender, messages: Sequence[Message]
    ) -> AsyncGenerator[Piece, None]:
        """Text as it is written; "" is a sign of life; at most one of the others.

        Raises BackendError.
        """

    async def check(self, contender: Contender) -> str:
        """One short answer, as proof: "Hello … (0.3 s)". Raises BackendError."""
