"""The leaderboard page through its address."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from arena.models import Contender, Placement, Population, Reaction, Response
from ranking.selectors.lines import FEW, HISTORY
from ranking.services import refresh_leaderboards
from tests.ranking.ballots import cast, contender, somebody
from tests.ranking.pages import column, names, nothing_kept, page, standings  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_kept")]


def chain(votes: int = 1) -> None:
    """Heron before otter before wren, by so many votes of two wins and one tie each."""
    for _ in range(votes):
        for lineup in (["heron", "otter"], ["otter", "wren"], ["heron", "wren"]):
            cast(lineup, [1, 2])
            cast(lineup, [1, 2])
            cast(lineup, [1, 1])


def test_without_votes_it_says_so(client: Client) -> None:
    shown = page(client)
    assert "No votes yet" in shown
    assert "The first vote of a person" in shown


def test_it_ranks_with_intervals_and_online_elo(client: Client) -> None:
    for _ in range(6):
        cast(["heron", "otter"], [1, 2])
    cast(["heron", "otter"], [2, 1])
    cast(["heron", "otter"], [1, 1])
    refresh_leaderboards()
    shown = page(client)
    assert names(shown) == ["Heron", "Otter"]
    assert "8 votes ·" in shown
    assert "95 % interval" in standings(shown)
    assert column(shown, "Votes") == ["8", "8"]
    assert column(shown, "Won") == ["6", "1"]
    assert column(shown, "Lost") == ["1", "6"]
    assert column(shown, "Tied") == ["1", "1"]
    elo = [int(rating) for rating in column(shown, "Elo")]
    assert elo[0] > 1000 > elo[1]
    assert sum(elo) == 2000


def test_gaps_are_win_rates(client: Client) -> None:
    """6.5 of 8 is won: 81 %, so that each is as far from the average as half of that gap."""
    for ranks in [[1, 2]] * 6 + [[2, 1], [1, 1]]:
        cast(["heron", "otter"], ranks)
    # log-odds of 6.5 to 1.5 are 1.466; half of them give 0.675
    assert column(page(client), "Win rate") == ["68 %", "32 %"]


def test_a_vote_shows_even_before_the_first_refit(client: Client) -> None:
    cast(["heron", "otter"], [1, 2])
    assert names(page(client)) == ["Heron", "Otter"]
    cast(["otter", "wren"], [2, 1])
    assert set(names(page(client))) == {"Heron", "Otter", "Wren"}


def test_a_new_leaderboard_shows_at_once(client: Client) -> None:
    cast(["heron", "otter"], [1, 2])
    refresh_leaderboards()
    assert "1 vote ·" in page(client)
    cast(["heron", "otter"], [1, 2])
    refresh_leaderboards()
    assert "2 votes ·" in page(client)


def test_the_plot_keeps_each_interval_within_it_and_around_its_rating(client: Client) -> None:
    chain()
    bars = re.findall(
        r'M([\d.]+) 10H([\d.]+)"/><path class="interval__point" d="M([\d.]+)', page(client)
    )
    assert len(bars) == 3
    for low, high, point in bars:
        assert 0 <= float(low) <= float(point) <= float(high) <= 100


@pytest.mark.parametrize(
    ("method", "label"),
    [
        ("elo", "Online Elo"),
        ("plackett-luce", "Plackett-Luce"),
        ("style-controlled", "Style-controlled"),
    ],
)
def test_other_methods_have_addresses(client: Client, method: str, label: str) -> None:
    cast(["heron", "otter"], [1, 2], answers=["One two.", "One."])
    cast(["heron", "otter"], [1, 1], answers=["# One\n\ntwo.", "One."])
    shown = page(client, method=method)
    assert names(shown) == ["Heron", "Otter"]
    assert f">{label}</a></th>" in standings(shown)
    assert ("95 % interval" in standings(shown)) == (method != "elo")
    assert ("What style is worth" in shown) == (method == "style-controlled")


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
    assert "2 votes ·" in together
    assert "together" in together


def test_a_category_shows_its_votes_alone_and_how_many_each_has(client: Client) -> None:
    cast(["heron", "otter"], [1, 2], category="coding", rater=somebody("ada"))
    cast(["heron", "otter"], [2, 1], tags="pilot-1")
    shown = page(client, category="coding")
    assert names(shown) == ["Heron", "Otter"]
    assert "1 vote ·" in shown
    assert '<option value="coding" selected>Coding (1)</option>' in shown
    groups = re.findall(r'<optgroup label="(\w+)">', shown)
    assert groups == ["Topics", "Raters", "Tags"]
    assert '<option value="tag-pilot-1">#pilot-1 (1)</option>' in shown
    assert names(page(client, category="tag-pilot-1")) == ["Otter", "Heron"]


def test_a_time_window_shows_its_votes_alone(client: Client) -> None:
    cast(["heron", "otter"], [1, 2], cast_at=timezone.now() - timedelta(days=20))
    cast(["heron", "otter"], [2, 1])
    assert "2 votes ·" in page(client)
    week = page(client, days=7)
    assert names(week) == ["Otter", "Heron"]
    assert "last 7 days" in week


def test_too_small_a_slice_says_so(client: Client) -> None:
    chain()
    assert f"all of these contenders have fewer than {FEW} votes" in page(client)
    chain(5)
    assert "A small slice" not in page(client)  # 36 votes each


@pytest.mark.parametrize(
    ("newcomers", "said"),
    [(1, ""), (2, "half of these contenders"), (3, "3 of these 5 contenders")],
)
def test_it_says_how_many_have_few_votes(client: Client, newcomers: int, said: str) -> None:
    for _ in range(FEW):
        cast(["heron", "otter"], [1, 2])
    for name in ["wren", "ibis", "kite"][:newcomers]:
        cast(["heron", name], [1, 2])
    shown = page(client)
    assert ("A small slice" in shown) is bool(said)
    assert said in shown


def test_an_empty_slice_leads_back_to_all_votes(client: Client) -> None:
    cast(["heron", "otter"], [1, 2])
    shown = page(client, population="simulated")
    assert "No such votes have been cast." in shown
    assert '<a class="button" href="/leaderboard/">All votes</a>' in shown


def test_significant_differences_count_the_contenders_that_are_better(client: Client) -> None:
    """Two that beat two others nearly each time; within a couple there are only ties."""
    for better in ("heron", "otter"):
        for worse in ("newt", "wren"):
            for _ in range(40):
                cast([better, worse], [1, 2])
            cast([better, worse], [2, 1])
    cast(["heron", "otter"], [1, 1])
    cast(["newt", "wren"], [1, 1])
    shown = page(client, significant=1)
    assert re.findall(r'class="rank">([^<]+)<', standings(shown)) == ["1", "1", "3", "3"]
    assert sorted(names(shown)[:2]) == ["Heron", "Otter"]
    assert "/leaderboard/methodology/#significance" in shown


def test_intervals_by_rater_are_a_choice_with_an_address(client: Client) -> None:
    """Three raters, each with a taste of its own: votes are fewer opinions than they seem."""
    for number, rater in enumerate([somebody(), somebody(), somebody()]):
        for _ in range(20):
            cast(["heron", "otter"], [2, 1] if number == 0 else [1, 2], rater=rater)
    refresh_leaderboards()
    shown = page(client)
    assert 'href="?cluster=rater"' in shown
    apart = page(client, cluster="rater")
    assert "intervals clustered by 3 raters" in apart
    assert column(apart, "Won") == column(shown, "Won")
    by_vote, by_rater = (
        client.get("/api/v1/leaderboard", {"cluster": cluster}).json()
        for cluster in ("vote", "rater")
    )
    assert by_rater["settings"]["raters"] == 3
    assert by_rater["digest"] == by_vote["digest"]
    [(narrow, wide), *_] = zip(by_vote["standings"], by_rater["standings"], strict=True)
    assert wide["rating"] == pytest.approx(narrow["rating"])
    assert wide["upper"] - wide["lower"] > 1.5 * (narrow["upper"] - narrow["lower"])


def test_online_elo_has_no_significant_differences(client: Client) -> None:
    cast(["heron", "otter"], [1, 2])
    shown = page(client, method="elo", significant=1)
    assert "has no intervals" in shown
    assert re.findall(r'class="rank">([^<]+)<', shown) == ["1", "2"]


def test_every_numeric_column_sorts_both_ways(client: Client) -> None:
    cast(["heron", "otter", "wren"], [1, 2, 2])
    cast(["heron", "otter"], [1, 2])
    cast(["wren", "otter"], [1, 2])
    keys = re.findall(r'id="sort-([\w-]+)"', standings(page(client)))
    assert keys == ["rank", "rating", "win-rate", "elo", "votes", "won", "lost", "tied"]
    for key, label in [("votes", "Votes"), ("won", "Won"), ("lost", "Lost"), ("tied", "Tied")]:
        down, up = page(client, sort=key), page(client, sort=f"-{key}")
        figures = [int(figure) for figure in column(down, label)]
        assert figures == sorted(figures, reverse=True)
        assert [int(figure) for figure in column(up, label)] == sorted(figures)
        assert 'aria-sort="descending"' in standings(down)
        assert 'aria-sort="ascending"' in standings(up)
        assert f'href="?sort=-{key}"' in down
        assert f'href="?sort={key}"' in up


def test_figures_beside_the_votes_and_their_order(client: Client) -> None:
    chain()
    for slug, price, seconds, thumb in [("heron", 2, 3.0, 1), ("otter", 1, 1.5, -1)]:
        Contender.objects.filter(slug=slug).update(price=price)
        placement = Placement.objects.filter(contender__slug=slug).first()
        assert placement is not None
        answers = Response.objects.filter(placement__contender__slug=slug)
        answers.update(tokens=500, duration_s=seconds)
        answer = placement.responses.first()
        assert answer is not None
        Reaction.objects.create(response=answer, value=thumb)
    shown = page(client, sort="cost")
    assert names(shown) == ["Otter", "Heron", "Wren"]  # who has no price comes last
    assert column(shown, "Cost") == ["$0.50", "$1.00", "–"]
    assert column(shown, "Seconds") == ["1.5", "3.0", "–"]
    assert column(shown, "Approval") == ["0 %", "100 %", "–"]
    assert "21 to 100 %" in shown  # Wilson's interval of one of one
    assert names(page(client, sort="-cost")) == ["Heron", "Otter", "Wren"]


def test_columns_without_any_figure_are_left_out(client: Client) -> None:
    chain()
    assert "Approval" not in standings(page(client))


def test_its_links_keep_the_other_choices(client: Client) -> None:
    shown = page(client, method="elo", population="all", days=30, sort="votes")
    assert 'href="?method=elo&days=30&sort=votes"' in shown
    assert 'href="?population=all&days=30&sort=votes"' in shown
    assert 'href="?method=elo&population=all&sort=votes"' in shown
    assert 'href="?method=elo&population=all&days=30&significant=1&sort=votes"' in shown
    form = re.search(r"<form.*?</form>", shown, re.DOTALL)
    assert form is not None
    kept = re.findall(r'type="hidden" name="(\w+)" value="(\w+)"', form.group())
    assert dict(kept) == {"method": "elo", "population": "all", "days": "30", "sort": "votes"}


def test_a_refresh_gets_the_table_alone(client: Client) -> None:
    cast(["heron", "otter"], [1, 2])
    headers = {"HX-Request": "true", "HX-Target": "standings"}
    shown = page(client, headers=headers, method="elo", sort="votes")
    assert shown.startswith("<section")
    assert 'hx-get="/leaderboard/?method=elo&sort=votes"' in shown


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"method": "best"}, "bradley-terry, elo"),
        ({"population": "robots"}, "people, simulated, all"),
        ({"category": "cookery"}, "overall"),
        ({"cluster": "moon"}, "vote, rater"),
        ({"significant": "yes"}, "The parameter significant cannot be"),
        ({"sort": "luck"}, "rank, rating"),
        ({"sort": "--votes"}, "rank, rating"),
    ],
)
def test_unknown_choices_are_not_there(client: Client, query: dict[str, str], said: str) -> None:
    answer = client.get("/leaderboard/", query)
    assert answer.status_code == 404
    assert said in answer.content.decode()


@pytest.mark.parametrize("days", ["0", "-1", "36501", "seven", "1" * 5000])
def test_a_window_that_is_none_is_refused_with_its_limits(client: Client, days: str) -> None:
    answer = client.get("/leaderboard/", {"days": days})
    assert answer.status_code == 422
    assert "36500" in answer.content.decode()


def test_any_window_that_the_api_takes_has_a_page_that_names_it(client: Client) -> None:
    cast(["heron", "otter"], [1, 2], cast_at=timezone.now() - timedelta(days=95))
    cast(["heron", "otter"], [1, 2], cast_at=timezone.now() - timedelta(days=120))
    shown = page(client, days=99)
    assert "1 vote ·" in shown
    assert "last 99 days" in shown
    assert '<a href="?days=99" aria-current="true">99 days</a>' in shown
    assert '<a href="?days=90">90 days</a>' in shown
    assert "99 days" not in page(client, days=90)
    assert client.get("/leaderboard/", {"days": "36500"}).status_code == 200


def test_empty_choices_and_foreign_parameters_change_nothing(client: Client) -> None:
    cast(["heron", "otter"], [1, 2])
    shown = page(client, category="", days="", sort="", utm_source="x")
    assert names(shown) == ["Heron", "Otter"]


def test_names_are_text(client: Client) -> None:
    contender("otter")
    Contender.objects.filter(slug="otter").update(name="<script>alert(1)</script>")
    cast(["heron", "otter"], [1, 2])
    answer = client.get("/leaderboard/").content.decode()
    assert "<script>alert" not in answer
    assert "&lt;script&gt;alert" in answer


def test_the_trend_tells_where_a_rating_came_from(client: Client) -> None:
    chain(5)
    refresh_leaderboards()
    assert "<title>From" not in page(client)
    chain(1)
    cast(["wren", "heron"], [1, 2])
    refresh_leaderboards()
    HISTORY.clear()
    found = re.findall(r'aria-label="From (\d+) to (\d+) since', page(client))
    assert len(found) == 3
