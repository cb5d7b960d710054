"""The page of formulas says what the program does."""

import html

import pytest
from django.test import Client

from arena.categories import EXPLAINED
from ranking.estimators import BradleyTerry, Elo, PlackettLuce, StyleControlled
from tests.ranking.pages import page

PATH = "/leaderboard/methodology/"


def test_it_needs_no_votes_and_no_database(client: Client) -> None:
    assert client.get(PATH).status_code == 200


@pytest.mark.parametrize("estimator", [BradleyTerry, Elo, PlackettLuce, StyleControlled])
def test_it_states_every_setting_in_use(client: Client, estimator: type) -> None:
    shown = page(client, PATH)
    for name, value in vars(estimator()).items():
        assert f"<code>{name}</code> {'none' if value is None else value}" in shown


def test_the_formulas_carry_the_settings(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "<mn>400</mn>" in page(client, PATH)
    assert "<mfrac><mn>4</mn>" in page(client, PATH)
    monkeypatch.setattr(Elo.__init__, "__kwdefaults__", {"k": 7.0, "initial": 1500.0, "scale": 300})
    shown = page(client, PATH)
    assert "<mfrac><mn>7</mn>" in shown
    assert "starts at 1500" in shown
    assert "300 points are odds of ten to one" in shown


def test_it_explains_every_category(client: Client) -> None:
    shown = page(client, PATH)
    for explained in EXPLAINED.values():
        assert html.unescape(str(explained)) in shown


def test_gaps_are_told_as_win_rates(client: Client) -> None:
    """1274 against 1224 means 57 %."""
    shown = page(client, PATH)
    heads = shown.index('<th scope="col" class="num">50</th>')
    assert 0 < heads < shown.index('<td class="num">57 %</td>')


def test_the_leaderboard_links_to_it(client: Client, db: None) -> None:
    assert f'href="{PATH}"' in page(client)


def test_lists_and_shares_are_written_as_the_language_does(client: Client) -> None:
    for language, listed in (("en", "7, 30, 90"), ("de", "7, 30, 90"), ("ar", "7، 30، 90")):
        client.cookies["language"] = language
        shown = page(client, PATH)
        assert listed in shown
        assert "80 %" in shown
        assert "80%" not in shown
