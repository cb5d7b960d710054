"""Plots through their addresses: images, specifications, caches."""

import json
import re
from xml.etree import ElementTree

import pytest
from django.test import Client

from ranking.charts import rendering
from ranking.services import refresh_leaderboards
from ranking.views.plots import PLOTS
from tests.ranking.ballots import cast
from tests.ranking.pages import nothing_kept, page  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_kept")]


@pytest.fixture
def board() -> None:
    for lineup in (["heron", "otter"], ["otter", "wren"], ["wren", "heron"]):
        cast(lineup, [1, 2])
        cast(lineup, [1, 1])
    refresh_leaderboards()


def test_an_svg_shows_the_names_and_the_votes(client: Client, board: None) -> None:
    answer = client.get("/leaderboard/plots/ratings.svg")
    assert answer.headers["Content-Type"] == "image/svg+xml"
    drawing = ElementTree.fromstring(answer.content)
    words = " ".join(drawing.itertext())
    assert all(part in words for part in ("Heron", "Otter", "Wren", "Bradley-Terry", "6 votes"))


def test_a_png_is_one(client: Client, board: None) -> None:
    answer = client.get("/leaderboard/plots/win-rates.png", {"theme": "dark", "size": "narrow"})
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")


def test_the_specification_is_plain_vega_lite(client: Client, board: None) -> None:
    spec = client.get("/leaderboard/plots/battles.json", {"population": "all"}).json()
    assert spec["$schema"].startswith("https://vega.github.io/schema/vega-lite/")
    assert {(cell["row"], cell["column"]): cell["total"] for cell in spec["data"]["values"]} == {
        (one, other): 2
        for one in ("Heron", "Otter", "Wren")
        for other in ("Heron", "Otter", "Wren")
        if one != other
    }


def test_images_have_the_size_that_the_page_reserves(client: Client, board: None) -> None:
    shown = page(client)
    reserved = re.findall(
        r'src="(/leaderboard/plots/[^"]+)" width="(\d+)" height="(\d+)"', shown
    ) + re.findall(r'srcset="(/leaderboard/plots/[^"]+)" width="(\d+)" height="(\d+)"', shown)
    assert len(reserved) == 12  # three plots, light and dark, wide and narrow
    for address, width, height in reserved:
        drawing = ElementTree.fromstring(client.get(address).content)
        assert (drawing.get("width"), drawing.get("height")) == (width, height)


@pytest.mark.parametrize("query", [{}, {"population": "all"}])
def test_no_address_of_a_plot_ends_in_the_middle(
    client: Client, board: None, query: dict[str, str]
) -> None:
    shown = page(client, **query)
    addresses = re.findall(r'"(/leaderboard/plots/[^"]+)"', shown)
    assert addresses
    assert not [address for address in addresses if address.endswith(("?", "&"))]


def test_the_page_describes_each_plot_and_shows_its_data(client: Client, board: None) -> None:
    shown = page(client)
    alternatives = set(re.findall(r'<img [^>]*alt="([^"]+)"', shown))
    assert len(alternatives) == 3
    assert any("Ratings of 3 contenders" in alternative for alternative in alternatives)
    table = re.search(r'Data of the plot: Win rates">(.*?)</table>', shown, re.DOTALL)
    assert table is not None
    assert "75 % of 2" in table.group(1)
    assert "<caption" in table.group(1)


def test_the_same_plot_is_not_sent_twice(client: Client, board: None) -> None:
    answer = client.get("/leaderboard/plots/ratings.svg")
    assert "max-age" in answer.headers["Cache-Control"]
    assert "Cookie" not in answer.headers.get("Vary", "")
    again = client.get(
        "/leaderboard/plots/ratings.svg", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert again.status_code == 304
    assert again.content == b""
    other = client.get("/leaderboard/plots/ratings.svg", {"theme": "dark"})
    assert other.headers["ETag"] != answer.headers["ETag"]


def test_the_same_plot_is_not_drawn_twice(
    client: Client, board: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get("/leaderboard/plots/ratings.svg").content

    def refuse(*arguments: object) -> bytes:
        raise AssertionError("drawn again")

    monkeypatch.setattr(rendering.Renderer, "draw", refuse)
    assert client.get("/leaderboard/plots/ratings.svg", {"sort": "votes"}).content == first


def test_new_votes_make_a_new_plot(client: Client, board: None) -> None:
    old = client.get("/leaderboard/plots/ratings.json")
    cast(["heron", "otter"], [1, 2])
    refresh_leaderboards()
    PLOTS.clear()  # what time does outside of a test
    new = client.get("/leaderboard/plots/ratings.json")
    assert new.headers["ETag"] != old.headers["ETag"]
    assert "7 votes" in json.dumps(new.json()["title"])


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("pie.svg", "ratings, costs, history, win-rates, battles"),
        ("ratings.pdf", "svg, png or json"),
        ("ratings.svg?theme=pink", "light or dark"),
        ("ratings.svg?size=huge", "wide or narrow"),
        ("ratings.svg?method=best", "bradley-terry"),
        ("costs.svg", "Contenders"),
    ],
)
def test_what_is_not_there_says_what_is(client: Client, board: None, path: str, said: str) -> None:
    answer = client.get(f"/leaderboard/plots/{path}")
    assert answer.status_code == 404
    assert said in answer.content.decode()


def test_without_a_price_the_page_says_how_to_set_it(client: Client, board: None) -> None:
    assert "sets the price of a million tokens in the admin" in page(client)


def test_a_plot_that_cannot_be_drawn_says_so(
    client: Client, board: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> bytes:
        raise rendering.DrawingError("The process that draws plots died.")

    monkeypatch.setattr(rendering.Renderer, "draw", fail)
    answer = client.get("/leaderboard/plots/ratings.svg")
    assert answer.status_code == 503
    assert "died" in answer.content.decode()
