"""Plots: data in, specification and table out; and the process that draws them."""

import json
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranking.boards import StandingRecord
from ranking.charts import (
    SIZES,
    THEMES,
    BattleCounts,
    Chart,
    Costs,
    History,
    Look,
    Ratings,
    WinRates,
)
from ranking.charts.labels import Box, without_overlap
from ranking.charts.rendering import DrawingError, Renderer, fingerprint
from ranking.selectors import Moment, Pair
from ranking.selectors.lines import Line

LOOKS = [Look(theme, size) for theme in THEMES for size in SIZES]


def standing(
    number: int, rating: float, *, reach: float | None = 20.0, **other: Any
) -> StandingRecord:
    values: dict[str, Any] = {
        "rank": number,
        "rank_low": None if reach is None else number,
        "rank_high": None if reach is None else number,
        "significance_rank": None if reach is None else number,
        "contender_id": number,
        "slug": f"slug-{number}",
        "name": f"Contender {number}",
        "rating": rating,
        "lower": None if reach is None else rating - reach,
        "upper": None if reach is None else rating + reach,
        "votes": 50,
        "wins": 0,
        "losses": 0,
        "ties": 0,
    }
    return StandingRecord(**{**values, **other})


def board(size: int) -> list[StandingRecord]:
    return [standing(number, 1500.0 - number) for number in range(1, size + 1)]


def line(number: int, rating: float, cost: float | None) -> Line:
    return Line(standing(number, rating), 0.5, None, None, None, cost, ())


def unranked(number: int, rating: float) -> StandingRecord:
    nothing = dict.fromkeys(["rank", "rank_low", "rank_high", "significance_rank"])
    return standing(number, rating, **nothing)


def moments(count: int) -> list[Moment]:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        Moment(start + timedelta(hours=number), 50 + number, 1000.0 + number, 990.0, 1400.0)
        for number in range(count)
    ]


def values(chart: Chart, look: Look = LOOKS[0]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = chart.spec(look)["data"]["values"]
    return found


PAIRS = {(1, 2): Pair(3, 1, 0), (2, 1): Pair(1, 3, 0), (1, 3): Pair(0, 0, 2), (3, 1): Pair(0, 0, 2)}
CHARTS: list[Chart] = [
    Ratings(board(3)),
    WinRates(board(3), PAIRS),
    BattleCounts(board(3), PAIRS),
    History(board(3), {1: moments(3), 2: moments(2)}),
    History(board(1), {1: moments(3)}),
    Costs([line(1, 1100, 2.0), line(2, 1000, 0.01), line(3, 1050, None)]),
]


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    found = Renderer()
    yield found
    found.stop()


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: str(chart.title))
@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look.theme}-{look.size}")
def test_every_plot_can_be_drawn_in_every_look_at_its_size(
    renderer: Renderer, chart: Chart, look: Look
) -> None:
    drawing = ElementTree.fromstring(renderer.draw(chart.spec(look, ["Votes"]), "svg"))
    assert drawing.get("width") == str(look.width)
    assert drawing.get("height") == str(chart.height(look))
    words = " ".join(drawing.itertext())
    assert str(chart.title) in words
    assert "Votes" in words


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: str(chart.title))
def test_every_plot_has_words_and_a_table(chart: Chart) -> None:
    assert not chart.missing
    assert chart.alt.endswith(".")
    table = chart.table
    assert table.rows
    assert {len(row) for row in table.rows} == {len(table.columns)}
    json.dumps(chart.spec(Look()), allow_nan=False)


@pytest.mark.parametrize(
    "chart",
    [Ratings([]), WinRates([], {}), BattleCounts(board(2), {}), History(board(2), {}), Costs([])],
    ids=lambda chart: str(chart.title),
)
def test_without_data_it_says_what_is_missing(chart: Chart) -> None:
    assert chart.missing.endswith(".")


def test_colours_are_those_of_the_pages() -> None:
    tokens = (Path(__file__).parents[2] / "static/css/tokens.css").read_text()
    for name in ("surface", "ink", "accent"):
        light, dark = Look("light").colour(name), Look("dark").colour(name)
        assert f"--{name}: light-dark({light}, {dark});" in tokens


@pytest.mark.parametrize(("theme", "size"), [("pink", "wide"), ("light", "huge")])
def test_an_unknown_look_raises(theme: str, size: str) -> None:
    with pytest.raises(ValueError, match="no look"):
        Look(theme, size)


def test_ratings_carry_their_intervals() -> None:
    [first, second] = values(Ratings([standing(1, 1100), standing(2, 900, reach=None)]))
    assert (first["rating"], first["lower"], first["upper"]) == (1100, 1080, 1120)
    assert (second["rating"], second["lower"], second["upper"]) == (900, None, None)


@pytest.mark.parametrize(
    ("chart", "wide", "narrow"),
    [
        (Ratings(board(65)), 60, 30),
        (
            BattleCounts(
                board(65), {(a, b): Pair(1, 1, 0) for a in range(66) for b in range(66) if a != b}
            ),
            30,
            10,
        ),
        (History(board(65), {number: moments(2) for number in range(66)}), 10, 5),
    ],
    ids=["ratings", "matrix", "history"],
)
def test_too_many_contenders_are_left_out_and_it_says_so(
    chart: Chart, wide: int, narrow: int
) -> None:
    for size, most in (("wide", wide), ("narrow", narrow)):
        spec = chart.spec(Look(size=size))
        named = {cell.get("name") or cell["row"] for cell in spec["data"]["values"]}
        assert named == {f"Contender {number}" for number in range(1, most + 1)}
        said = " ".join(spec["title"]["subtitle"])
        assert f"The best {most} of 65" in said or f"The {most} of 65 with most comparisons" in said


def test_two_of_the_same_name_stay_two() -> None:
    twins = [standing(1, 1100, name="Twin"), standing(2, 900, name="Twin"), standing(3, 800)]
    assert [value["name"] for value in values(Ratings(twins))] == [
        "Twin (slug-1)",
        "Twin (slug-2)",
        "Contender 3",
    ]


def test_a_cell_says_who_won_how_often_against_whom() -> None:
    chart = WinRates(board(3), PAIRS)
    cells = {(cell["row"], cell["column"]): cell for cell in values(chart)}
    assert len(cells) == 4  # only those who met
    cell = cells["Contender 1", "Contender 2"]
    assert (cell["rate"], cell["total"], cell["label"]) == (0.75, 4, "75")
    assert cells["Contender 2", "Contender 1"]["rate"] == 0.25
    assert cells["Contender 1", "Contender 3"]["rate"] == 0.5
    assert chart.table.rows[0] == ("Contender 1", "", "75 % of 4", "50 % of 2")
    assert "Contender 1 won 75 % of 4 against Contender 2" in chart.alt


def test_few_comparisons_are_paler() -> None:
    def shade(pair: Pair) -> float:
        met = {(1, 2): pair, (2, 1): Pair(pair.losses, pair.wins, pair.ties)}
        found = {cell["row"]: cell["shade"] for cell in values(WinRates(board(2), met))}
        assert found["Contender 1"] + found["Contender 2"] == pytest.approx(1)
        return float(found["Contender 1"])

    assert 0.5 < shade(Pair(1, 0, 0)) < shade(Pair(3, 0, 0)) < shade(Pair(30, 0, 0)) < 1
    assert shade(Pair(0, 0, 5)) == 0.5


def test_long_histories_are_thinned_to_their_last_moments() -> None:
    drawn = values(History(board(1), {1: moments(1000)}))
    assert len(drawn) <= 121
    assert drawn[-1]["rating"] == 1999
    table = History(board(1), {1: moments(1000)}).table
    assert len(table.rows) <= 22
    assert table.rows[0][1] == "1000"
    assert table.rows[-1][1] == "1999"


COSTS = st.floats(0, 100).map(lambda value: round(value, 1))
RATINGS = st.floats(800, 1200).map(round)


@given(st.lists(st.tuples(COSTS, RATINGS), min_size=1, max_size=12))
def test_the_front_is_who_is_surpassed_by_nobody(spots: Sequence[tuple[float, float]]) -> None:
    chart = Costs([line(number, rating, cost) for number, (cost, rating) in enumerate(spots)])
    found = {(spot.cost, spot.standing.rating) for spot in chart.spots if spot.front}
    surpassed = {
        (cost, rating)
        for cost, rating in spots
        for other_cost, other in spots
        if other_cost <= cost and other >= rating and (other_cost, other) != (cost, rating)
    }
    assert found == set(spots) - surpassed
    json.dumps(chart.spec(Look()), allow_nan=False)


def test_costs_far_apart_have_a_logarithmic_axis() -> None:
    def axis(*costs: float) -> str:
        lines = [line(number, 1000 + number, cost) for number, cost in enumerate(costs)]
        return str(Costs(lines).spec(Look())["encoding"]["x"]["scale"]["type"])

    assert axis(0.1, 10) == "log"
    assert axis(1, 2) == "linear"
    assert axis(0, 10) == "linear"  # what is free has no logarithm
    assert axis(0) == "linear"


BOXES = st.builds(
    lambda x, y, width, height: Box(x, y, x + width, y + height),
    st.floats(0, 100),
    st.floats(0, 100),
    st.floats(1, 40),
    st.floats(1, 20),
)


@given(st.lists(BOXES, max_size=15))
def test_labels_that_stand_do_not_cover_each_other(boxes: list[Box]) -> None:
    allowed = without_overlap(boxes)
    standing_ones = [box for box, stands in zip(boxes, allowed, strict=True) if stands]
    for number, box in enumerate(standing_ones):
        assert not any(box.covers(other) for other in standing_ones[:number])
    for box, stands in zip(boxes, allowed, strict=True):
        assert stands or any(box.covers(other) for other in standing_ones)


def test_a_killed_renderer_is_started_again(renderer: Renderer) -> None:
    spec = Ratings(board(2)).spec(Look())
    first = renderer.draw(spec, "svg")
    process = renderer._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
    assert renderer.draw(spec, "svg") == first


def test_what_cannot_be_drawn_raises_and_does_no_harm(renderer: Renderer) -> None:
    with pytest.raises(DrawingError):
        renderer.draw({"mark": "no such mark"}, "svg")
    assert renderer.draw(Ratings(board(2)).spec(Look()), "svg").startswith(b"<svg")


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """The address of a server, and what it was asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"word\nfetched\n")

        def log_message(self, *arguments: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", paths
        server.shutdown()
        thread.join(10)


def test_it_fetches_no_data(renderer: Renderer, asked: tuple[str, list[str]]) -> None:
    address, paths = asked
    spec = {
        "data": {"url": f"{address}/words.csv"},
        "mark": "text",
        "encoding": {"text": {"field": "word"}},
    }
    with suppress(DrawingError):
        renderer.draw(spec, "svg")
    assert paths == []


def test_names_are_text_in_the_drawing(renderer: Renderer) -> None:
    chart = Ratings([standing(1, 1000, name="<script>alert(1)</script>")])
    drawing = ElementTree.fromstring(renderer.draw(chart.spec(Look()), "svg"))
    assert not [part for part in drawing.iter() if part.tag.endswith("script")]
    assert "<script>alert(1)" in " ".join(drawing.itertext())


def test_a_fingerprint_is_of_all_that_is_shown() -> None:
    spec = Ratings(board(2)).spec(Look(), ["2 votes"])
    assert fingerprint(spec) == fingerprint(json.loads(json.dumps(spec)))
    assert fingerprint(spec) != fingerprint(Ratings(board(2)).spec(Look(), ["3 votes"]))


def test_who_cannot_be_compared_is_in_the_table_of_ratings_but_not_drawn() -> None:
    chart = Ratings([*board(2), unranked(3, 1900.0)])
    assert [value["name"] for value in values(chart)] == ["Contender 1", "Contender 2"]
    assert chart.table.rows[-1][:3] == ("Contender 3", "–", "1900")
    assert "Contender 2 is last" in chart.alt
    apart = Line(unranked(3, 1900.0), None, None, None, None, 0.01, ())
    assert [spot.name for spot in Costs([line(1, 1100, 2.0), apart]).spots] == ["Contender 1"]
    assert Costs([apart]).missing


def test_a_matrix_shows_those_who_met_though_they_are_not_the_best() -> None:
    met = {(number, 40): Pair(2, 1, 0) for number in range(1, 40)}
    met |= {(other, one): Pair(1, 2, 0) for one, other in met}
    chart = WinRates(board(40), met)
    for look in LOOKS:
        assert {cell["column"] for cell in values(chart, look)} >= {"Contender 40"}
