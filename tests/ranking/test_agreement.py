"""How far raters agree: what counts as the same item, pages and command."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from arena.models import Population, Rater, Vote
from arena.services import exclude_votes
from ranking.models import CountedVote
from ranking.selectors.agreement import agreement
from ranking.services import catch_up, rebuild
from tests.ranking.ballots import cast, somebody
from tests.ranking.pages import nothing_kept, page  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nothing_kept")]


def judge(item: int, rater: Rater, ranks: list[int], **other: object) -> None:
    """A vote on the two responses of the item of that number."""
    values = {"prompts": [f"Question {item}"], "answers": [f"Yes {item}.", f"No {item}."]}
    cast(["heron", "otter"], ranks, rater=rater, **{**values, **other})


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("agreement", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_equal_judgements_agree_perfectly() -> None:
    ann, bob = somebody(), somebody()
    for item in range(6):
        for rater in (ann, bob):
            judge(item, rater, [1, 2] if item % 2 else [1, 1])
    found = agreement()
    assert (found.items, found.raters, found.judgements, found.comparisons) == (6, 2, 12, 6)
    assert found.alpha == found.ordinal == found.pooled == pytest.approx(1.0)
    assert found.kappas is None  # six comparisons are too few for two raters


def test_positions_do_not_matter() -> None:
    ann, bob = somebody(), somebody()
    judge(1, ann, [1, 2])
    cast(["otter", "heron"], [2, 1], rater=bob, prompts=["Question 1"], answers=["No 1.", "Yes 1."])
    found = agreement()
    assert (found.items, found.pooled) == (1, 1.0)


@pytest.mark.parametrize(
    "other",
    [
        {"prompts": ["Another question"]},
        {"prompts": ["Question 1", "And then?"]},
        {"answers": ["Yes 1.", "No, sampled anew."]},
        {"population": Population.SIMULATED},
    ],
)
def test_what_is_not_the_same_item(other: dict[str, object]) -> None:
    judge(1, somebody(), [1, 2])
    judge(1, somebody(), [1, 2], **other)
    assert agreement().items == 0


def test_the_contenders_are_part_of_the_item() -> None:
    for lineup in (["heron", "otter"], ["heron", "wren"]):
        cast(lineup, [1, 2], rater=somebody(), prompts=["?"], answers=["Yes.", "Yes."])
    assert agreement().items == 0


def test_only_the_first_vote_of_a_rater_on_an_item_counts() -> None:
    ann, bob = somebody(), somebody()
    for rater, ranks in ((ann, [1, 2]), (ann, [2, 1]), (bob, [1, 2])):
        judge(1, rater, ranks)
    found = agreement()
    assert (found.judgements, found.pooled) == (2, 1.0)
    assert [one.votes for one in found.by_rater] in ([1, 2], [2, 1])


def test_one_rater_alone_shares_nothing() -> None:
    ann = somebody()
    judge(1, ann, [1, 2])
    judge(1, ann, [1, 2])
    assert agreement().items == 0


def test_a_ranking_of_three_is_three_comparisons() -> None:
    for ranks in ([1, 2, 3], [1, 3, 2]):
        cast("abc", ranks, rater=somebody(), answers=["x", "y", "z"])
    found = agreement()
    assert (found.items, found.comparisons) == (1, 3)
    assert found.pooled == pytest.approx(2 / 3)


def test_votes_taken_out_of_the_count_do_not_count_here() -> None:
    judge(1, somebody(), [1, 2])
    bob = somebody()
    judge(1, bob, [1, 2])
    exclude_votes(votes=Vote.objects.filter(battle__rater=bob), because="A robot.")
    assert agreement().items == 0


def test_who_answers_at_random_is_suspicious_and_who_agrees_is_not() -> None:
    raters = [somebody() for _ in range(4)]
    for item in range(40):
        for rater in raters:
            judge(item, rater, [1, 2] if item % 2 else [2, 1])
    guesser = somebody()
    for item in range(40):
        judge(item, guesser, [1, 2] if item % 4 < 2 else [2, 1])
    found = agreement()
    assert [one.suspicious for one in found.by_rater] == [True, False, False, False, False]
    assert found.by_rater[0].rater == guesser.pk
    assert found.by_rater[0].agreement.share == pytest.approx(0.5)


def test_rows_of_an_older_version_are_counted_again() -> None:
    ann, bob = somebody(), somebody()
    judge(1, ann, [1, 2])
    judge(1, bob, [1, 2])
    assert rebuild().rows_equal
    CountedVote.objects.update(item="?")
    assert agreement().items == 0
    assert catch_up()
    assert agreement().items == 1
    assert not catch_up()


def test_the_page_says_so_when_nothing_was_judged_twice(client: Client) -> None:
    judge(1, somebody(), [1, 2])
    assert "Nobody judged the same thing twice" in page(client, "/leaderboard/agreement/")
    assert "/leaderboard/agreement/" in page(client)


def test_the_public_page_names_no_rater(client: Client) -> None:
    for rater in (somebody("ann"), somebody("bob")):
        for item in range(12):
            judge(item, rater, [1, 2] if item % 2 else [1, 1])
    shown = page(client, "/leaderboard/agreement/")
    assert "24 votes of 2 raters" in shown
    assert "Krippendorff" in shown
    assert "of 1 pair," in shown
    assert "ann" not in shown.replace("annotat", "").split("<main")[1]
    assert "bob" not in shown


def test_only_staff_see_each_rater(client: Client) -> None:
    for rater in (somebody("ann"), somebody("bob")):
        judge(1, rater, [1, 2])
    address = "/leaderboard/agreement/raters/"
    assert client.get(address).status_code == 302
    client.force_login(User.objects.get(username="ann"))
    assert client.get(address).status_code == 403
    client.force_login(User.objects.create_user("boss", is_staff=True))
    shown = page(client, address)
    assert "ann" in shown
    assert "bob" in shown
    assert "100 %" in shown
    assert "no-store" in client.get(address)["Cache-Control"]


def test_a_raters_votes_are_one_click_away(client: Client) -> None:
    ann, bob = somebody("ann"), somebody("bob")
    for rater in (ann, bob):
        judge(1, rater, [1, 2])
    client.force_login(User.objects.create_superuser("boss"))
    address = f"/admin/arena/vote/?battle__rater={ann.pk}"
    assert f'href="{address}"' in page(client, "/leaderboard/agreement/raters/")
    assert "1 vote" in page(client, address)


def test_unknown_populations_are_not_there(client: Client) -> None:
    assert client.get("/leaderboard/agreement/", {"population": "robots"}).status_code == 404


def test_the_command_prints_figures_and_raters() -> None:
    for rater in (somebody("ann"), somebody("bob")):
        for item in range(12):
            judge(item, rater, [1, 2] if item % 2 else [1, 1])
    out, _ = run("--raters")
    assert "12 items judged by at least two of 2 raters" in out
    assert "alpha, nominal  1.000" in out
    assert "ann" in out
    found = json.loads(run("--format", "json")[0])
    assert (found["alpha"], found["kappas"]["number"]) == (1.0, 1)
    assert "by_rater" not in found
    assert len(json.loads(run("--format", "json", "--raters")[0])["by_rater"]) == 2


def test_the_command_says_so_when_nothing_was_judged_twice() -> None:
    out, err = run()
    assert out == ""
    assert "No two raters judged the same item" in err
    assert json.loads(run("--format", "json")[0])["alpha"] is None
    with pytest.raises(CommandError, match="Unknown category"):
        run("--category", "poetry")


def test_imported_votes_agree_by_their_responses(tmp_path: Path) -> None:
    """The same file with and without responses; votes without prompts share no item."""
    path = tmp_path / "votes.csv"
    rows = [("ann", "model_a"), ("bob", "model_a"), ("cid", "model_b")]
    lines = ["model_a,model_b,winner,judge,prompt,response_a,response_b"]
    lines += [f"x,y,{winner},{judge},Why?,Because.," for judge, winner in rows]
    lines += [f"x,y,{winner},{judge},,," for judge, winner in rows]
    path.write_text("\n".join(lines))
    call_command("import_votes", str(path), "--format", "csv", stdout=StringIO())
    found = json.loads(run("--format", "json", "--raters")[0])
    assert (found["items"], found["raters"], found["judgements"]) == (1, 3, 3)
    assert {one["name"] for one in found["by_rater"]} == {"import:ann", "import:bob", "import:cid"}
