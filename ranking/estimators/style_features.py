"""How a response looks, counted from its Markdown: its length, headers, lists and bold text.

The features that LMSYS controls for and publishes with its votes (`conv_metadata`):
https://lmsys.org/blog/2024-08-28-style-control/. Their keys for side a, and ours:
sum_assistant_a_tokens → tokens, header_count_a → headers (all levels), list_count_a → lists
(items, ordered or not), bold_count_a → bold (both spellings).
"""

import re
from typing import NamedTuple

# A fence that is never closed runs to the end of the text, as browsers show it.
_FENCE = re.compile(
    r"^[ \t]*(`{3,}|~{3,})[^\n`]*\n.*?(?:^[ \t]*\1[`~]*[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
# Chinese and Japanese are written without spaces: each character counts by itself.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\W{_UNSPACED}]+|[^\w\s]")
_HEADER = re.compile(r"^#{1,6}[ \t]", re.MULTILINE)
_LIST_ITEM = re.compile(r"^[ \t]*(?:[-*+]|[0-9]+\.)[ \t]", re.MULTILINE)
_BOLD = re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__")


class StyleCounts(NamedTuple):
    """Counts of one response. `tokens` are words and punctuation marks, code included."""

    tokens: int
    headers: int
    lists: int
    bold: int


def count_style(markdown: str) -> StyleCounts:
    """Count the style of one Markdown text.

    Headers, list items and bold passages within fenced code are code, not style, and do not
    count. Tokens are counted without a tokenizer's vocabulary: only their ratio between two
    responses matters, and every model has another tokenizer.
    """
    prose = _FENCE.sub("", markdown)
    return StyleCounts(
        tokens=_count(_TOKEN, markdown),
        headers=_count(_HEADER, prose),
        lists=_count(_LIST_ITEM, prose),
        bold=_count(_BOLD, prose),
    )


def _count(pattern: re.Pattern[str], text: str) -> int:
    return sum(1 for _ in pattern.finditer(text))
