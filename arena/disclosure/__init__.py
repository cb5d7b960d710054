"""Finds where a response names its maker or model, while it streams. Pure.

A name alone is no disclosure: a contender may write about ChatGPT. It is one where the text says
it of itself: "I am …", "as an AI made by …", in the languages of `words`. What is found is a list
of spans, [start, end) in characters of the text as it was written.
"""

from arena.disclosure.masking import MASK, Span, masked
from arena.disclosure.watcher import Watcher

__all__ = ["MASK", "Span", "Watcher", "masked"]
