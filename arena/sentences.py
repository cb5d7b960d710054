"""Sentences that are stored in English and read in the reader's language.

Workers, streams and training processes have no reader: what they write down is English, whole and
plain, also for logs and the API. `shown` finds the sentence again and translates it.
"""

import re

from django.conf import settings
from django.utils.translation import get_language, gettext

_known: list["Sentence"] = []


class Sentence:
    """A sentence with gaps such as `%(votes)s`. Calling it fills them: `Sentence("…")(votes=3)`."""

    def __init__(self, english: str) -> None:
        self.english = english
        pieces = re.split(r"%\((\w+)\)s", english)
        literals, names = pieces[::2], pieces[1::2]
        gaps = [f"(?P<{name}>.+?)" for name in names] + [""]
        found = "".join(
            re.escape(literal % ()) + gap for literal, gap in zip(literals, gaps, strict=True)
        )
        self._pattern = re.compile(found + r"(?:\s+|$)", re.DOTALL)
        _known.append(self)

    def __call__(self, **values: object) -> str:
        return self.english % values

    def start_of(self, text: str) -> tuple[str, str] | None:
        """This sentence at the start of a text, translated, and the rest; None if it is another."""
        if (match := self._pattern.match(text)) is None:
            return None
        return gettext(self.english) % match.groupdict(), text[match.end() :]


def shown(text: str) -> str:
    """A stored text in the present language. What no known sentence begins stays as it is."""
    if not text or get_language() in (None, settings.LANGUAGE_CODE):
        return text
    said: list[str] = []
    while text:
        found = [start for sentence in _known if (start := sentence.start_of(text)) is not None]
        # One may begin like another: the longest is meant.
        first, text = min(found, key=lambda start: len(start[1]), default=(text, ""))
        said.append(first)
    return " ".join(said)
