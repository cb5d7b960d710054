"""What is told after the vote: who, what was expected of them, and what they cost."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from arena.models import Battle, Contender, Response
from arena.odds import chances_of_first
from ranking.estimators import expected_score
from ranking.models import EloRating
from tests.arena.rating import begin, contenders, finish, page, started, vote

__all__ = ["contenders", "started"]

RATINGS = st.floats(-5_000, 5_000)


@given(RATINGS, RATINGS)
def test_for_two_the_chance_is_the_expected_win_rate(one: float, other: float) -> None:
    first, second = chances_of_first([one, other])
    assert first == pytest.approx(expected_score(one, other), abs=1e-12)
    assert second == pytest.approx(expected_score(other, one), abs=1e-12)


@given(st.lists(RATINGS, min_size=2, max_size=3), RATINGS)
def test_chances_add_up_and_only_gaps_matter(ratings: list[float], shift: float) -> None:
    chances = chances_of_first(ratings)
    assert sum(chance or 0 for chance in chances) == pytest.approx(1)
    moved = chances_of_first([rating + shift for rating in ratings])
    assert moved == pytest.approx(chances, abs=1e-9)


def test_a_gap_of_400_points_is_ten_to_one() -> None:
    assert chances_of_first([1400, 1000]) == pytest.approx([10 / 11, 1 / 11])


def test_who_was_not_compared_has_no_chance_of_its_own() -> None:
    assert chances_of_first([1000, None, 1000]) == [0.5, None, 0.5]
    assert chances_of_first([None, None]) == [None, None]


@pytest.mark.django_db
class TestPage:
    def reveal(
        self, client: Client, verdict: str, *, size: int = 2, **elo: float
    ) -> tuple[Battle, str]:
        """A battle that had these ratings before its vote; of three the verdict is first."""
        battle = begin(client, size=size)
        finish(battle)
        for placement in battle.placements.select_related("contender"):
            EloRating.objects.create(
                contender=placement.contender,
                population="people",
                rating=elo.get(placement.label.lower(), 1000.0),
            )
        places = {f"rank_{letter.upper()}": 1 if letter == verdict else 2 for letter in "abc"}
        answer = vote(client, battle, "ranking" if size == 3 else verdict, **places)
        assert answer.status_code == 303
        return battle, page(client.get(battle.get_absolute_url()))

    @pytest.mark.parametrize(
        ("lead", "verdict", "words"),
        [
            (110.0, "a", "Before your vote A was the favourite, with 65 %: as expected."),
            (110.0, "tie", "Before your vote A was the favourite, with 65 %."),
            (110.0, "bad", "Before your vote A was the favourite, with 65 %."),
            (
                110.0,
                "b",
                "Before your vote A was the favourite, with 65 %: a surprise, with 35 % for B.",
            ),
            (80.0, "b", "Before your vote A was the favourite, with 61 %; B had 39 %."),
            (49.0, "a", "Before your vote the chances were about even."),
            (49.0, "b", "Before your vote the chances were about even."),
            (7.0, "b", "Before your vote the chances were about even."),
            (0.0, "tie", "Before your vote the chances were about even."),
        ],
    )
    def test_it_says_how_surprising_the_vote_was(
        self, client: Client, lead: float, verdict: str, words: str
    ) -> None:
        _, shown = self.reveal(client, verdict, a=1000.0 + lead)
        assert words in shown
        assert "expected " in shown

    @pytest.mark.parametrize(
        ("lead", "first", "words"),
        [
            (30.0, "b", "Before your vote the chances were about even."),
            (60.0, "a", "Before your vote A was the favourite, with 41 %: as expected."),
            (60.0, "b", "Before your vote A was the favourite, with 41 %; B had 29 %."),
            (
                150.0,
                "c",
                "Before your vote A was the favourite, with 54 %: a surprise, with 23 % for C.",
            ),
        ],
    )
    def test_of_three_less_is_a_favourite(
        self, client: Client, lead: float, first: str, words: str
    ) -> None:
        assert words in self.reveal(client, first, size=3, a=1000.0 + lead)[1]

    def test_it_tells_tokens_seconds_and_cost_of_all_turns(self, client: Client) -> None:
        Contender.objects.update(price=Decimal("2.5"))
        battle = begin(client)
        finish(battle)
        client.post(reverse("add_turn", args=[battle.pk]), {"prompt": "More"})
        finish(battle)
        Response.objects.update(tokens=1_000, duration_s=1.5)
        client.post(reverse("regenerate", args=[battle.pk, 2]))
        finish(battle)  # these have no figures, and what they replace does not count
        Response.objects.filter(superseded=True).update(tokens=10**6)
        vote(client, battle, "tie")
        shown = page(client.get(battle.get_absolute_url()))
        assert shown.count("1000 tokens") == 2
        assert shown.count("1.5 s<") == 2
        assert shown.count("$0.0025") == 2
        (one, _) = client.get(f"/api/v1/battles/{battle.pk}").json()["contenders"]
        assert (one["tokens"], one["seconds"], one["cost"]) == (1_000, 1.5, 0.0025)
        assert one["expected"] == 0.5

    @pytest.mark.parametrize(
        ("price", "words"), [("0", "free"), ("0.01", "under $0.0001"), (None, "12 tokens")]
    )
    def test_small_and_unknown_costs(self, client: Client, price: Any, words: str) -> None:
        Contender.objects.update(price=price)
        battle = begin(client)
        finish(battle)
        Response.objects.update(tokens=12)
        vote(client, battle, "a")
        shown = page(client.get(battle.get_absolute_url()))
        assert words in shown
        assert ("$" in shown) == (price == "0.01")

    def test_each_name_leads_to_the_contenders_page(self, client: Client) -> None:
        battle, shown = self.reveal(client, "a")
        for placement in battle.placements.select_related("contender"):
            assert f'href="{reverse("contender", args=[placement.contender.slug])}"' in shown
