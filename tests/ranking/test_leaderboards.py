"""Leaderboards: computed, stored, shown by the API."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from arena.errors import Invalid
from arena.models import Population, Prompt
from arena.services import exclude_votes
from ranking import selectors, services
from ranking.boards import tie_odds, win_rates
from ranking.estimators import win_rate
from ranking.models import Leaderboard, Standing
from ranking.services import leaderboards
from tests.ranking.ballots import cast, contender

pytestmark = pytest.mark.django_db
METHODS = ["bradley-terry", "elo", "plackett-luce"]


def test_three_wins_of_four_are_odds_of_three_to_one() -> None:
    for ranks in ([1, 2], [1, 2], [1, 2], [2, 1]):
        cast("ab", ranks)
    best, other = selectors.compute(method="bradley-terry").standings
    assert (best.slug, other.slug) == ("a", "b")
    assert best.rating - other.rating == pytest.approx(400 * math.log10(3))
    assert (best.votes, best.wins, best.losses, best.ties) == (4, 3, 1, 0)
    assert best.lower is not None
    assert best.upper is not None
    assert best.lower < best.rating < best.upper


def test_a_vote_of_three_is_one_vote_and_two_comparisons() -> None:
    cast("abc", [1, 2, 2])
    board = selectors.compute(method="plackett-luce")
    assert board.votes == 1
    assert [(x.slug, x.votes, x.wins, x.losses, x.ties) for x in board.standings] == [
        ("a", 1, 2, 0, 0),
        ("b", 1, 0, 1, 1),
        ("c", 1, 0, 1, 1),
    ]


def test_equal_contenders_share_a_rank_and_its_range() -> None:
    cast("ab", [1, 1])
    board = selectors.compute(method="bradley-terry")
    assert [(x.rank, x.rank_low, x.rank_high) for x in board.standings] == [(1, 1, 2)] * 2


@pytest.mark.parametrize("method", METHODS)
def test_who_no_votes_connect_with_the_rest_comes_last_without_a_rank(
    method: str, client: Client
) -> None:
    for _ in range(3):
        cast("ab", [1, 2])
        cast("ba", [1, 2])
        cast("bc", [1, 2])
    cast("cb", [1, 2])
    for _ in range(40):
        cast("xy", [1, 2])
    services.refresh_leaderboards()
    board = selectors.board(method=method)
    assert {line.slug for line in board.standings[:3]} == {"a", "b", "c"}
    assert min(line.rank or 0 for line in board.standings[:3]) == 1
    assert all((line.rank_high or 0) <= 3 for line in board.standings)
    apart = board.standings[3:]
    assert [line.slug for line in apart] == ["x", "y"]
    for line in apart:
        assert line.rank is line.rank_low is line.rank_high is line.significance_rank is None
        assert math.isfinite(line.rating)
    assert any("Not comparable" in caveat for caveat in board.caveats)
    assert selectors.snapshot(board.id or 0) == board
    answer = client.get(f"/api/v1/leaderboard?method={method}").json()
    assert [line["rank"] for line in answer["standings"]][3:] == [None, None]
    for sort in ("rank", "rating", "-rating", "votes"):
        path = f"/leaderboard/standings.csv?method={method}&sort={sort}"
        rows = client.get(path).content.decode().splitlines()
        assert [row.split(",")[0] for row in rows[-2:]] == ["", ""]
    for path in ("/leaderboard/", "/leaderboard/?significant=1", "/contenders/x/"):
        page = client.get(path, {"method": method} if path == "/leaderboard/" else {})
        assert page.status_code == 200
    assert "no votes connect it" in page.content.decode()
    assert "Against the first" not in page.content.decode()


def test_online_elo_has_no_interval_and_says_so() -> None:
    cast("ab", [1, 2])
    board = selectors.compute(method="elo")
    assert [(x.rating, x.lower, x.rank_low) for x in board.standings] == [
        (1002.0, None, None),
        (998.0, None, None),
    ]
    assert "order" in board.caveats[0]


@pytest.mark.parametrize("method", METHODS)
def test_the_tallies_say_what_the_votes_say(method: str) -> None:
    cast("abc", [1, 2, 3], category="coding")
    cast("ab", [2, 1])
    cast("cb", [1, 1], population=Population.SIMULATED)
    for population in ("people", "simulated", "all"):
        for category in ("overall", "coding"):
            kind = {"method": method, "population": population, "category": category}
            stored = selectors.compute(**kind)
            fresh = selectors.compute(**kind, from_votes=True)
            assert stored.standings == fresh.standings
            assert stored.digest == fresh.digest


@pytest.mark.parametrize("method", METHODS)
def test_an_anchor_shifts_all_alike(method: str) -> None:
    cast("ab", [1, 2])
    cast("ba", [1, 2])
    cast("ab", [1, 2])
    plain = selectors.compute(method=method).standings
    anchored = selectors.compute(method=method, anchor=("b", 1500.0)).standings
    assert anchored[1].rating == pytest.approx(1500.0)
    gaps = [board[0].rating - board[1].rating for board in (plain, anchored)]
    assert gaps[0] == pytest.approx(gaps[1])


def test_two_contenders_of_one_name_are_told_apart() -> None:
    cast("ab", [1, 2])
    for slug in "ab":
        made = contender(slug)
        made.name = "Twin"
        made.save()
    board = selectors.compute(method="bradley-terry")
    assert [line.slug for line in board.standings] == ["a", "b"]
    assert "Twin (a)" in " ".join(board.caveats)
    with pytest.raises(Invalid, match="by its slug"):
        selectors.compute(method="bradley-terry", anchor=("Twin", 1000.0))


def test_a_refresh_stores_each_method_once_until_votes_change_it() -> None:
    cast("ab", [1, 2])
    stored = services.refresh_leaderboards()
    assert [(board.method, board.population) for board in stored] == [
        (method, population) for population in ("people", "all") for method in METHODS
    ]
    assert services.refresh_leaderboards() == []
    cast("ab", [1, 2])
    assert len(services.refresh_leaderboards()) == 6


def test_the_newest_stored_leaderboard_equals_a_computed_one() -> None:
    cast("abc", [1, 2, 2])
    services.refresh_leaderboards()
    for method in METHODS:
        found = selectors.latest(method=method)
        assert found is not None
        computed = selectors.compute(method=method)
        assert found.standings == computed.standings
        assert found.settings == computed.settings
        assert found.caveats == computed.caveats


def test_a_stored_leaderboard_stays_as_it_was() -> None:
    cast("ab", [1, 2])
    services.refresh_leaderboards()
    first = Leaderboard.objects.get(method="elo", population="people")
    before = list(first.standings.values())
    cast("ab", [2, 1])
    services.refresh_leaderboards()
    assert list(first.standings.values()) == before
    newest = selectors.latest(method="elo")
    assert newest is not None
    assert newest.votes == 2


def test_without_votes_nothing_is_stored() -> None:
    assert services.refresh_leaderboards() == []
    assert selectors.latest(method="elo") is None


def test_when_all_votes_are_excluded_the_leaderboard_is_empty() -> None:
    vote = cast("ab", [1, 2])
    services.refresh_leaderboards()
    exclude_votes(votes=[vote], because="A robot.")
    services.refresh_leaderboards()
    for method in METHODS:
        board = selectors.latest(method=method)
        assert board is not None
        assert (board.votes, board.standings) == (0, ())


def test_old_leaderboards_are_pruned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest, then the last of each hour of a week, then the last of each day."""
    monkeypatch.setattr(leaderboards, "NEWEST_KEPT", 1)
    now = timezone.now().replace(hour=12, minute=50)
    ages = [
        timedelta(days=30, hours=2),  # 1 vote
        timedelta(days=30, hours=1),  # 2: the last of its day
        timedelta(days=2, minutes=20),  # 3
        timedelta(days=2, minutes=10),  # 4: the last of its hour
        timedelta(days=1),  # 5
        timedelta(),  # 6
    ]
    for age in ages:
        cast("ab", [1, 2])
        services.refresh_leaderboards()
        newest = Leaderboard.objects.order_by("-pk")[: 2 * len(METHODS)]  # people and all
        Leaderboard.objects.filter(pk__in=[board.pk for board in newest]).update(
            computed_at=now - age
        )
    kept = Leaderboard.objects.filter(method="elo", population="people")
    assert sorted(kept.values_list("votes", flat=True)) == [2, 4, 5, 6]
    assert Standing.objects.filter(leaderboard__method="elo").count() == 16  # people and all


def test_a_leaderboard_that_was_overtaken_is_fitted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another worker stores a newer one between our reading of the counts and our storing."""
    cast("ab", [1, 2])
    fit = leaderboards.rank_contenders
    overtaken = []

    def slow_fit(*args: object) -> object:
        board = fit(*args)
        if not overtaken:
            overtaken.append(True)
            cast("ab", [1, 2])
            services.refresh_leaderboards()
        return board

    monkeypatch.setattr(leaderboards, "rank_contenders", slow_fit)
    services.refresh_leaderboards()
    newest = selectors.latest(method="bradley-terry")
    assert newest is not None
    assert newest.votes == 2


def test_other_settings_are_a_new_leaderboard() -> None:
    """As after an upgrade that computes differently."""
    cast("ab", [1, 2])
    assert services.refresh_leaderboards()
    assert services.refresh_leaderboards() == []
    Leaderboard.objects.filter(method="plackett-luce").update(settings={"level": 0.9})
    assert {board.method for board in services.refresh_leaderboards()} == {"plackett-luce"}


def test_the_api_shows_the_standings(client: Client) -> None:
    cast("ab", [1, 2])
    answer = client.get("/api/v1/leaderboard", {"method": "elo"}).json()
    assert (answer["method"], answer["category"], answer["votes"]) == ("elo", "overall", 1)
    assert answer["standings"][0] == {
        "rank": 1,
        "rank_low": None,
        "rank_high": None,
        "significance_rank": None,
        "slug": "a",
        "name": "A",
        "rating": 1002.0,
        "lower": None,
        "upper": None,
        "votes": 1,
        "wins": 1,
        "losses": 0,
        "ties": 0,
    }


def test_the_api_shows_bradley_terry_of_people_unless_asked(client: Client) -> None:
    cast("ab", [2, 1], population=Population.SIMULATED)
    answer = client.get("/api/v1/leaderboard").json()
    assert (answer["method"], answer["population"]) == ("bradley-terry", "people")
    assert answer["standings"] == []
    simulated = client.get("/api/v1/leaderboard", {"population": "simulated"}).json()
    assert [line["slug"] for line in simulated["standings"]] == ["b", "a"]


def test_the_api_shows_a_category(client: Client) -> None:
    cast("ab", [1, 2], category="coding")
    cast("ab", [2, 1])
    answer = client.get("/api/v1/leaderboard", {"category": "coding", "method": "elo"}).json()
    assert answer["votes"] == 1
    assert answer["standings"][0]["slug"] == "a"


@pytest.mark.parametrize(
    ("query", "allowed"),
    [
        ({"method": "trueskill"}, "plackett-luce or style-controlled"),
        ({"category": "poetry"}, "overall, maths"),
        ({"population": "cats"}, "people, simulated or all"),
    ],
)
def test_the_api_refuses_unknown_names_and_lists_the_known(
    client: Client, query: dict[str, str], allowed: str
) -> None:
    Prompt.objects.create(slug="sum", category="maths", text="1 + 1?")
    answer = client.get("/api/v1/leaderboard", query)
    assert answer.status_code == 422
    assert allowed in answer.json()["error"]


def test_without_a_core_the_largest_connected_group_is_ranked() -> None:
    cast("ab", [1, 2])
    cast("bc", [1, 2])
    cast("de", [1, 2])
    for method in METHODS:
        board = selectors.compute(method=method)
        ranks = {line.slug: line.rank for line in board.standings}
        assert sorted(ranks[slug] or 0 for slug in "abc") == [1, 2, 3]
        assert ranks["d"] is ranks["e"] is None


def test_win_rates_of_plackett_luce_reckon_with_its_ties() -> None:
    for _ in range(30):
        cast("ab", [1, 2])
        cast("ab", [1, 1])
    for _ in range(10):
        cast("ba", [1, 2])
    board = selectors.compute(method="plackett-luce")
    first, second = (
        win_rate(one.rating, other.rating, tie_odds=tie_odds(board.settings))
        for one, other in (board.standings, board.standings[::-1])
    )
    assert first == pytest.approx((30 + 0.5 * 30) / 70)  # as the votes themselves
    assert second == pytest.approx(1 - first)


def test_a_newcomer_does_not_move_the_win_rates_of_others() -> None:
    for _ in range(20):
        cast("ab", [1, 2])
        cast("ba", [1, 2])
        cast("bc", [1, 2])
        cast("cb", [2, 1])
    cast("cb", [1, 2])
    board = selectors.compute(method="bradley-terry").standings
    newcomer = replace(board[0], slug="d", rating=1500.0, votes=3)
    assert win_rates([newcomer, *board])[1:] == win_rates(board)
    assert win_rates([newcomer])[0] == 0.5


def test_a_stored_leaderboard_of_plackett_luce_is_not_stored_again() -> None:
    cast("ab", [1, 1])
    cast("ab", [1, 2])
    services.refresh_leaderboards()
    assert services.refresh_leaderboards() == []
    older = Leaderboard.objects.get(method="plackett-luce", population="people")
    del older.settings["tie_odds"]  # as versions before stored it
    older.save()
    [renewed] = services.refresh_leaderboards()
    assert (renewed.method, renewed.population) == ("plackett-luce", "people")
