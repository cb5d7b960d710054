"""Blind, side by side and direct: how a rater chooses, and what a vote is worth in each."""

from typing import Any

import pytest
from django.conf import LazySettings
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from arena.models import Battle, Contender, Vote
from arena.selectors import decided_votes
from tests.arena.rating import begin, contenders, finish, page, started, vote

__all__ = ["contenders", "started"]

pytestmark = pytest.mark.django_db


def slugs(battle: Battle) -> list[str]:
    return [one.contender.slug for one in battle.placements.select_related("contender")]


def named(client: Client, *chosen: str, mode: str = "side_by_side", size: int = 2) -> Battle:
    begin(client, mode=mode, size=size, contenders=list(chosen))
    return Battle.objects.latest("created_at")


def test_a_blind_first_page_names_nobody(client: Client) -> None:
    shown = page(client.get(reverse("home")))
    assert 'name="contenders"' not in shown
    assert not any(one.name in shown for one in Contender.objects.all())


@pytest.mark.parametrize("mode", ["side_by_side", "direct"])
def test_the_named_modes_offer_everybody_who_is_active(client: Client, mode: str) -> None:
    Contender.objects.filter(slug="cobalt-wren").update(active=False)
    shown = page(client.get(reverse("home"), {"mode": mode}))
    assert "Amber Heron" in shown
    assert "Cobalt Wren" not in shown
    assert f'name="mode" value="{mode}"' in shown


def firsts(shown: str) -> list[str]:
    """What the boxes begin with."""
    return [
        part.split('"')[0]
        for part in shown.split('<option value="')[1:]
        if "selected" in part.split(">")[0]
    ]


def test_the_boxes_begin_with_different_contenders(client: Client) -> None:
    shown = page(client.get(reverse("home"), {"mode": "side_by_side", "contenders": "cobalt-wren"}))
    assert firsts(shown)[0] == "cobalt-wren"
    assert len(set(firsts(shown))) == 3


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (["basalt-otter", "basalt-otter", "cobalt-wren"], ["basalt-otter"] * 2 + ["cobalt-wren"]),
        (["gone", "cobalt-wren", "amber-heron"], ["basalt-otter", "cobalt-wren", "amber-heron"]),
        (["gone", "gone", "gone"], ["amber-heron", "basalt-otter", "cobalt-wren"]),
    ],
)
def test_a_refused_choice_stays_as_it_was(
    client: Client, chosen: list[str], expected: list[str]
) -> None:
    data = {"prompt": "Which?", "mode": "side_by_side", "size": 2, "contenders": chosen}
    answer: HttpResponse = client.post(reverse("home"), data)
    assert answer.status_code == 422
    assert firsts(page(answer)) == expected


@pytest.mark.parametrize("mode", ["side_by_side", "direct"])
def test_who_fails_at_present_stands_last_and_says_so(client: Client, mode: str) -> None:
    usual = page(client.get(reverse("home"), {"mode": mode}))
    assert firsts(usual) == ["amber-heron", "basalt-otter", "cobalt-wren"]
    assert "not answering now" not in usual
    for _ in range(2):
        finish(named(client, "amber-heron", "basalt-otter"), ["", "An answer"])
    shown = page(client.get(reverse("home"), {"mode": mode}))
    assert firsts(shown) == ["basalt-otter", "cobalt-wren", "amber-heron"]
    assert shown.count("Amber Heron (not answering now)") == shown.count("not answering now") == 3
    chosen = page(client.get(reverse("home"), {"mode": mode, "contenders": "amber-heron"}))
    assert firsts(chosen)[0] == "amber-heron"
    assert "not answering now" not in page(client.get(reverse("home")))


def test_who_fails_in_a_blind_battle_is_not_named_while_it_is_open(client: Client) -> None:
    battles = [begin(client) for _ in range(6)]
    for battle in battles:
        finish(battle, ["", ""])
    mine = page(client.get(reverse("home"), {"mode": "side_by_side"}))
    others = page(Client().get(reverse("home"), {"mode": "side_by_side"}))
    assert "not answering now" not in mine
    assert "not answering now" in others
    for battle in battles:
        client.post(reverse("skip", args=[battle.pk]))
    assert "not answering now" in page(client.get(reverse("home"), {"mode": "side_by_side"}))


def test_side_by_side_takes_as_many_as_the_size_says(client: Client) -> None:
    order = ["cobalt-wren", "amber-heron", "basalt-otter"]
    assert slugs(named(client, *order)) == order[:2]
    assert slugs(named(client, *order, size=3)) == order


def test_side_by_side_shows_names_at_once_and_says_that_it_does_not_count(
    client: Client, admin_client: Client
) -> None:
    battle = named(client, "amber-heron", "cobalt-wren")
    finish(battle)
    shown = page(client.get(battle.get_absolute_url()))
    assert "Amber Heron" in shown
    assert "kept but not counted" in shown
    vote(client, battle, "a")
    shown = page(client.get(battle.get_absolute_url()))
    assert "You knew the contenders' names." in shown
    assert "The rater knew" not in shown
    assert list(decided_votes()) == []
    votes = page(admin_client.get(reverse("admin:arena_vote_changelist")))
    assert "The rater knew the contenders' names." in votes


def test_side_by_side_counts_where_the_operator_says_so(
    client: Client, settings: LazySettings
) -> None:
    settings.COUNT_SIDE_BY_SIDE = True
    battle = named(client, "amber-heron", "cobalt-wren")
    finish(battle)
    assert "not counted" not in page(client.get(battle.get_absolute_url()))
    vote(client, battle, "a")
    assert Vote.objects.get().counted
    (counted,) = decided_votes()
    assert counted.tags == ("side-by-side",)


def test_direct_has_one_contender_and_no_vote(client: Client) -> None:
    battle = named(client, "basalt-otter", "amber-heron", mode="direct", size=3)
    assert slugs(battle) == ["basalt-otter"]
    finish(battle)
    shown = page(client.get(battle.get_absolute_url()))
    assert "Basalt Otter" in shown
    assert "data-ballot" not in shown
    assert vote(client, battle, "a").status_code in {409, 422}


def test_a_direct_conversation_is_found_again(client: Client) -> None:
    named(client, "basalt-otter", mode="direct")
    shown = page(client.get(reverse("battles"), {"mode": "direct"}))
    assert "Why is the sky blue?" in shown
    assert "not voted yet" not in shown
    assert "No such battles" in page(client.get(reverse("battles"), {"state": "open"}))


@pytest.mark.parametrize(
    ("chosen", "why"),
    [
        ({"mode": "side_by_side", "contenders": ["amber-heron"] * 2}, "each of them once"),
        ({"mode": "side_by_side"}, "each of them once"),
        ({"mode": "direct", "contenders": ["nobody"]}, "no active contender"),
        ({"mode": "blindly"}, "Choose a mode"),
    ],
)
def test_a_wrong_choice_is_told_and_the_prompt_is_kept(
    client: Client, chosen: dict[str, Any], why: str
) -> None:
    answer: HttpResponse = client.post(reverse("home"), {"prompt": "Long thought", **chosen})
    assert answer.status_code == 422
    assert why in page(answer)
    assert "Long thought" in page(answer)
    assert not Battle.objects.exists()


def test_the_next_battle_begins_as_this_one_did(client: Client) -> None:
    battle = named(client, "cobalt-wren", "amber-heron")
    finish(battle)
    vote(client, battle, "tie")
    shown = page(client.get(battle.get_absolute_url()))
    assert "mode=side_by_side&size=2&contenders=cobalt-wren&contenders=amber-heron" in shown
    again = shown.split('name="prompt" value="Why is the sky blue?"')[1]
    assert again.count('name="contenders"') == 2


def test_contenders_that_a_rater_may_not_name_in_a_blind_battle_are_left_out(
    client: Client,
) -> None:
    begin(client, contenders=["amber-heron", "cobalt-wren"])
    assert Battle.objects.get().mode == Battle.Mode.ANONYMOUS
