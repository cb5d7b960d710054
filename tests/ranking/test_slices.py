"""Slices of the votes: time windows, pairs, history."""

import json
from datetime import UTC, datetime, timedelta
from html import unescape
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from arena.errors import Invalid
from arena.models import Population
from ranking import selectors, services
from ranking.counting import Slice
from ranking.models import CountedVote
from tests.ranking.ballots import cast, contender

pytestmark = pytest.mark.django_db
METHODS = ["bradley-terry", "elo", "plackett-luce"]


@pytest.mark.parametrize("method", METHODS)
def test_a_window_holds_only_the_votes_of_its_days(method: str) -> None:
    cast("ab", [2, 1], cast_at=timezone.now() - timedelta(days=8))
    cast("ab", [1, 2], cast_at=timezone.now() - timedelta(days=6))
    cast("abc", [1, 2, 2], cast_at=timezone.now())
    board = selectors.compute(method=method, days=7)
    assert (board.votes, board.days) == (2, 7)
    assert board.standings[0].slug == "a"
    fresh = selectors.compute(method=method, days=7, from_votes=True)
    assert (fresh.digest, fresh.standings) == (board.digest, board.standings)
    assert selectors.compute(method=method).votes == 3


def test_a_window_and_a_category_together() -> None:
    long_ago = timezone.now() - timedelta(days=40)
    cast("ab", [1, 2], category="coding", cast_at=long_ago)
    cast("ab", [1, 2], category="coding")
    cast("ab", [1, 2])
    cast("ab", [1, 2], category="coding", population=Population.SIMULATED)
    found = selectors.compute(method="elo", category="coding", days=30)
    assert found.votes == 1
    assert selectors.compute(method="elo", category="coding", days=30, population="all").votes == 2


def test_a_category_is_not_found_inside_another_name() -> None:
    cast("ab", [1, 2], tags="coding-style")
    cast("ab", [1, 2], category="coding")
    assert selectors.rows_in(Slice("coding", "people")).count() == 1


def test_categories_that_differ_in_case_are_two() -> None:
    cast("ab", [1, 2], category="coding")
    cast("ab", [1, 2], category="Coding")
    assert selectors.rows_in(Slice("coding", "people")).count() == 1


@pytest.mark.parametrize("days", [-1, 0, 36_501, 10**17, 10**30])
def test_a_window_without_a_day_or_of_centuries_is_refused(client: Client, days: int) -> None:
    with pytest.raises(Invalid, match="at least one day and at most 36500"):
        selectors.board(method="elo", days=days)
    answer = client.get(f"/api/v1/leaderboard?days={days}")
    assert answer.status_code == 422
    assert "at most 36500" in answer.json()["error"]
    shown = client.get(f"/leaderboard/?days={days}")
    assert shown.status_code == 422
    assert "36500" in unescape(shown.content.decode())


def test_a_window_may_be_as_long_as_anybody_remembers(client: Client) -> None:
    assert client.get("/api/v1/leaderboard?days=36500").status_code == 200


def test_a_kept_board_is_computed_again_after_a_refit() -> None:
    cast("ab", [1, 2])
    services.refresh_leaderboards()
    assert selectors.board(method="elo", days=7).votes == 1
    cast("ab", [1, 2])
    services.refresh_leaderboards()
    assert selectors.board(method="elo", days=7).votes == 2


def test_the_api_takes_a_window(client: Client) -> None:
    cast("ab", [1, 2], cast_at=datetime(2021, 5, 1, tzinfo=UTC))
    cast("ab", [1, 2])
    answer = client.get("/api/v1/leaderboard", {"days": 30}).json()
    assert (answer["votes"], answer["days"]) == (1, 30)


def test_pairs_are_seen_from_both_sides() -> None:
    cast("abc", [1, 2, 2])
    cast("ba", [1, 1])
    ids = {slug: contender(slug).pk for slug in "abc"}
    found = selectors.pairs(selectors.stored_counts(Slice("overall", "people")))
    assert found[ids["a"], ids["b"]] == selectors.Pair(wins=1, losses=0, ties=1)
    assert found[ids["b"], ids["a"]] == selectors.Pair(wins=0, losses=1, ties=1)
    assert found[ids["a"], ids["b"]].win_rate == 0.75
    assert found[ids["b"], ids["c"]] == selectors.Pair(wins=0, losses=0, ties=1)
    assert len(found) == 6


def test_history_is_what_the_snapshots_said() -> None:
    for _ in range(3):
        cast("ab", [1, 2])
        services.refresh_leaderboards()
    moments = selectors.history(method="elo")[contender("a").pk]
    assert [(moment.votes, moment.rating > 1000) for moment in moments] == [
        (1, True),
        (2, True),
        (3, True),
    ]
    assert [moment.rating for moment in moments] == sorted(moment.rating for moment in moments)


def test_style_control_takes_length_out_of_the_ratings() -> None:
    """Whoever writes more wins, whoever writes it: then nobody is better."""
    for number in range(40):
        longer, shorter = ("ab", "ba")[number % 2]
        cast([longer, shorter], [1, 2], answers=["word " * 60, "word " * 20])
        cast([shorter, longer], [2, 1], answers=["word " * 20, "word " * 60])
    plain = selectors.compute(method="bradley-terry")
    found = selectors.compute(method="style-controlled")
    assert (found.votes, len(found.standings)) == (plain.votes, 2)
    tokens, low, high = found.settings["coefficients"]["tokens"]
    assert 0 < low < tokens < high
    assert "position A" in found.settings["coefficients"]
    fresh = selectors.compute(method="style-controlled", from_votes=True)
    assert fresh.standings == found.standings


def test_votes_without_texts_are_left_out_of_style_control() -> None:
    assert selectors.compute(method="style-controlled").standings == ()
    cast("ab", [1, 2], answers=["Yes.", "No."])
    battle = cast("cd", [1, 2], answers=["Yes.", "No."])
    CountedVote.objects.filter(vote=battle).update(style=[])
    found = selectors.board(method="style-controlled")
    assert found.votes == 1
    assert {line.slug for line in found.standings} == {"a", "b"}
    assert found.id is None


def test_the_api_and_the_command_know_style_control(client: Client) -> None:
    cast("abc", [1, 2, 2], answers=["# Yes", "No.", "**Perhaps**"])
    answer = client.get("/api/v1/leaderboard?method=style-controlled").json()
    assert answer["standings"][0]["slug"] == "a"
    out = StringIO()
    call_command("leaderboard", method="style-controlled", format="json", stdout=out)
    assert json.loads(out.getvalue())["standings"][0]["slug"] == "a"
