"""The leaderboard's pages in other languages, whatever was kept of them in another."""

import re

import pytest
from django.test import Client
from django.utils import translation

from arena.matchmaking import policies
from arena.sentences import shown
from ranking.charts import figures
from ranking.estimators import BradleyTerry, Comparisons, Elo, PlackettLuce
from ranking.matchmaking import Active
from ranking.services import refresh_leaderboards
from ranking.views.caveats import caveats_shown
from ranking.views.methodology import MATCHMAKERS
from tests.ranking.ballots import cast
from tests.ranking.pages import nothing_kept, page  # noqa: F401

GERMAN, ARABIC, ENGLISH = ({"Accept-Language": code} for code in ("de", "ar", "en"))


@pytest.fixture
def board(db: None, nothing_kept: None) -> None:  # noqa: F811
    for lineup in (["heron", "otter"], ["otter", "wren"], ["wren", "heron"]):
        cast(lineup, [1, 2], category="coding")
        cast(lineup, [1, 1])
    refresh_leaderboards()


@pytest.mark.parametrize(
    ("path", "english", "german"),
    [
        ("/leaderboard/", ["Win rate", "Too few votes", "People"], ["Gewinnrate", "Zu wenige"]),
        ("/leaderboard/", ["How sure is the first"], ["Wie sicher ist der erste", "Menschen"]),
        ("/leaderboard/?category=coding", ["Coding (3)"], ["Programmieren (3)"]),
        ("/contenders/heron/", ["Against each opponent"], ["Gegen die einzelnen Gegner"]),
        ("/leaderboard/agreement/", ["Nobody judged"], ["Niemand hat dasselbe"]),
        ("/leaderboard/methodology/", ["fitted anew"], ["neu angepasst"]),
    ],
)
def test_what_is_kept_in_one_language_is_not_served_in_another(
    client: Client, board: None, path: str, english: list[str], german: list[str]
) -> None:
    for headers, there, missing in (
        (ENGLISH, english, german),
        (GERMAN, german, english),
        (ENGLISH, english, german),
    ):
        read = page(client, path, headers=headers)
        assert [text for text in there if text not in read] == []
        assert [text for text in missing if text in read] == []


def test_the_standings_alone_are_in_the_language_too(client: Client, board: None) -> None:
    for headers, text in ((ENGLISH, "Win rate"), (GERMAN, "Gewinnrate"), (ENGLISH, "Win rate")):
        read = page(client, headers={**headers, "HX-Target": "standings"})
        assert f">{text}<" in read


def test_figures_of_a_drawing_are_written_for_the_browser(client: Client, board: None) -> None:
    read = page(client, headers=GERMAN)
    drawn = re.findall(r'<path class="interval__(?:bar|point)" d="([^"]+)"', read)
    assert drawn
    assert not any("," in path for path in drawn)


def test_a_plot_is_in_the_language_of_its_address_alone(client: Client, board: None) -> None:
    """Caches between here and the reader may keep it."""
    address = "/leaderboard/plots/ratings.json"
    assert client.get(address, headers=GERMAN).json()["title"]["text"] == "Ratings"
    german = client.get(address, {"language": "de"}, headers=ENGLISH).json()
    assert german["title"]["text"] == "Wertungen"
    assert "6 Stimmen von Menschen" in german["title"]["subtitle"][0]
    assert client.get(address, headers=GERMAN).json()["title"]["text"] == "Ratings"
    for unknown in ("tlh", "ar"):
        assert client.get(address, {"language": unknown}).status_code == 404


@pytest.mark.parametrize("path", ["/leaderboard/", "/contenders/heron/"])
def test_pages_ask_for_plots_in_their_language(client: Client, board: None, path: str) -> None:
    for headers, language in ((ENGLISH, None), (GERMAN, "de"), (ARABIC, None)):
        read = page(client, path, headers=headers)
        asked = re.findall(
            r'(?:src|srcset|href)="([^"]+\.(?:svg|png|json)\?[^"]*theme[^"]*)"', read
        )
        assert asked or path != "/leaderboard/"
        for address in asked:
            found = re.search(r"[?&]language=(\w+)", address)
            assert (found and found[1]) == language


def test_dates_of_a_plot_s_axis_are_in_its_language(client: Client, board: None) -> None:
    address = "/leaderboard/plots/ratings.json"
    months = client.get(address, {"language": "de"}).json()["config"]["locale"]["time"]["months"]
    assert months[2] == "März"
    assert "locale" not in client.get(address).json()["config"]
    drawn = client.get("/leaderboard/plots/ratings.svg", {"language": "de"})
    assert "Wertungen" in drawn.content.decode()


def _votes(*pairs: tuple[str, str, float]) -> Comparisons:
    return Comparisons.from_arrays(*zip(*pairs, strict=True))


MANY = [(f"m{n}", f"m{n + 1}", 0.5) for n in range(9)]
VOTES = {
    "undefeated and winless": _votes(("a", "b", 1), ("b", "c", 1)),
    "only ties": _votes(("a", "b", 0.5)),
    "islands": _votes(("a", "b", 1), ("b", "a", 1), ("c", "d", 1), ("d", "c", 1)),
    "one way": _votes(*[("a", "b", 1), ("b", "a", 1), ("a", "c", 1), ("c", "d", 1), ("d", "c", 1)]),
    "many": _votes(*MANY),
    "ordinary but few": _votes(("a", "b", 1), ("b", "a", 1)),
}


@pytest.mark.parametrize("estimator", [BradleyTerry, Elo, PlackettLuce])
@pytest.mark.parametrize("votes", VOTES.values(), ids=VOTES)
def test_whatever_an_estimator_warns_of_is_translated(estimator: type, votes: Comparisons) -> None:
    warned = estimator().fit(votes).caveats_
    assert warned
    with translation.override("de"):
        for caveat in warned:
            (read,) = caveats_shown([caveat])
            assert read != caveat
            assert not re.search(r"\b(?:votes?|more|rests?)\b", read)
    assert caveats_shown(warned) == warned


def test_names_of_contenders_stay_as_they_are() -> None:
    with translation.override("de"):
        assert caveats_shown(["Too few votes (fewer than 30): GPT 4, Votes & more."]) == [
            "Zu wenige Stimmen (weniger als 30): GPT 4, Votes & more."
        ]


def test_every_matchmaker_says_in_german_what_it_does() -> None:
    for policy in (policies.Uniform, policies.Weighted, policies.Targeted, Active):
        line = (policy.__doc__ or "").partition("\n")[0]
        assert line in [sentence.english for sentence in MATCHMAKERS]
        with translation.override("de"):
            assert shown(line) != line


def test_amounts_are_written_as_the_language_does() -> None:
    written = {
        "en": ("1,234", "−0.50", "$1,234.50", "$0.000012", "21 to 79 %"),
        "de": ("1.234", "−0,50", "1.234,50 $", "0,000012 $", "21 bis 79 %"),
    }
    for language, expected in written.items():
        with translation.override(language):
            assert expected == (
                figures.whole(1234.4),
                figures.decimal(-0.5, 2),
                figures.dollars(1234.5),
                figures.dollars(0.000012),
                figures.share_range(0.21, 0.79),
            )


def test_a_range_of_ranks_runs_from_low_to_high_in_arabic_too(client: Client, board: None) -> None:
    ranges = re.compile(r"[0-9]+–[0-9]+")
    english = page(client, "/leaderboard/", headers=ENGLISH)
    arabic = page(client, "/leaderboard/", headers=ARABIC)

    assert ranges.search(english)
    assert "\u2066" not in english
    assert ranges.findall(arabic) == re.findall("\u2066([0-9]+–[0-9]+)\u2069", arabic)
