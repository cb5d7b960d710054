"""The shown leaderboard as CSV and JSON."""

import csv
from io import StringIO

import pytest
from django.test import Client

from arena.models import Contender
from ranking.services import refresh_leaderboards
from tests.ranking.ballots import cast, contender
from tests.ranking.pages import names, nothing_kept, page  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_kept")]


@pytest.fixture
def board() -> None:
    for _ in range(3):
        cast(["heron", "otter"], [1, 2])
    cast(["heron", "otter"], [2, 1])
    refresh_leaderboards()


def rows(client: Client, **query: str) -> list[dict[str, str]]:
    answer = client.get("/leaderboard/standings.csv", query)
    assert answer.status_code == 200
    return list(csv.DictReader(StringIO(answer.content.decode())))


def test_the_csv_has_a_row_for_each_contender(client: Client, board: None) -> None:
    first, second = rows(client)
    assert (first["rank"], first["slug"], first["name"]) == ("1", "heron", "Heron")
    assert [first[name] for name in ("votes", "wins", "losses", "ties")] == ["4", "3", "1", "0"]
    assert float(first["lower"]) < float(first["rating"]) < float(first["upper"])
    gap = float(first["rating"]) - float(second["rating"])
    assert 1 / (1 + 10 ** (-gap / 400)) == pytest.approx(0.75)
    assert first["approval"] == first["cost_per_1000_usd"] == ""


def test_the_json_says_what_it_rests_on(client: Client, board: None) -> None:
    found = client.get("/leaderboard/standings.json").json()
    stored = client.get("/api/v1/leaderboard").json()
    for name in ("id", "method", "category", "population", "votes", "digest", "settings"):
        assert found[name] == stored[name]
    assert [line["rating"] for line in found["standings"]] == [
        line["rating"] for line in stored["standings"]
    ]
    assert found["standings"][0]["approval"] is None


def test_they_follow_the_page(client: Client, board: None) -> None:
    cast(["otter", "wren"], [1, 2], category="coding")
    query = {"category": "coding", "sort": "-rating"}
    assert [row["name"] for row in rows(client, **query)] == names(page(client, **query))
    assert [row["slug"] for row in rows(client, **query)] == ["wren", "otter"]
    assert rows(client, population="simulated") == []


def test_online_elo_has_no_bounds(client: Client, board: None) -> None:
    first, _ = rows(client, method="elo")
    assert first["lower"] == first["rank_low"] == ""


def test_no_spreadsheet_computes_a_name(client: Client, board: None) -> None:
    contender("otter")
    Contender.objects.filter(slug="otter").update(name='=HYPERLINK("http://x")')
    refresh_leaderboards()
    assert rows(client)[1]["name"] == '\'=HYPERLINK("http://x")'


def test_the_file_is_named_after_what_it_holds(client: Client, board: None) -> None:
    answer = client.get("/leaderboard/standings.csv", {"method": "elo", "days": "30"})
    assert "leaderboard-elo-overall-people-30-days.csv" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize("path", ["standings.xls", "standings.csv?method=best"])
def test_what_is_not_there(client: Client, path: str) -> None:
    assert client.get(f"/leaderboard/{path}").status_code == 404
