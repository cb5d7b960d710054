"""What may speak against a vote, as figures that are kept with it. Pure; excludes nothing."""

import hashlib
import re
from dataclasses import dataclass
from math import comb

# People read about 240 words a minute (Brysbaert 2019, 190 studies); at four times that nobody
# takes in what a text says.
WORDS_A_MINUTE = 1_000
# Chinese and Japanese are written without spaces; readers take 1.5 characters for a word.
CHARACTERS_A_WORD = 1.5

_CJK = "\u3040-\u30ff\u3400-\u9fff"
_CHARACTER = re.compile(f"[{_CJK}]")
_WORD = re.compile(rf"[^\W_{_CJK}]+")


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Under which a vote was cast. Seconds are None where they are not known."""

    texts: tuple[str, ...]  # what was shown in the last turn
    seconds_since_prompt: float | None
    seconds_since_end: float | None  # since the last response ended
    regenerated: int
    turns: int
    same_prompt_before: int  # battles of the same rater with the same first prompt
    same_prompt_by_others: int


def features(seen: Circumstances) -> dict[str, int | float | bool | None]:
    """The circumstances as they are kept: plain values, by names that the admin filters on."""
    words = sum(count_words(text) for text in seen.texts)
    return {
        "words": words,
        "seconds_since_prompt": _rounded(seen.seconds_since_prompt),
        "seconds_since_end": _rounded(seen.seconds_since_end),
        "faster_than_reading": faster_than_reading(words, seen.seconds_since_prompt),
        "regenerated": seen.regenerated,
        "turns": seen.turns,
        "same_prompt_before": seen.same_prompt_before,
        "same_prompt_by_others": seen.same_prompt_by_others,
    }


def faster_than_reading(words: int, seconds: float | None) -> bool | None:
    """Whether so many words cannot have been read in that time. None if the time is not known."""
    return None if seconds is None else seconds < 60.0 * words / WORDS_A_MINUTE


def count_words(text: str) -> int:
    return round(len(_WORD.findall(text)) + len(_CHARACTER.findall(text)) / CHARACTERS_A_WORD)


def prompt_key(prompt: str) -> str:
    """The same for prompts that differ only in capitals, punctuation and white space."""
    words = re.findall(r"\w+", prompt.lower())
    plain = " ".join(words) or " ".join(prompt.split())
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()[:32]


def position_test(first: int, total: int) -> float:
    """The probability of a split of `total` at least as uneven as `first` to the rest, if both
    positions are equally likely: the exact two-sided binomial test."""
    if not 0 <= first <= total:
        raise ValueError(f"{first} of {total} is no count.")
    fewer = min(first, total - first)
    tail = sum(comb(total, k) for k in range(fewer + 1))
    return min(1.0, float(2 * tail / 2**total))


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
