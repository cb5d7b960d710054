"""Every combination of the leaderboard's parameters, on the least and the oddest of votes."""

import re
from collections.abc import Callable
from itertools import product

import pytest
from django.test import Client

from ranking.boards import ALL_METHODS
from ranking.selectors import WINDOWS
from ranking.services import refresh_leaderboards
from ranking.views.columns import COLUMNS
from tests.ranking.ballots import cast
from tests.ranking.pages import nothing_kept  # noqa: F401

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db,
    pytest.mark.usefixtures("nothing_kept"),
]
POPULATIONS = ["people", "simulated", "all"]
SORTS = ["", *COLUMNS, *(f"-{key}" for key in COLUMNS)]
PLOTS = ["ratings", "costs", "history", "win-rates", "battles"]


def nothing() -> None:
    """No vote at all."""


def one_vote() -> None:
    cast(["heron", "otter"], [1, 2], category="coding")


def ties_only() -> None:
    for _ in range(3):
        cast(["heron", "otter"], [1, 1], category="coding", answers=["Yes.", "- no"])
        cast(["heron", "otter", "wren"], [1, 1, 1], all_bad=True, answers=["Yes.", "No.", "?"])


def apart() -> None:
    """Two couples that never met, and votes of people and of simulated raters."""
    for _ in range(3):
        cast(["heron", "otter"], [1, 2], category="coding")
        cast(["newt", "wren"], [2, 1], population="simulated", category="coding")
    cast(["newt", "wren"], [1, 2], answers=["Yes.", "No."])


@pytest.fixture(params=[nothing, one_vote, ties_only, apart], ids=lambda votes: votes.__name__)
def votes(request: pytest.FixtureRequest, db: None) -> Callable[[], None]:
    given: Callable[[], None] = request.param
    given()
    return given


@pytest.mark.parametrize("stored", [False, True])
def test_every_combination_has_a_page(
    client: Client, votes: Callable[[], None], stored: bool
) -> None:
    if stored:
        refresh_leaderboards()
    categories = ["", "coding"] if votes is not nothing else [""]
    combinations = product(ALL_METHODS, categories, POPULATIONS, ["", *WINDOWS], ["", "1"])
    for number, (method, category, population, days, significant) in enumerate(combinations):
        query = {
            "method": method,
            "category": category,
            "population": population,
            "days": days,
            "significant": significant,
            "sort": SORTS[number % len(SORTS)],
        }
        answer = client.get("/leaderboard/", query)
        assert answer.status_code == 200, query
        assert not re.search(rb"\bnan\b", answer.content), query


@pytest.mark.parametrize("name", PLOTS)
def test_every_plot_is_there_or_says_why_not(
    client: Client, votes: Callable[[], None], name: str
) -> None:
    refresh_leaderboards()
    for method, population, days in product(ALL_METHODS, POPULATIONS, ["", "7"]):
        query = {"method": method, "population": population, "days": days}
        answer = client.get(f"/leaderboard/plots/{name}.json", query)
        assert answer.status_code in {200, 404}
        if answer.status_code == 200:
            assert "NaN" not in answer.content.decode()
        else:
            assert b"notice" in answer.content


def test_plots_of_the_oddest_votes_can_be_drawn(client: Client, votes: Callable[[], None]) -> None:
    for name in PLOTS:
        there = client.get(f"/leaderboard/plots/{name}.json").status_code
        assert client.get(f"/leaderboard/plots/{name}.svg").status_code == there


def test_every_contender_has_a_page(client: Client, votes: Callable[[], None]) -> None:
    refresh_leaderboards()
    for slug, population in product(["heron", "otter", "wren", "newt"], POPULATIONS):
        status = client.get(f"/contenders/{slug}/", {"population": population}).status_code
        assert status in {200, 404}
    known = 0 if votes is nothing else 1
    assert (client.get("/contenders/heron/").status_code == 200) == bool(known)


def test_downloads_of_the_oddest_votes(client: Client, votes: Callable[[], None]) -> None:
    for method, extension in product(ALL_METHODS, ["csv", "json"]):
        answer = client.get(f"/leaderboard/standings.{extension}", {"method": method})
        assert answer.status_code == 200
        assert b"NaN" not in answer.content
