"""Exports: each format by worked examples, the split, and what never leaves."""

import hashlib
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from hypothesis import given
from hypothesis import strategies as st

from arena.models import Population, Response, Vote
from arena.services import edit_prompt
from rlhf.exporting import (
    FORMATS,
    Cancelled,
    UnknownFormat,
    get_format,
    split_of,
    write_file,
    write_rows,
)
from rlhf.exporting.examples import pseudonym
from rlhf.selection import Selection
from tests.rlhf.votes import converse, many_votes, thumb, vote

pytestmark = pytest.mark.django_db


def rows(name: str, population: str = Population.PEOPLE) -> list[dict[str, Any]]:
    sink = io.BytesIO()
    write_rows(get_format(name), Selection(population=population), sink)
    return [json.loads(line) for line in sink.getvalue().splitlines()]


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def test_preference_has_one_row_per_strict_pair_best_first() -> None:
    vote(
        converse(["Name a tree."], {"amber": ["Oak"], "birch": ["Elm"], "cedar": ["Ash"]}),
        [2, 1, 2],
    )
    split = split_of("Name a tree.")
    assert rows("trl-preference") == [
        {
            "prompt": [user("Name a tree.")],
            "chosen": [assistant("Elm")],
            "rejected": [assistant("Oak")],
            "split": split,
        },
        {
            "prompt": [user("Name a tree.")],
            "chosen": [assistant("Elm")],
            "rejected": [assistant("Ash")],
            "split": split,
        },
    ]


@pytest.mark.parametrize("all_bad", [False, True])
def test_preference_has_no_row_for_a_tie(all_bad: bool) -> None:
    vote(converse(["Hi"], {"amber": ["a"], "birch": ["b"]}), [1, 1], all_bad=all_bad)
    assert rows("trl-preference") == []


def test_preference_of_several_turns_shares_only_the_first_prompt() -> None:
    battle = converse(
        ["Name a tree.", "Another?"], {"amber": ["Oak", "Elm"], "birch": ["Fir", "Yew"]}
    )
    vote(battle, [1, 2])
    assert rows("trl-preference") == [
        {
            "prompt": [user("Name a tree.")],
            "chosen": [assistant("Oak"), user("Another?"), assistant("Elm")],
            "rejected": [assistant("Fir"), user("Another?"), assistant("Yew")],
            "split": split_of("Name a tree."),
        }
    ]


def test_ranking_keeps_ties_and_the_vote_it_comes_from() -> None:
    cast = vote(
        converse(
            ["Name a tree."],
            {"amber": ["Oak"], "birch": ["Elm"], "cedar": ["Ash"]},
            category="facts",
        ),
        [1, 2, 2],
    )
    assert rows("ranking") == [
        {
            "prompt": "Name a tree.",
            "responses": ["Oak", "Elm", "Ash"],
            "ranks": [1, 2, 2],
            "weight": 1.0,
            "vote_id": cast.pk,
            "rater": pseudonym(cast.battle.rater_id, django_settings.SECRET_KEY),
            "category": "facts",
            "tags": "",
            "language": "",
            "split": split_of("Name a tree."),
        }
    ]


def test_ranking_leaves_out_a_failed_response_and_closes_the_gap() -> None:
    vote(converse(["Hi"], {"amber": [""], "birch": ["b"], "cedar": ["c"]}), [1, 3, 2])
    (row,) = rows("ranking")
    assert (row["responses"], row["ranks"]) == (["b", "c"], [2, 1])


def test_ranking_of_several_turns_holds_the_messages_after_the_first_prompt() -> None:
    vote(converse(["One", "Two"], {"amber": ["a", "b"], "birch": ["c", "d"]}), [2, 1])
    (row,) = rows("ranking")
    assert row["prompt"] == "One"
    assert row["responses"] == [
        [assistant("a"), user("Two"), assistant("b")],
        [assistant("c"), user("Two"), assistant("d")],
    ]


def test_unpaired_has_one_row_per_thumb_with_the_conversation_before_it() -> None:
    battle = converse(["One", "Two"], {"amber": ["a", "b"], "birch": ["c", "d"]})
    thumb(battle, 1, -1, turn=2)
    thumb(battle, 0, 1, turn=1)
    assert rows("trl-unpaired") == [
        {
            "prompt": [user("One"), assistant("c"), user("Two")],
            "completion": [assistant("d")],
            "label": False,
            "split": split_of("One"),
        },
        {
            "prompt": [user("One")],
            "completion": [assistant("a")],
            "label": True,
            "split": split_of("One"),
        },
    ]


@pytest.mark.parametrize("turn", [1, 2])
def test_a_thumb_stays_with_the_prompt_that_its_response_answered(turn: int) -> None:
    prompts = ["prompt 0", "prompt 1"][:turn]  # of the first, the split is another than of "New"
    battle = converse(prompts, {"amber": ["a", "c"][:turn], "birch": ["b", "d"][:turn]})
    Response.objects.update(state=Response.State.DONE)
    thumb(battle, 0, 1, turn=turn)
    edit_prompt(battle=battle, turn=turn, prompt="New")
    Response.objects.filter(superseded=False, text="").update(text="e", state="done")
    thumb(battle, 0, -1, turn=turn)
    before = [user("prompt 0"), assistant("a")] if turn == 2 else []
    assert split_of("prompt 0") != split_of("New")
    assert rows("trl-unpaired") == [
        {
            "prompt": [*before, user(prompt)],
            "completion": [assistant(answer)],
            "label": up,
            "split": split_of("prompt 0" if turn == 2 else prompt),
        }
        for prompt, answer, up in ((prompts[-1], "ac"[turn - 1], True), ("New", "e", False))
    ]


def test_votes_are_on_the_prompt_as_it_was_edited() -> None:
    battle = converse(["Old"], {"amber": ["a"], "birch": ["b"]})
    edit_prompt(battle=battle, turn=1, prompt="New")
    for response in Response.objects.filter(superseded=False):
        Response.objects.filter(pk=response.pk).update(text=f"n{response.pk}", state="done")
    vote(battle, [1, 2])
    for name in set(FORMATS) - {"trl-unpaired"}:
        (row,) = rows(name)
        said = json.dumps(row)
        assert "New" in said
        assert "Old" not in said
        assert '"a"' not in said


def test_unpaired_takes_nothing_from_votes() -> None:
    many_votes(3)
    assert rows("trl-unpaired") == []


def test_unpaired_leaves_out_thumbs_of_an_excluded_vote() -> None:
    battle = converse(["Hi"], {"amber": ["a"], "birch": ["b"]})
    thumb(battle, 0, 1)
    vote(battle, [1, 2])
    Vote.objects.update(counted=False)
    assert rows("trl-unpaired") == []


def test_lmsys_has_the_published_columns() -> None:
    cast = vote(converse(["Hi"], {"amber": ["a"], "birch": ["b"]}, category="chat"), [2, 1])
    Vote.objects.update(cast_at=datetime(2026, 1, 2, tzinfo=UTC))
    (row,) = rows("lmsys")
    judge = row.pop("judge")
    assert row == {
        "question_id": str(cast.pk),
        "model_a": "amber",
        "model_b": "birch",
        "winner": "model_b",
        "conversation_a": [user("Hi"), assistant("a")],
        "conversation_b": [user("Hi"), assistant("b")],
        "turn": 1,
        "tstamp": 1767312000.0,
        "category": "chat",
        "split": split_of("Hi"),
    }
    assert len(judge) == 16


@pytest.mark.parametrize(
    ("ranks", "all_bad", "winner"),
    [
        ([1, 2], False, "model_a"),
        ([2, 1], False, "model_b"),
        ([1, 1], False, "tie"),
        ([1, 1], True, "tie (bothbad)"),
    ],
)
def test_lmsys_names_each_verdict(ranks: list[int], all_bad: bool, winner: str) -> None:
    vote(converse(["Hi"], {"amber": ["a"], "birch": ["b"]}), ranks, all_bad=all_bad)
    assert rows("lmsys")[0]["winner"] == winner


def test_lmsys_has_each_pair_of_a_ranking_of_three() -> None:
    vote(converse(["Hi"], {"amber": ["a"], "birch": ["b"], "cedar": ["c"]}), [1, 2, 3])
    assert [(row["model_a"], row["model_b"], row["winner"]) for row in rows("lmsys")] == [
        ("amber", "birch", "model_a"),
        ("amber", "cedar", "model_a"),
        ("birch", "cedar", "model_a"),
    ]


def test_rater_identity_leaves_no_trace_but_one_pseudonym_each(settings: Any) -> None:
    for by, prompt in [("zoe@example.org", "1"), ("zoe@example.org", "2"), ("max", "3")]:
        vote(converse([prompt], {"amber": ["a"], "birch": ["b"]}, by=by), [1, 2])
    first, second, third = (row["judge"] for row in rows("lmsys"))
    assert first == second != third
    everything = json.dumps([rows(name) for name in FORMATS])
    assert "zoe" not in everything
    settings.SECRET_KEY = "another installation"
    assert rows("lmsys")[0]["judge"] != first


def test_votes_without_texts_are_skipped_and_counted() -> None:
    vote(converse([], {"amber": [], "birch": []}), [1, 2])
    vote(converse(["Hi"], {"amber": ["a"], "birch": [""]}), [1, 2])
    vote(converse(["Hi"], {"amber": ["a"], "birch": ["b"]}), [1, 2])
    export = write_rows(get_format("ranking"), Selection(), io.BytesIO())
    assert (export.counts.items, export.counts.skipped, export.rows) == (3, 2, 1)


def test_populations_are_kept_apart_unless_all_are_asked_for() -> None:
    many_votes(2)
    many_votes(3, population=Population.SIMULATED)
    counts = [len(rows("ranking", asked)) for asked in ("people", "simulated", "all")]
    assert counts == [2, 3, 5]


@pytest.mark.parametrize("name", FORMATS)
def test_no_votes_give_no_file(name: str, tmp_path: Path) -> None:
    export = write_file(get_format(name), Selection(), tmp_path / "out.jsonl")
    assert (export.rows, export.counts.items) == (0, 0)
    assert not (tmp_path / "out.jsonl").exists()


def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(UnknownFormat, match="trl-preference"):
        get_format("trl")


def test_the_checksum_and_size_are_the_file_s(tmp_path: Path) -> None:
    many_votes(3)
    export = write_file(get_format("ranking"), Selection(), tmp_path / "out.jsonl")
    written = (tmp_path / "out.jsonl").read_bytes()
    assert export.sha256 == hashlib.sha256(written).hexdigest()
    assert export.size == len(written)


def test_a_cancelled_export_leaves_nothing_behind(tmp_path: Path) -> None:
    many_votes(3)

    def stop(done: int, total: int) -> None:
        if done:
            raise Cancelled

    form = get_format("ranking")
    with pytest.raises(Cancelled):
        write_file(form, Selection(), tmp_path / "new" / "out.jsonl", progress=stop)
    assert list((tmp_path / "new").iterdir()) == []


def test_progress_ends_at_the_number_of_votes() -> None:
    many_votes(3)
    seen: list[tuple[int, int]] = []
    form = get_format("ranking")
    write_rows(form, Selection(), io.BytesIO(), progress=lambda *at: seen.append(at))
    assert seen[0] == (0, 3)
    assert seen[-1] == (3, 3)


@given(st.text(min_size=1))
def test_a_prompt_is_on_one_side_whatever_its_case_and_spaces(prompt: str) -> None:
    assert split_of(prompt) == split_of(f"  {prompt}\n")
    assert split_of("What  IS this") == split_of("what is\tthis")


def test_about_a_tenth_of_prompts_is_for_testing() -> None:
    share = sum(split_of(f"prompt {number}") == "test" for number in range(5_000)) / 5_000
    assert 0.085 < share < 0.115


def test_the_split_never_changes() -> None:
    tested = [number for number in range(40) if split_of(f"prompt {number}") == "test"]
    assert tested == [0, 3, 15, 24, 33]


def test_no_prompt_is_on_both_sides_in_any_format() -> None:
    for number in range(40):
        for _ in range(2):
            battle = converse([f"Q{number}"], {"amber": ["a"], "birch": ["b"]})
            vote(battle, [1, 2])
            thumb(battle, 0, 1)
    for name in ("trl-preference", "trl-unpaired", "ranking"):
        sides: dict[str, set[str]] = {}
        for row in rows(name):
            sides.setdefault(json.dumps(row["prompt"]), set()).add(row["split"])
        assert len(sides) == 40
        assert {len(side) for side in sides.values()} == {1}
        assert {side for seen in sides.values() for side in seen} == {"train", "test"}
