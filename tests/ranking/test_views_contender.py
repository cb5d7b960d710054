"""The page of a contender through its address."""

import re

import pytest
from django.test import Client

from arena.importing import import_votes
from arena.models import Contender, Population
from ranking.services import refresh_leaderboards
from tests.ranking.ballots import cast, contender
from tests.ranking.pages import nothing_kept, page  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_kept")]
SECRETS = {
    "base_url": "http://models.internal:9999/v1",
    "api_key_env": "SECRET_KEY_NAME",
    "system_prompt": "Speak like a heron of the marsh.",
}


def rows(shown: str, label: str) -> list[list[str]]:
    """The cells of each row of a table, without their tags."""
    table = re.search(rf'aria-label="{label}">.*?<tbody>(.*?)</tbody>', shown, re.DOTALL)
    assert table is not None
    return [
        [
            " ".join(re.sub(r"<[^>]+>", " ", cell).split())
            for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)
        ]
        for row in re.findall(r"<tr>.*?</tr>", table.group(1), re.DOTALL)
    ]


def test_head_to_head_with_each_opponent(client: Client) -> None:
    for _ in range(6):
        cast(["heron", "otter"], [1, 2])
    cast(["heron", "otter"], [2, 1])
    cast(["heron", "otter"], [1, 1])
    cast(["wren", "heron"], [1, 2])
    cast(["wren", "otter"], [1, 2])
    shown = page(client, "/contenders/heron/")
    found = {row[0]: row[1:] for row in rows(shown, "Table of opponents")}
    assert set(found) == {"Otter", "Wren"}
    assert found["Otter"][:3] == ["6", "1", "1"]
    # 6.5 of 8 with Wilson's interval
    assert found["Otter"][3:5] == ["81 %", "47 to 96 %"]
    assert found["Wren"][:5] == ["0", "1", "0", "0 %", "0 to 79 %"]
    assert "Wins most against" in shown
    assert "Loses most against" not in shown  # one comparison says nothing


def test_its_figures_say_gaps_as_win_rates(client: Client) -> None:
    for _ in range(3):
        cast(["heron", "otter"], [1, 2])
    cast(["heron", "otter"], [2, 1])
    shown = page(client, "/contenders/otter/")
    # The ratings of two reproduce their win rate: 1 of 4.
    assert re.search(r"Against the first</dt><dd[^>]*>25 %<span[^>]*>Heron", shown)
    assert "3 lost" in shown
    first = page(client, "/contenders/heron/")
    assert "Against the first" not in first


def test_ratings_by_category(client: Client) -> None:
    cast(["heron", "otter"], [1, 2], category="coding")
    cast(["heron", "otter"], [1, 2], category="coding")
    cast(["otter", "heron"], [1, 2], category="writing")
    cast(["otter", "wren"], [1, 2], category="science")
    found = rows(page(client, "/contenders/heron/"), "Table of categories")
    assert [row[0] for row in found] == ["Coding", "Writing"]  # the one with most votes first
    assert [row[-1] for row in found] == ["2 few", "1 few"]
    assert int(found[0][2].split()[0]) > 50 > int(found[1][2].split()[0])


def test_votes_of_simulated_raters_are_apart(client: Client) -> None:
    cast(["heron", "otter"], [1, 2], population=Population.SIMULATED)
    assert "No votes yet" in page(client, "/contenders/heron/")
    shown = page(client, "/contenders/heron/", population="simulated")
    assert "votes of simulated raters" in shown
    assert rows(shown, "Table of opponents")[0][:2] == ["Otter", "1"]


def test_lineage_links_parents_and_children(client: Client) -> None:
    first = contender("heron")
    second = Contender.objects.create(slug="heron-2", name="Heron 2", parent=first, version=2)
    Contender.objects.create(slug="heron-3", name="Heron 3", parent=second, version=3)
    shown = page(client, "/contenders/heron-2/")
    assert '<a href="/contenders/heron/">Heron</a>' in shown
    assert 'Made from it: <a href="/contenders/heron-3/">Heron 3</a>' in shown


def test_a_loop_of_parents_does_not_hang(client: Client) -> None:
    first = contender("heron")
    second = Contender.objects.create(slug="heron-2", name="Heron 2", parent=first)
    Contender.objects.filter(pk=first.pk).update(parent=second)
    assert "Heron 2" in page(client, "/contenders/heron/")


def test_where_it_runs_is_never_shown(client: Client, operator_client: Client) -> None:
    contender("heron")
    Contender.objects.filter(slug="heron").update(**SECRETS)
    cast(["heron", "otter"], [1, 2])
    for visitor in (client, operator_client):
        for path in ("/contenders/heron/", "/contenders/otter/", "/leaderboard/"):
            shown = page(visitor, path)
            assert "models.internal" not in shown
            assert "SECRET_KEY_NAME" not in shown


def test_only_staff_see_the_system_prompt(client: Client, operator_client: Client) -> None:
    """A rater who knows it could tell who answers."""
    contender("heron")
    Contender.objects.filter(slug="heron").update(**SECRETS)
    shown = page(client, "/contenders/heron/")
    assert "marsh" not in shown
    assert "one of 7 words" in shown
    assert "heron of the marsh" in page(operator_client, "/contenders/heron/")


def test_an_imported_contender_has_a_page(client: Client, tmp_path: object) -> None:
    from pathlib import Path

    file = Path(str(tmp_path)) / "votes.csv"
    file.write_text("model_a,model_b,winner\nBig One,Small One,model_a\n")
    import_votes(path=file, file_format="csv")
    shown = page(client, "/contenders/big-one/")
    assert "known from imported votes" in shown
    assert "Temperature" not in shown
    assert rows(shown, "Table of opponents")[0][:2] == ["Small One", "1"]


def test_one_without_votes_has_a_page(client: Client) -> None:
    contender("heron")
    cast(["otter", "wren"], [1, 2])
    shown = page(client, "/contenders/heron/")
    assert "No votes yet" in shown
    assert "tiny" in shown  # its model


@pytest.mark.parametrize(
    "path",
    ["/contenders/nobody/", "/contenders/nobody/ratings.svg", "/contenders/heron/?population=x"],
)
def test_what_is_not_there(client: Client, path: str) -> None:
    contender("heron")
    assert client.get(path).status_code == 404


def test_its_ratings_over_time_are_drawn_with_their_interval(client: Client) -> None:
    for _ in range(2):
        cast(["heron", "otter"], [1, 2])
        refresh_leaderboards()
    moments = client.get("/contenders/heron/ratings.json").json()["data"]["values"]
    assert len(moments) == 2
    for moment in moments:
        assert moment["name"] == "Heron"
        assert moment["lower"] < moment["rating"] < moment["upper"]
    assert client.get("/contenders/heron/ratings.svg").content.startswith(b"<svg")
    assert "/contenders/heron/ratings.svg?theme=dark&size=narrow" in page(
        client, "/contenders/heron/"
    )


def test_the_leaderboard_links_to_it(client: Client) -> None:
    cast(["heron", "otter"], [1, 2])
    refresh_leaderboards()
    assert '<a class="contender-link" href="/contenders/heron/">' in page(client)
