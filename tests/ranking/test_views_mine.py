"""A rater's own leaderboard."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from arena.models import Rater
from ranking.services import refresh_leaderboards
from tests.ranking.ballots import cast, somebody

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(client: Client) -> Rater:
    rater = somebody("ada")
    client.force_login(User.objects.get(username="ada"))
    return rater


def test_it_rests_on_the_raters_own_votes(client: Client, ada: Rater) -> None:
    for _ in range(6):
        cast("ab", [2, 1], rater=ada)
        cast("ab", [1, 2])
    for _ in range(20):
        cast("ab", [1, 2])
    refresh_leaderboards()
    shown = client.get(reverse("my_leaderboard"))
    first, second = shown.context["lines"]
    assert [line.standing.slug for line in (first, second)] == ["b", "a"]
    assert [line.others for line in (first, second)] == [2, 1]
    assert first.standing.votes == 6
    assert first.standing.lower < first.standing.rating < first.standing.upper
    assert "6 votes" in shown.content.decode()


def test_without_a_counted_vote_it_says_what_to_do(client: Client, ada: Rater) -> None:
    cast("ab", [2, 1], rater=ada, mode="side_by_side")
    cast("ab", [1, 2])
    assert "No counted votes yet" in client.get(reverse("my_leaderboard")).content.decode()


def test_battles_that_moved_to_the_account_are_among_them(client: Client, ada: Rater) -> None:
    vote = cast("ab", [2, 1], rater=somebody())
    vote.battle.rater = ada
    vote.battle.save()
    assert "1 vote." in client.get(reverse("my_leaderboard")).content.decode()
