"""Tokens to text as they come: whole characters only, and cut at stop strings."""

from collections.abc import Sequence
from typing import Protocol

REPLACEMENT = "\ufffd"
INCOMPLETE_MAX_TOKENS = 8  # four bytes make a character; more is text that really is broken


class Decoder(Protocol):
    def decode(self, token_ids: list[int], *, skip_special_tokens: bool = ...) -> str: ...


class TextStream:
    """Turns one request's tokens into text pieces.

    Text is held back while its last character is incomplete, or while it may be the beginning of
    a stop string. `stopped` becomes true once a stop string was met; it is not part of the text.
    """

    def __init__(self, tokenizer: Decoder, stops: Sequence[str] = ()) -> None:
        self._tokenizer = tokenizer
        self._stops = [stop for stop in stops if stop]
        # Decoded with the group before it: some tokenizers drop a space at the very beginning.
        self._before: list[int] = []
        self._fresh: list[int] = []
        self._held = ""
        self.stopped = False

    def push(self, token: int) -> str:
        """The text that `token` makes certain; often one word, sometimes nothing."""
        self._fresh.append(token)
        text = self._decoded()
        if text.endswith(REPLACEMENT) and len(self._fresh) < INCOMPLETE_MAX_TOKENS:
            return ""
        self._before, self._fresh = self._fresh, []
        return self._release(text)

    def flush(self) -> str:
        """The text held back, at the end of the answer, but for half a character."""
        if self.stopped:
            return ""
        rest = self._release(self._decoded().rstrip(REPLACEMENT))
        self._before, self._fresh = self._fresh, []
        if not self.stopped:
            rest, self._held = rest + self._held, ""
        return rest

    def _decoded(self) -> str:
        decode = self._tokenizer.decode
        shown = decode(self._before, skip_special_tokens=True)
        return decode(self._before + self._fresh, skip_special_tokens=True)[len(shown) :]

    def _release(self, fresh: str) -> str:
        text = self._held + fresh
        ends = [at for stop in self._stops if (at := text.find(stop)) >= 0]
        if ends:
            self.stopped, self._held = True, ""
            return text[: min(ends)]
        keep = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]


def _overlap(text: str, stop: str) -> int:
    """How many of the last characters of `text` begin `stop`."""
    for size in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:size]):
            return size
    return 0
