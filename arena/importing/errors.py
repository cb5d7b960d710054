"""What is wrong with a file of others: English, and ready to be put into another language. Pure."""

from collections.abc import Callable


def N_(text: str) -> str:  # the name that gettext's tools look for
    """Marks a text for translation."""
    return text


class Phrase:
    """English with gaps such as `%(row)s`, and what fills them: names, phrases, lists of them."""

    def __init__(self, text: str, /, **values: object) -> None:
        self.text, self.values = text, values

    def __str__(self) -> str:
        return self.put(str)

    def put(self, translate: Callable[[str], str]) -> str:
        """The phrase and those in its gaps, each put into the language of `translate`."""
        return translate(self.text) % {
            name: _put(value, translate) for name, value in self.values.items()
        }


def _put(value: object, translate: Callable[[str], str]) -> object:
    if isinstance(value, Phrase):
        return value.put(translate)
    if isinstance(value, list):
        return ", ".join(str(_put(one, translate)) for one in value)
    return value


class FileError(Phrase, ValueError):
    """A file cannot be imported: a sentence with the row, counted from 1, and the reason."""


class ColumnsMissing(FileError):
    """The header of a file lacks columns that are needed."""


class RowError(Phrase, ValueError):
    """A row cannot be used: the reason alone, to stand behind the row's name."""

    def of(self, row: Phrase) -> FileError:
        """The sentence."""
        return FileError(N_("%(row)s: %(reason)s."), row=row, reason=self)
