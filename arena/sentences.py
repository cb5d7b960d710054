"""Sentences that are stored in English and read in the reader's language.

Workers, streams and training processes have no reader: what they write down is English, whole and
plain, also for logs and the API. `shown` finds the sentence again and translates it.
"""

import re

from django.conf import settings
from django.utils.formats import number_format
from django.utils.translation import get_language, gettext

_FIGURE = re.compile(r"([-\N{MINUS SIGN}]?\d+(?:\.\d+)?)(%?)")
_QUOTED = re.compile(r"'(?P<text>.*)'", re.DOTALL)
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
        values = {name: _written(value) for name, value in match.groupdict().items()}
        return gettext(self.english) % values, text[match.end() :]


def _written(value: str) -> str:
    """What fills a gap; a figure (0.25, 9.1%) or a quotation as the present language writes it."""
    if quoted := _QUOTED.fullmatch(value):
        return gettext("'%(text)s'") % quoted.groupdict()
    if (figure := _FIGURE.fullmatch(value)) is None:
        return value
    number, percent = figure.groups()
    written = number_format(number)
    return gettext("%(share)s %%") % {"share": written} if percent else written


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
