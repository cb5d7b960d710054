"""The leaderboard page through its address."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from arena.models import Population
from ranking.services import refresh_leaderboards
from tests.ranking.ballots import cast

pytestmark = pytest.mark.django_db


def page(client: Client, headers: dict[str, str] | None = None, **query: Any) -> str:
    answer = client.get("/leaderboard/", query, headers=headers)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def names(shown: str) -> list[str]:
    return re.findall(r'<th scope="row"[^>]*>([^<]+)</th>', shown)


def test_without_votes_it_says_so(client: Client) -> None:
    assert "No votes yet" in page(client)


def test_it_ranks_with_intervals_and_online_elo(client: Client) -> None:
    for _ in range(6):
        cast(["heron", "otter"], [1, 2])
    cast(["heron", "otter"], [2, 1])
    cast(["heron", "otter"], [1, 1])
    refresh_leaderboards()
    shown = page(client)
    assert names(shown) == ["Heron", "Otter"]
    assert "8 votes" in shown
    assert "95 % interval" in shown
    assert "Online Elo" in shown
    figures = re.findall(r'data-label="(votes|won|lost|tied)">(\d+)<', shown)
    assert figures[:4] == [("votes", "8"), ("won", "6"), ("lost", "1"), ("tied", "1")]


def test_a_vote_shows_even_before_the_first_refit(client: Client) -> None:
    cast(["heron", "otter"], [1, 2])
    assert names(page(client)) == ["Heron", "Otter"]


def test_the_plot_keeps_each_interval_within_it_and_around_its_rating(client: Client) -> None:
    for lineup in (["heron", "otter"], ["otter", "wren"], ["wren", "heron"]):
        cast(lineup, [1, 2])
        cast(lineup, [1, 1])
    shown = page(client)
    bars = re.findall(r'M([\d.]+) 10H([\d.]+)"/><path class="interval__point" d="M([\d.]+)', shown)
    assert len(bars) == 3
    for low, high, point in bars:
        assert 0 <= float(low) <= float(point) <= float(high) <= 100


@pytest.mark.parametrize("method", ["elo", "plackett-luce"])
def test_other_methods_have_addresses(client: Client, method: str) -> None:
    cast(["heron", "otter"], [1, 2])
    shown = page(client, method=method)
    assert names(shown) == ["Heron", "Otter"]
    assert ("95 % interval" in shown) == (method != "elo")


def test_simulated_votes_are_apart_and_labelled(client: Client) -> None:
    cast(["heron", "otter"], [1, 2])
    cast(["heron", "otter"], [2, 1], population=Population.SIMULATED)
    people = page(client)
    assert "1 vote ·" in people
    assert "not by people" not in people
    simulated = page(client, population="simulated")
    assert names(simulated) == ["Otter", "Heron"]
    assert "not by people" in simulated
    together = page(client, population="all")
    assert "2 votes" in together
    assert "together" in together


def test_its_links_keep_the_other_choice(client: Client) -> None:
    shown = page(client, method="elo", population="all")
    assert 'href="?method=elo"' in shown
    assert 'href="?population=all"' in shown
    assert 'href="?method=elo&population=simulated"' in shown


def test_a_refresh_gets_the_table_alone(client: Client) -> None:
    cast(["heron", "otter"], [1, 2])
    shown = page(client, headers={"HX-Request": "true", "HX-Target": "standings"}, method="elo")
    assert shown.startswith("<section")
    assert 'hx-get="/leaderboard/?method=elo"' in shown


@pytest.mark.parametrize("query", [{"method": "best"}, {"population": "robots"}])
def test_unknown_choices_are_not_there(client: Client, query: dict[str, str]) -> None:
    assert client.get("/leaderboard/", query).status_code == 404
