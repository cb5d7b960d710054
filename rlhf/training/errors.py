"""What can go wrong in a stage and is not a bug: said in one plain line."""

from __future__ import annotations


def N_(text: str) -> str:  # the name that gettext's tools look for
    """Marks a text for translation; pages show it in the reader's language."""
    return text


class InputError(Exception):
    """A config or input file that a stage cannot use. Exit code 2."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason} {remedy}")
        self.reason = reason
        self.remedy = remedy


class DeadEnd(InputError):
    """What the run itself drew cannot be used: going on from its state would end here again."""


class TrainingError(Exception):
    """Training that cannot go on: the loss is not a number, memory ran out. Exit code 1."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason} {remedy}")
        self.reason = reason
        self.remedy = remedy


class Stopped(BaseException):
    """SIGTERM arrived: no library on the way may swallow it. Exit code 143."""
