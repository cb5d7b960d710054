"""A visitor's mistake is one line in the log; the server's own keeps its traceback."""

import logging
import sys

import pytest

from config.logs import Calm


def record(name: str, level: int) -> logging.LogRecord:
    try:
        raise ValueError("no")
    except ValueError:
        return logging.LogRecord(name, level, __file__, 1, "text", None, sys.exc_info())


@pytest.mark.parametrize(
    ("name", "level", "kept"),
    [
        ("django.request", logging.WARNING, False),
        ("django.security.DisallowedHost", logging.ERROR, False),
        ("django.request", logging.ERROR, True),
        ("arena", logging.ERROR, True),
    ],
)
def test_tracebacks_are_for_the_servers_own_mistakes(name: str, level: int, kept: bool) -> None:
    found = record(name, level)
    assert Calm().filter(found)
    assert bool(found.exc_info) is kept
