"""What the tests of the leaderboard's pages share."""

import importlib
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from ranking.selectors.kept import Kept

_KEEPERS = (
    "ranking.charts.rendering",
    "ranking.selectors.agreement",
    "ranking.selectors.leaderboards",
    "ranking.selectors.lines",
    "ranking.selectors.slices",
    "ranking.views.leaderboard",
    "ranking.views.plots",
    "ranking.views.portrait",
)


@pytest.fixture
def nothing_kept() -> None:
    """A test's database is not the one before it: what was kept of that one goes."""
    for name in _KEEPERS:
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, Kept):
                value.clear()


def page(
    client: Client,
    path: str = "/leaderboard/",
    *,
    headers: dict[str, str] | None = None,
    **query: Any,
) -> str:
    """The text of a page that must be there."""
    answer = client.get(path, query, headers=headers)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def standings(shown: str) -> str:
    """The table of standings alone."""
    found = re.search(r'<table class="table table--standings">.*?</table>', shown, re.DOTALL)
    assert found is not None
    return found.group()


def names(shown: str) -> list[str]:
    """The contenders of the table of standings, from the top."""
    return re.findall(r'<th scope="row"[^>]*><a[^>]*>([^<]+)</a></th>', standings(shown))


def column(shown: str, label: str) -> list[str]:
    """The figures of one column of the table of standings."""
    return re.findall(rf'data-label="{label}">([^<]*)<', standings(shown))
