"""A stored leaderboard can be reproduced from what anybody can download."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import AsyncClient, Client

from arena.models import Population
from arena.services import exclude_votes
from ranking import api, services
from tests.ranking.ballots import cast, somebody

pytestmark = pytest.mark.django_db
METHODS = ["bradley-terry", "elo", "plackett-luce"]


@pytest.fixture
def files(client: Client, tmp_path: Path) -> dict[str, tuple[Path, Path]]:
    """The JSON and the votes of a leaderboard of each method, as downloaded."""
    cast("abc", [1, 2, 2], category="coding", rater=somebody("ann"), prompts=["A secret prompt"])
    cast("cb", [1, 1], all_bad=True)
    cast("ba", [1, 2])
    cast("ab", [2, 1], population=Population.SIMULATED)
    services.refresh_leaderboards()
    cast("ca", [1, 2])  # too late for the stored one
    found = {}
    for method in METHODS:
        board = client.get("/api/v1/leaderboard", {"method": method}).json()
        stored = client.get(f"/api/v1/leaderboards/{board['id']}")
        assert stored.json() == board
        votes = client.get(f"/api/v1/leaderboards/{board['id']}/votes.csv")
        assert "attachment" in votes["Content-Disposition"]
        found[method] = tmp_path / f"{method}.json", tmp_path / f"{method}.csv"
        found[method][0].write_bytes(stored.content)
        found[method][1].write_bytes(votes.getvalue())
    return found


def verify(*arguments: object) -> str:
    out = StringIO()
    call_command("leaderboard", "--verify", *map(str, arguments), stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("method", METHODS)
def test_the_downloads_alone_reproduce_it(method: str, files: dict[str, tuple[Path, Path]]) -> None:
    board, votes = files[method]
    assert "Reproduced: 3 votes" in verify(board, "--votes", votes)
    assert "3 standings equal" in verify(board)  # from this database


@pytest.mark.parametrize("method", METHODS)
def test_a_young_arena_s_board_is_reproduced_whoever_was_drawn_first(
    method: str, client: Client, tmp_path: Path
) -> None:
    cast("abc", [1, 2, 3], population=Population.SIMULATED)
    cast("cb", [1, 2])
    cast("ba", [1, 2])
    services.refresh_leaderboards()
    board = client.get("/api/v1/leaderboard", {"method": method})
    assert any("Too few votes" in caveat for caveat in board.json()["caveats"])
    path = tmp_path / "board.json"
    path.write_bytes(board.content)
    assert "Reproduced: 2 votes" in verify(path)


@pytest.mark.parametrize(
    "changed", [{"category": "coding"}, {"population": "simulated"}, {"caveats": []}]
)
def test_a_board_passed_off_as_another_is_not_reproduced(
    changed: dict[str, Any], files: dict[str, tuple[Path, Path]]
) -> None:
    board, votes = files["bradley-terry"]
    board.write_text(json.dumps(json.loads(board.read_text()) | changed))
    with pytest.raises(CommandError, match=r"are not of its category|Its caveats are not"):
        verify(board, "--votes", votes)


@pytest.mark.parametrize("lost", ["votes", "settings", "caveats", "category"])
def test_json_without_a_part_of_a_board_says_which(
    lost: str, files: dict[str, tuple[Path, Path]]
) -> None:
    board, votes = files["elo"]
    said = json.loads(board.read_text())
    del said[lost]
    board.write_text(json.dumps(said))
    with pytest.raises(CommandError, match=f"no leaderboard: {lost} is missing"):
        verify(board, "--votes", votes)


@pytest.mark.parametrize("changed", [{"settings": "none"}, {"standings": [1]}, {"standings": 3}])
def test_json_whose_parts_are_no_board_is_refused(
    changed: dict[str, Any], files: dict[str, tuple[Path, Path]]
) -> None:
    board, votes = files["elo"]
    board.write_text(json.dumps(json.loads(board.read_text()) | changed))
    with pytest.raises(CommandError, match="cannot be read"):
        verify(board, "--votes", votes)


def test_a_rating_that_is_a_text_differs(files: dict[str, tuple[Path, Path]]) -> None:
    board, votes = files["elo"]
    said = json.loads(board.read_text())
    said["standings"][0]["rating"] = "high"
    board.write_text(json.dumps(said))
    with pytest.raises(CommandError, match="rating is high"):
        verify(board, "--votes", votes)


def test_the_votes_name_neither_texts_nor_raters(files: dict[str, tuple[Path, Path]]) -> None:
    header, first, *_ = files["elo"][1].read_text().splitlines()
    assert header == "vote,cast_on,population,categories,contenders,ranks"
    number, day, *rest = first.split(",")
    assert rest == ["people", "coding signed-in", "a|b|c", "1|2|2"]
    assert number.isdigit()
    assert len(day) == len("2031-01-01")


@pytest.mark.django_db(transaction=True)
@pytest.mark.filterwarnings("error:StreamingHttpResponse")
async def test_the_votes_are_sent_as_they_are_read_under_asgi(
    files: dict[str, tuple[Path, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "LINES_AT_ONCE", 3)
    board, votes = files["elo"]
    number = json.loads(board.read_text())["id"]
    answer: Any = await AsyncClient().get(f"/api/v1/leaderboards/{number}/votes.csv")
    blocks = [block async for block in answer]
    assert [block.count(b"\n") for block in blocks] == [3, 1]
    assert b"".join(blocks) == votes.read_bytes()


@pytest.fixture
def by_rater(files: dict[str, tuple[Path, Path]], tmp_path: Path) -> Path:
    """A leaderboard with intervals by rater, as the command prints it."""
    out, path = StringIO(), tmp_path / "by-rater.json"
    call_command("leaderboard", "--cluster", "rater", "--format", "json", stdout=out)
    path.write_text(out.getvalue())
    return path


def test_intervals_by_rater_are_reproduced_where_the_raters_are_known(by_rater: Path) -> None:
    board = json.loads(by_rater.read_text())
    assert board["cluster"] == "rater"
    assert board["settings"]["raters"] == 2
    said = verify(by_rater)
    assert "Reproduced: 4 votes" in said
    assert "Not checked" not in said
    board["standings"][0]["upper"] += 1.0
    by_rater.write_text(json.dumps(board))
    with pytest.raises(CommandError, match="upper is"):
        verify(by_rater)


def test_published_votes_reproduce_all_of_it_but_intervals_by_rater(
    by_rater: Path, client: Client, tmp_path: Path
) -> None:
    services.refresh_leaderboards()
    number = client.get("/api/v1/leaderboard").json()["id"]
    votes = tmp_path / "votes.csv"
    votes.write_bytes(client.get(f"/api/v1/leaderboards/{number}/votes.csv").getvalue())
    said = verify(by_rater, "--votes", votes)
    assert "Reproduced: 4 votes" in said
    assert "Not checked: intervals" in said
    board = json.loads(by_rater.read_text())
    board["standings"][0]["rating"] += 1.0
    by_rater.write_text(json.dumps(board))
    with pytest.raises(CommandError, match="rating is"):
        verify(by_rater, "--votes", votes)


def test_style_control_needs_texts(tmp_path: Path) -> None:
    cast("ab", [1, 2])
    out, path = StringIO(), tmp_path / "styled.json"
    call_command("leaderboard", "--method", "style-controlled", "--format", "json", stdout=out)
    path.write_text(out.getvalue())
    with pytest.raises(CommandError, match="needs the texts"):
        verify(path)


@pytest.mark.parametrize("method", METHODS)
def test_one_changed_vote_is_found(method: str, files: dict[str, tuple[Path, Path]]) -> None:
    board, votes = files[method]
    votes.write_text(votes.read_text().replace("1|2|2", "2|1|2"))
    with pytest.raises(CommandError, match="SHA-256 differs"):
        verify(board, "--votes", votes)


def test_one_changed_rating_is_found(files: dict[str, tuple[Path, Path]]) -> None:
    board, votes = files["bradley-terry"]
    changed = json.loads(board.read_text())
    changed["standings"][0]["rating"] += 0.001
    board.write_text(json.dumps(changed))
    with pytest.raises(CommandError, match="rating is"):
        verify(board, "--votes", votes)


def test_a_vote_that_was_taken_out_since_is_missed(files: dict[str, tuple[Path, Path]]) -> None:
    from arena.models import Vote

    exclude_votes(votes=Vote.objects.order_by("pk")[:1], because="A robot.")
    with pytest.raises(CommandError, match="rests on 3 votes, but there are 2"):
        verify(files["elo"][0])
    assert "Reproduced" in verify(files["elo"][0], "--votes", files["elo"][1])


@pytest.mark.parametrize(
    ("board", "votes", "reason"),
    [
        ("{", "", "not JSON"),
        ("[]", "vote", "no leaderboard|has no column"),
        ('{"method": "elo"}', "vote,cast_on,population,categories,contenders,ranks", "no leaderb"),
        (
            '{"method": "luck", "digest": "", "standings": [], "votes": 0, "settings": {}, '
            '"category": "overall", "population": "people", "caveats": []}',
            "vote,cast_on,population,categories,contenders,ranks",
            "Unknown method",
        ),
        (
            '{"method": "elo", "digest": "", "standings": [], "votes": 0, "settings": {}, '
            '"category": "overall", "population": "people", "caveats": []}',
            "vote,cast_on,population,categories,contenders,ranks\n1,2031-01-01,people,,a|b,1",
            "Line 2 of the votes",
        ),
    ],
)
def test_files_that_are_something_else_are_refused(
    board: str, votes: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "board.json").write_text(board)
    (tmp_path / "votes.csv").write_text(votes)
    with pytest.raises(CommandError, match=reason):
        verify(tmp_path / "board.json", "--votes", tmp_path / "votes.csv")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"Cannot read .*none\.json"):
        verify(tmp_path / "none.json")


def test_an_unknown_leaderboard_is_not_found(client: Client) -> None:
    assert client.get("/api/v1/leaderboards/999").status_code == 404
    assert client.get("/api/v1/leaderboards/999/votes.csv").status_code == 404


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(["--days", "7"], "time window"), (["--anchor", "a=1200"], "is anchored")],
)
def test_what_cannot_be_verified_says_why(
    arguments: list[str],
    reason: str,
    files: dict[str, tuple[Path, Path]],
    tmp_path: Path,
) -> None:
    out, path = StringIO(), tmp_path / "board.json"
    call_command("leaderboard", *arguments, "--format", "json", stdout=out)
    path.write_text(out.getvalue())
    with pytest.raises(CommandError, match=reason):
        verify(path)
