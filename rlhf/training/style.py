"""Countable style of a response: what raters notice at a glance and averaged hidden states blur.

The features are those of style control on public arenas (length, lists, bold: Li et al. 2024, "Does
style matter?", lmsys.org) and of readability formulas (length of words and sentences). They say
nothing about what is right; votes decide how much each counts beside a language model's features.
"""

from __future__ import annotations

import math
import re

WIDTH = 17
_ITEM = re.compile(r"(?m)^\s*(?:[-*•]|\d+[.)])\s")
_SENTENCE_END = re.compile(r"[.!?](?:\s|$)")
_ENDED = tuple('.!?)"`*')


def style(text: str) -> list[float]:
    """WIDTH features of a text: log(1 + count) of its parts, then lengths and shares."""
    words = text.split()
    count = max(1, len(words))
    sentences = len(_SENTENCE_END.findall(text))
    counts = (
        len(words),
        len(text),
        text.count("\n"),
        len(_ITEM.findall(text)),
        sum(letter.isdigit() for letter in text),
        sentences,
        *(text.count(mark) for mark in ',?!"*:'),
    )
    shares = (
        math.log1p(len(text) / count),
        math.log1p(len(words) / max(1, sentences)),
        len({word.lower() for word in words}) / count,
        sum(word[:1].isupper() for word in words) / count,
        float(text.endswith(_ENDED)),
    )
    return [*map(math.log1p, counts), *shares]
