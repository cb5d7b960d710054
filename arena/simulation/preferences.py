"""What a simulated rater likes: functions (prompt, response) -> float, higher is better. Pure.

An answer without a word is worse than any other.
"""

import re
from collections.abc import Callable
from importlib import import_module

Preference = Callable[[str, str], float]

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_LIST_ITEM = re.compile(r"^\s{0,8}(?:[-*+•]|\d{1,3}[.)])\s+\S", re.MULTILINE)
_POLITE = re.compile(
    r"\b(?:please|thanks?|thank you|glad|happy to|welcome|sorry|kind(?:ly)?|hope|feel free|"
    r"appreciate|pleasure|of course|certainly)\b",
    re.IGNORECASE,
)
_NOTHING = float("-inf")


def concise(prompt: str, response: str) -> float:
    """Fewer words are better."""
    return -float(words) if (words := len(_words(response))) else _NOTHING


def detailed(prompt: str, response: str) -> float:
    """More words are better."""
    return float(words) if (words := len(_words(response))) else _NOTHING


def lists(prompt: str, response: str) -> float:
    """More list items (bullets or numbers) are better."""
    return float(len(_LIST_ITEM.findall(response))) if _words(response) else _NOTHING


def polite(prompt: str, response: str) -> float:
    """More courteous words for each hundred words are better."""
    words = len(_words(response))
    return 100 * len(_POLITE.findall(response)) / words if words else _NOTHING


def simple_words(prompt: str, response: str) -> float:
    """Shorter words, by mean length in letters, are better."""
    words = _words(response)
    return -sum(map(len, words)) / len(words) if words else _NOTHING


PREFERENCES: dict[str, Preference] = {
    function.__name__: function for function in (concise, detailed, lists, polite, simple_words)
}


def find_preference(name: str) -> Preference:
    """A built-in preference by its name, or any function as "module:function".

    Raises ValueError that says what is wrong.
    """
    if name in PREFERENCES:
        return PREFERENCES[name]
    module, separator, attribute = name.partition(":")
    if not separator:
        known = ", ".join(PREFERENCES)
        raise ValueError(f"Unknown preference {name!r}: say one of {known}, or module:function.")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"The preference {name!r} cannot be loaded: {error}.") from error
    if not callable(found):
        raise ValueError(f"The preference {name!r} is not a function.")
    preference: Preference = found
    return preference


def _words(text: str) -> list[str]:
    return _WORD.findall(text)
