"""The commands `leaderboard` and `rebuild_rankings`."""

import csv
import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from arena.models import Population, Prompt, Response
from ranking.models import Tally
from tests.ranking.ballots import cast

pytestmark = pytest.mark.django_db


def run(*args: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command(*args, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_json_has_the_names_of_the_api() -> None:
    cast("ab", [1, 2])
    board = json.loads(run("leaderboard", "--format", "json", "--method", "elo")[0])
    assert (board["method"], board["category"], board["votes"]) == ("elo", "overall", 1)
    assert board["standings"][0]["slug"] == "a"
    assert board["standings"][0]["rating"] == 1002.0


def test_the_csv_has_a_line_for_each_contender() -> None:
    cast("abc", [1, 2, 3])
    rows = list(csv.DictReader(StringIO(run("leaderboard", "--format", "csv")[0])))
    assert [(row["rank"], row["slug"], row["wins"]) for row in rows] == [
        ("1", "a", "2"),
        ("2", "b", "1"),
        ("3", "c", "0"),
    ]


def test_the_table_shows_names_and_caveats() -> None:
    cast("ab", [1, 2])
    lines = run("leaderboard")[0].splitlines()
    assert lines[1].split()[:4] == ["1", "1–2", "1", "A"]
    assert any("Undefeated" in line for line in lines)


def test_it_is_computed_from_the_votes_and_not_from_the_tallies() -> None:
    cast("ab", [1, 2])
    Tally.objects.all().delete()
    board = json.loads(run("leaderboard", "--format", "json")[0])
    assert len(board["standings"]) == 2


@pytest.mark.parametrize("wanted", ["b=1500", "B=1500"])
def test_an_anchor_is_named_by_slug_or_name(wanted: str) -> None:
    cast("ab", [1, 2])
    board = json.loads(run("leaderboard", "--format", "json", "--anchor", wanted)[0])
    assert board["standings"][1]["rating"] == pytest.approx(1500.0)


def test_simulated_votes_show_when_asked() -> None:
    cast("ab", [1, 2], population=Population.SIMULATED)
    assert json.loads(run("leaderboard", "--format", "json")[0])["standings"] == []
    for population in ("simulated", "all"):
        out, _ = run("leaderboard", "--format", "json", "--population", population)
        assert len(json.loads(out)["standings"]) == 2


@pytest.mark.parametrize("file_format", ["json", "csv", "table"])
def test_without_votes_the_list_is_empty_and_a_message_says_why(file_format: str) -> None:
    out, err = run("leaderboard", "--format", file_format)
    assert "no counted votes" in err
    assert {"json": '"standings": []', "csv": "rank,", "table": ""}[file_format] in out


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "no counted votes of people, so nobody is on the leaderboard."),
        ((), "There are some: 2 with --population simulated."),
        (("--population", "simulated", "--days", "7"), "of the last 7 days, so"),
        (("--population", "simulated", "--days", "7"), "some: 2 without --days."),
        (("--population", "all", "--category", "facts"), "some: 2 without --category."),
    ],
)
def test_an_empty_leaderboard_says_which_option_leads_to_votes(
    args: tuple[str, ...], said: str
) -> None:
    Prompt.objects.create(text="Who was first?", category="facts")
    long_ago = timezone.now() - timedelta(days=30)
    for _ in range(2):
        cast("ab", [1, 2], population=Population.SIMULATED, cast_at=long_ago)
    assert said in run("leaderboard", *args)[1]


def test_a_leaderboard_by_style_says_that_votes_have_no_texts() -> None:
    cast("ab", [1, 2])
    Response.objects.update(text="")
    said = run("leaderboard", "--method", "style-controlled")[1]
    assert "None of the 1 counted votes has the texts" in said


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["--method", "trueskill"], "bradley-terry"),
        (["--category", "poetry"], "overall"),
        (["--population", "cats"], "people"),
        (["--anchor", "Nobody=1000"], "No contender 'Nobody'"),
        (["--anchor", "a"], "NAME=RATING"),
        (["--anchor", "a=high"], "NAME=RATING"),
        (["--anchor", "a=nan"], "NAME=RATING"),
    ],
)
def test_unknown_names_are_errors_that_say_what_is_known(args: list[str], reason: str) -> None:
    cast("ab", [1, 2])
    with pytest.raises(CommandError, match=reason):
        run("leaderboard", *args)


def test_a_rebuild_says_that_all_was_equal() -> None:
    cast("ab", [1, 2])
    out, _ = run("rebuild_rankings")
    assert "Tallies: equal" in out
    assert "Online Elo: equal" in out
    assert "1 counted votes" in out


def test_a_rebuild_says_what_it_replaced() -> None:
    cast("ab", [1, 2])
    Tally.objects.update(count=2)
    assert "Tallies: not those of the votes: replaced" in run("rebuild_rankings")[0]
    assert "Tallies: equal" in run("rebuild_rankings")[0]
