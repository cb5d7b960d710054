"""Text with what must not be read taken out."""

from collections.abc import Iterable

Span = tuple[int, int]

MASK = "(name hidden)"


def masked(text: str, spans: Iterable[Iterable[int]]) -> str:
    """`text` with a mask in place of each span; the spans are in order and do not overlap."""
    shown, at = [], 0
    for start, end in spans:
        shown += [text[at:start], MASK]
        at = end
    return "".join([*shown, text[at:]])
