"""Counts of style in one Markdown text."""

import re
from typing import NamedTuple

_FENCE = re.compile(r"```[^`]*```", re.DOTALL)


class StyleCounts(NamedTuple):
    tokens: int
    headers: int
    lists: int
    bold: int


def count_style(markdown: str) -> StyleCounts:
    text = _FENCE.sub("", markdown)
    return StyleCounts(
        len(re.findall(r"\w+|[^\w\s]", markdown)),
        len(re.findall(r"^#{1,6}\s", text, re.MULTILINE)),
        len(re.findall(r"^\s*(?:[-*+]|\d+\.)\s", text, re.MULTILINE)),
        len(re.findall(r"\*\*[^*\n]+\*\*|__[^_\n]+__", text)),
    )
