"""Hidden preferences that raters of a benchmark follow, and how they rank by one with noise.

They differ in kind, and no code outside the benchmarks knows them. Two are made of things that can
be counted in a response (brevity and lists; short words and sentences), one compares the response
with its prompt and looks for courtesy in words.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

CONSISTENCY = 0.8

Preference = Callable[[str, str], float]

COURTESY = re.compile(
    r"(?i)\b(?:please|thanks?|thank you|glad|happy to|welcome|sorry|of course|certainly|hope"
    r"|feel free|let me know|great|dear|kind)\b"
)


def brief_and_concrete(prompt: str, response: str) -> float:
    """Likes a finished answer with a list, a number or an example, in few words."""
    words = len(response.split())
    finished = bool(re.search(r"[.!?)\"`*]\s*$", response))
    items = len(re.findall(r"(?m)^\s*(?:[-*•]|\d+[.)])\s", response))
    examples = len(re.findall(r"(?i)\b(?:for example|for instance|such as|like when)\b", response))
    numbers = len(re.findall(r"(?<![\w.])\d+(?![.)]\s)\w*", response))
    concrete = min(3.0, items + 1.5 * examples + 0.5 * numbers) / 3
    return 1.5 * concrete + 0.5 * finished - words / 80


def plain_and_personal(prompt: str, response: str) -> float:
    """Likes short words and sentences that speak to the reader."""
    words = re.findall(r"[A-Za-z']+", response)
    if not words:
        return -5.0
    letters = sum(map(len, words)) / len(words)
    sentences = max(1, len(re.findall(r"[.!?](?:\s|$)", response)))
    you = sum(word.lower() in {"you", "your", "you're", "you'll", "yourself"} for word in words)
    return min(3, you) / 3 - (letters - 4.5) - max(0.0, len(words) / sentences - 12) / 12


def courteous_and_on_topic(prompt: str, response: str) -> float:
    """Likes a courteous answer that takes up the prompt's own words, in several lines."""
    asked = {word for word in re.findall(r"[a-z']+", prompt.lower()) if len(word) > 3}
    said = set(re.findall(r"[a-z']+", response.lower()))
    echo = len(asked & said) / max(1, len(asked))
    lines = sum(bool(line.strip()) for line in response.splitlines())
    courtesy = min(3, len(COURTESY.findall(response))) / 3
    return 2.0 * echo + 0.5 * courtesy + 0.5 * min(4, lines) / 4


PREFERENCES: dict[str, Preference] = {
    "brief_and_concrete": brief_and_concrete,
    "plain_and_personal": plain_and_personal,
    "courteous_and_on_topic": courteous_and_on_topic,
}


def noisy_ranks(values: Sequence[float], dice: random.Random) -> list[int]:
    """Ranks by noisy pairwise wins: each pair follows the values with CONSISTENCY."""
    wins = [0.0] * len(values)
    for i in range(len(values)):
        for j in range(i + 1, len(values)):
            better, worse = (i, j) if values[i] >= values[j] else (j, i)
            if dice.random() >= CONSISTENCY:
                better, worse = worse, better
            wins[better] += 1
    return [1 + sum(other > own for other in wins) for own in wins]
