"""Within ten seconds a vote is taken back; what the rater has seen by then is not forgotten."""

from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from arena.models import Battle, Contender, Vote
from arena.selectors import decided_votes
from tests.arena.rating import HTMX, begin, contenders, finish, page, ranks, started, vote, voted

__all__ = ["contenders", "started"]

pytestmark = pytest.mark.django_db


def take_back(client: Client, battle: Battle) -> HttpResponse:
    return client.post(reverse("take_back", args=[battle.pk]))


def test_nothing_of_it_stays(client: Client) -> None:
    battle = voted(client)
    assert "Take it back" in page(client.get(battle.get_absolute_url()))
    assert take_back(client, battle).status_code == 303
    battle.refresh_from_db()
    assert battle.state == Battle.State.OPEN
    assert ranks(battle) == [None, None]
    assert not Vote.objects.exists()
    assert list(decided_votes()) == []
    assert battle.taken_back == {"ranks": [1, 2], "all_bad": False}  # beside the count


def test_the_names_stay_and_the_next_vote_does_not_count(client: Client) -> None:
    battle = voted(client)
    take_back(client, battle)
    shown = page(client.get(battle.get_absolute_url()))
    assert "data-ballot" in shown
    assert "kept but not counted" in shown
    assert all(one.contender.name in shown for one in battle.placements.all())
    vote(client, battle, "b")
    again = Vote.objects.get()
    assert not again.counted
    assert "names had been shown" in again.not_counted_because
    assert again.not_counted_because in page(client.get(battle.get_absolute_url()))
    assert list(decided_votes()) == []


def test_a_second_vote_can_be_taken_back_too(client: Client) -> None:
    battle = voted(client)
    take_back(client, battle)
    vote(client, battle, "b")
    assert take_back(client, battle).status_code == 303
    assert not Vote.objects.exists()


def test_after_ten_seconds_it_stands(client: Client) -> None:
    battle = voted(client)
    Vote.objects.update(cast_at=timezone.now() - timedelta(seconds=13))
    assert "Take it back" not in page(client.get(battle.get_absolute_url()))
    answer = take_back(client, battle)
    assert answer.status_code == 409
    assert "10 seconds" in page(answer)
    assert Vote.objects.get().counted


def test_without_a_vote_there_is_nothing_to_take_back(client: Client) -> None:
    battle = begin(client)
    assert take_back(client, battle).status_code == 409


def test_nobody_else_can(client: Client) -> None:
    battle = voted(client)
    assert take_back(Client(), battle).status_code == 404
    assert Vote.objects.exists()


def test_a_conversation_may_go_on_after_it(client: Client) -> None:
    battle = voted(client)
    take_back(client, battle)
    answer = client.post(reverse("add_turn", args=[battle.pk]), {"prompt": "And?"}, headers=HTMX)
    assert answer.status_code == 303


def test_the_api_takes_it_back(client: Client) -> None:
    battle = voted(client)
    address = f"/api/v1/battles/{battle.pk}/vote"
    answer = client.delete(address)
    assert answer.status_code == 200
    said = answer.json()
    assert (said["state"], said["vote"]) == ("open", None)
    assert {one["name"] for one in said["contenders"]} <= set(
        Contender.objects.values_list("name", flat=True)
    )
    assert client.delete(address).status_code == 409


def test_the_api_says_until_when(client: Client) -> None:
    battle = begin(client)
    finish(battle)
    answer = client.post(
        f"/api/v1/battles/{battle.pk}/vote", {"ranks": [1, 2]}, content_type="application/json"
    )
    said = answer.json()["vote"]
    assert said["cast_at"] < said["take_back_until"]
    assert said["not_counted_because"] == ""
