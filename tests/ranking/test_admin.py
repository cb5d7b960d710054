"""The admin's view of the rankings: to look at, not to change."""

import pytest
from django.test import Client

from ranking.models import Leaderboard, Tally
from ranking.services import refresh_leaderboards
from tests.ranking.ballots import cast

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("model", ["leaderboard", "tally", "elorating"])
def test_it_lists_them_and_offers_no_adding(superuser_client: Client, model: str) -> None:
    cast("ab", [1, 2])
    refresh_leaderboards()
    page = superuser_client.get(f"/admin/ranking/{model}/")
    assert page.status_code == 200
    assert superuser_client.get(f"/admin/ranking/{model}/add/").status_code == 403


def test_a_leaderboard_shows_its_standings(superuser_client: Client) -> None:
    cast("ab", [1, 2])
    refresh_leaderboards()
    board = Leaderboard.objects.get(method="elo", population="people")
    page = superuser_client.get(f"/admin/ranking/leaderboard/{board.pk}/change/")
    assert b"1. A" in page.content


def test_nothing_can_be_changed_or_deleted(superuser_client: Client) -> None:
    cast("ab", [1, 2])
    tally = Tally.objects.get()
    address = f"/admin/ranking/tally/{tally.pk}/"
    assert superuser_client.post(f"{address}change/", {"count": 9}).status_code == 403
    assert superuser_client.post(f"{address}delete/", {"post": "yes"}).status_code == 403
    tally.refresh_from_db()
    assert tally.count == 1
