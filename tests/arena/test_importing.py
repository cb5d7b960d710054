"""`import_votes`: votes of other arenas, from good files and bad ones."""

import csv
import importlib.util
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from arena.importing import service
from arena.models import Battle, Contender, Rater, Response, Vote
from arena.selectors import decided_votes
from ranking.selectors import board
from ranking.services import Rebuilt, rebuild

pytestmark = pytest.mark.django_db
HEADER = "model_a,model_b,winner"
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes | Sequence[Any], name: str = "votes.csv") -> Path:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, str):
            path.write_bytes(content.encode())
        else:
            path.write_text("\n".join(json.dumps(row) for row in content))
        return path

    return write


def load(path: Path, file_format: str = "csv") -> str:
    out = StringIO()
    call_command("import_votes", str(path), "--format", file_format, stdout=out, stderr=StringIO())
    return out.getvalue()


def votes() -> list[tuple[tuple[str, ...], tuple[int, ...], bool]]:
    return [
        (tuple(r.contender_name for r in vote.responses), vote.ranks, vote.all_bad)
        for vote in decided_votes()
    ]


def test_every_winner_word_becomes_its_ranks_in_file_order(write: Write) -> None:
    words = ["model_a", "model_b", "tie", "tie (bothbad)", "both_bad"]
    load(write("\n".join([HEADER, *(f"A,B,{word}" for word in words)])))
    assert votes() == [
        (("A", "B"), (1, 2), False),
        (("A", "B"), (2, 1), False),
        (("A", "B"), (1, 1), False),
        (("A", "B"), (1, 1), True),
        (("A", "B"), (1, 1), True),
    ]


def test_contenders_are_external_and_not_drawn_for_battles(write: Write) -> None:
    load(write(f"{HEADER}\nGPT 4,Claude v1,tie\n"))
    found = Contender.objects.order_by("slug").values_list("slug", "name", "external", "active")
    assert list(found) == [
        ("claude-v1", "Claude v1", True, False),
        ("gpt-4", "GPT 4", True, False),
    ]


def test_names_that_make_the_same_slug_stay_apart(write: Write) -> None:
    load(write(f"{HEADER}\ngpt 4,GPT-4,tie\n模型,gpt.4,tie\n"))
    found = dict(Contender.objects.values_list("name", "slug"))
    assert found == {"gpt 4": "gpt-4", "GPT-4": "gpt-4-2", "模型": "contender", "gpt.4": "gpt4"}


def test_a_contender_of_the_arena_is_not_mixed_up_with_an_imported_one(write: Write) -> None:
    own = Contender.objects.create(slug="gpt-4", name="GPT-4", model="gpt-4")
    load(write(f"{HEADER}\nGPT-4,Other,tie\n"))
    assert not own.placements.exists()
    assert Contender.objects.get(name="GPT-4", external=True).slug == "gpt-4-2"


def test_a_judge_is_one_rater_and_keeps_being_so(write: Write) -> None:
    load(write(f"{HEADER},judge\nA,B,tie,ann\nA,B,tie,bob\nB,A,tie,ann\n"))
    load(write(f"{HEADER},judge\nA,C,tie,ann\n", "more.csv"))
    assert Rater.objects.count() == 2
    assert Battle.objects.filter(rater__external_id="import:ann").count() == 3


@pytest.mark.parametrize(
    "stamp",
    [
        "2023-04-24T15:00:00Z",
        "2023-04-24 15:00:00",
        "2023-04-24T17:00:00+02:00",
        "1682348400",
        "1682348400.0",
        "1682348400000",
    ],
)
def test_a_timestamp_is_when_the_vote_was_cast(write: Write, stamp: str) -> None:
    load(write(f"{HEADER},tstamp\nA,B,tie,{stamp}\n"))
    assert Vote.objects.get().cast_at == datetime(2023, 4, 24, 15, tzinfo=UTC)


def test_texts_become_a_turn_with_responses(write: Write) -> None:
    load(
        write(
            f"{HEADER},prompt,response_a,response_b\n"
            'A,B,model_a,"Say ""hi"",\nplease","Hi,\r\nyou",\n'
        )
    )
    (vote,) = decided_votes(texts=True)
    assert vote.prompts == ('Say "hi",\nplease',)
    assert [response.texts for response in vote.responses] == [("Hi,\r\nyou",), ("",)]
    assert Response.objects.filter(state=Response.State.DONE).count() == 2


def test_a_prompt_alone_is_a_turn_without_responses(write: Write) -> None:
    load(write(f"{HEADER},prompt\nA,B,tie,Why?\n"))
    (vote,) = decided_votes(texts=True)
    assert (vote.prompts, vote.responses[0].texts) == (("Why?",), ())


def test_a_byte_order_mark_crlf_spaces_and_blank_lines_do_no_harm(write: Write) -> None:
    load(write("\ufeffmodel_a, model_b ,winner\r\n A ,B, model_b \r\n\r\nB,A,tie\r\n"))
    assert votes() == [(("A", "B"), (2, 1), False), (("B", "A"), (1, 1), False)]


def test_unknown_columns_are_ignored_and_named(write: Write) -> None:
    err = StringIO()
    path = write(f"{HEADER},timestamp\nA,B,tie,yesterday\n")
    call_command("import_votes", str(path), "--format", "csv", stdout=StringIO(), stderr=err)
    assert "Ignored columns: timestamp" in err.getvalue()


def test_imported_votes_move_elo_and_show_it_on_the_battle(write: Write) -> None:
    load(write(f"{HEADER}\nA,B,model_a\nA,B,model_a\n"))
    first = Battle.objects.get(vote=Vote.objects.order_by("pk").first())
    changes = first.placements.order_by("position").values_list("elo_before", "elo_after")
    assert list(changes) == [(1000.0, 1002.0), (1000.0, 998.0)]
    assert rebuild() == Rebuilt(2, rows_equal=True, tallies_equal=True, elo_equal=True)


def test_the_same_file_again_adds_nothing(write: Write) -> None:
    path = write(f"{HEADER},judge\nA,B,tie,ann\nA,B,tie,ann\nA,B,model_a,\n")
    assert "3 new votes" in load(path)
    said = load(path)
    assert "0 new votes" in said
    assert "3 were there already" in said
    assert (Vote.objects.count(), Rater.objects.count()) == (3, 2)
    assert rebuild() == Rebuilt(3, rows_equal=True, tallies_equal=True, elo_equal=True)


def test_a_grown_file_adds_what_is_new(write: Write) -> None:
    load(write(f"{HEADER}\nA,B,tie\nA,B,model_a\n"))
    assert "2 new votes" in load(write(f"{HEADER}\nA,B,tie\nA,B,model_a\nA,B,tie\nB,C,tie\n"))
    assert [names for names, _, _ in votes()] == [("A", "B")] * 3 + [("B", "C")]


def test_an_import_that_was_interrupted_goes_on_where_it_stopped(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "CHUNK", 2)
    path = write("\n".join([HEADER, *(f"A,B{number},model_a" for number in range(5))]))

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        service.import_votes(path=path, file_format="csv", progress=stop)
    assert Vote.objects.count() == 2
    assert "3 new votes" in load(path)
    assert [names[1] for names, _, _ in votes()] == ["B0", "B1", "B2", "B3", "B4"]
    assert rebuild() == Rebuilt(5, rows_equal=True, tallies_equal=True, elo_equal=True)


BAD_CSV = {
    "a missing column": ("model_a,winner\nA,tie\n", "lacks the columns model_b"),
    "a column named twice": (f"{HEADER},winner\nA,B,tie,tie\n", "names winner more than once"),
    "an unknown winner": (f"{HEADER}\nA,B,tie\nA,B,modelA\n", r"Row 2 \(line 3\): winner 'modelA'"),
    "an empty winner": (f"{HEADER}\nA,B,\n", r"Row 1 \(line 2\): winner '' is unknown"),
    "the same model twice": (f"{HEADER}\nA,A,tie\n", r"Row 1 .*both 'A'"),
    "the same model but for spaces": (f"{HEADER}\nA,A ,tie\n", r"Row 1 .*both 'A'"),
    "an empty model": (f"{HEADER}\n,B,tie\n", "Row 1 .*model_a is empty"),
    "a model with a long name": (f"{HEADER}\n{'A' * 121},B,tie\n", "Row 1 .*121 characters"),
    "too few cells": (f"{HEADER}\nA,B\n", r"Row 1 \(line 2\): there are 2 cells, but 3 columns"),
    "too many cells": (f"{HEADER}\nA,B,tie,me\n", "Row 1 .*4 cells, but 3"),
    "an open quote": (f'{HEADER}\nA,B,tie\nA,"B,tie\n', "Row 2 is not valid CSV"),
    "a bad timestamp": (f"{HEADER},tstamp\nA,B,tie,noon\n", "Row 1 .*timestamp 'noon'"),
    "a timestamp out of time": (f"{HEADER},tstamp\nA,B,tie,17\n", "not between 1990 and 2100"),
    "a timestamp of NaN": (f"{HEADER},tstamp\nA,B,tie,nan\n", "Row 1 .*timestamp 'nan'"),
    "a response without a prompt": (
        f"{HEADER},prompt,response_a\nA,B,tie,,Hi\n",
        "Row 1 .*a response, but no prompt",
    ),
    "a row after a quoted line break": (
        f'{HEADER},prompt\nA,B,tie,"one\ntwo"\nA,B,won,x\n',
        r"Row 2 \(line 4\)",
    ),
    "an empty file": ("", "The file is empty"),
    "another separator": (
        "model_a;model_b;winner\nA;B;tie\n",
        "model_a;model_b;winner: .* by commas, not by semi",
    ),
    "a binary file": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "is a binary file"),
    "another encoding": ("model_a,model_b,winner\nJos\xe9,B,tie\n".encode("latin-1"), "not UTF-8"),
    "UTF-16": (f"{HEADER}\nA,B,tie\n".encode("utf-16"), "binary file. Give it as UTF-8"),
}


@pytest.mark.parametrize(("content", "reason"), BAD_CSV.values(), ids=BAD_CSV)
def test_a_bad_csv_file_is_refused_with_row_and_reason_and_changes_nothing(
    write: Write, content: str | bytes, reason: str
) -> None:
    with pytest.raises(CommandError, match=reason):
        load(write(content))
    assert not Vote.objects.exists()
    assert not Contender.objects.exists()
    assert not Rater.objects.exists()


def test_a_missing_file_a_folder_and_an_unknown_format_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no file"):
        load(tmp_path / "nothing.csv")
    with pytest.raises(CommandError, match="There is no file"):
        load(tmp_path)
    with pytest.raises(CommandError, match="invalid choice"):
        load(tmp_path, "tsv")


def test_a_header_alone_is_no_votes(write: Write) -> None:
    assert "0 rows: 0 new votes" in load(write(HEADER))


def said(*texts: str) -> list[dict[str, str]]:
    roles = ("user", "assistant")
    return [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]


LMSYS = {
    "question_id": "58210e39b3fd4441a2bd4a518bb44c2d",
    "model_a": "chatglm-6b",
    "model_b": "koala-13b",
    "winner": "model_b",
    "judge": "arena_user_973",
    "conversation_a": said("Hi", "Hello", "And?", "No."),
    "conversation_b": said("Hi", "Good day", "And?", "Yes."),
    "turn": 2,
    "anony": True,
    "language": "English",
    "tstamp": 1682351591.1322,
}


@pytest.mark.parametrize("name", ["votes.jsonl", "lines.json"])
def test_lmsys_conversations_are_imported_turn_by_turn(write: Write, name: str) -> None:
    load(write([LMSYS], name), "lmsys")
    (vote,) = decided_votes(texts=True)
    assert vote.prompts == ("Hi", "And?")
    assert [(r.contender_name, r.rank, r.texts) for r in vote.responses] == [
        ("chatglm-6b", 2, ("Hello", "No.")),
        ("koala-13b", 1, ("Good day", "Yes.")),
    ]
    assert Rater.objects.get().external_id == "import:arena_user_973"
    assert vote.cast_at.year == 2023


def test_the_language_that_a_file_names_is_a_category(write: Write) -> None:
    path = write("model_a,model_b,winner,language\nx,y,model_a,German\nx,y,model_b,unknown\n")
    load(path)
    assert board(method="bradley-terry", category="language-de").votes == 1
    assert rebuild() == Rebuilt(2, rows_equal=True, tallies_equal=True, elo_equal=True)


def test_lmsys_reads_one_json_array_of_any_length(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arena.importing.files._BLOCK", 7)
    rows = [LMSYS | {"question_id": str(number)} for number in range(5)]
    load(write(json.dumps(rows, indent=1), "clean_battle.json"), "lmsys")
    assert Vote.objects.count() == 5


def test_lmsys_votes_on_named_models_are_kept_but_do_not_count(write: Write) -> None:
    open_battle = LMSYS | {"anony": False, "question_id": "2"}
    assert "1 do not count" in load(write([LMSYS, open_battle], "votes.jsonl"), "lmsys")
    assert Vote.objects.filter(counted=False).count() == 1
    assert len(list(decided_votes())) == 1
    assert rebuild() == Rebuilt(1, rows_equal=True, tallies_equal=True, elo_equal=True)


def test_lmsys_winners_in_three_columns(write: Write) -> None:
    header = (
        "id,model_a,model_b,prompt,response_a,response_b,winner_model_a,winner_model_b,winner_tie"
    )
    out = StringIO()
    table = csv.writer(out)
    table.writerow(header.split(","))
    halved = '["\\ud83d"]'  # half an emoji, as the real file has them
    table.writerow([1, "A", "B", '["Q1","Q2"]', '["a1",null]', '["b1","b2"]', 1, 0, 0])
    table.writerow([2, "A", "B", halved, '["a"]', '["b"]', 0, 0, 1])
    load(write(out.getvalue(), "train.csv"), "lmsys")
    first, second = decided_votes(texts=True)
    assert (first.ranks, first.prompts) == ((1, 2), ("Q1", "Q2"))
    assert [response.texts for response in first.responses] == [("a1", ""), ("b1", "b2")]
    assert (second.ranks, second.prompts) == ((1, 1), ("\ufffd",))


def parts(text: str) -> list[dict[str, str | None]]:
    return [{"type": "text", "text": text, "image": None, "mimeType": None}]


ARENA140K = {
    "id": "0b1c",
    "model_a": "o3",
    "model_b": "gemini-2.5-pro",
    "winner": "both_bad",
    "evaluation_session_id": "session-1",
    "evaluation_order": 1,
    "conversation_a": [
        {"role": "user", "content": parts("Why?")},
        {"role": "assistant", "content": parts("Because.")},
    ],
    "conversation_b": [
        {"role": "user", "content": parts("Why?")},
        {"role": "assistant", "content": parts("No idea.")},
    ],
    "language": "en",
    "is_code": False,
    "timestamp": "2025-06-01T12:00:00",
}


def test_arena140k_is_imported_with_its_texts(write: Write) -> None:
    load(write([ARENA140K], "votes.jsonl"), "arena140k")
    (vote,) = decided_votes(texts=True)
    assert (vote.ranks, vote.all_bad, vote.prompts) == ((1, 1), True, ("Why?",))
    assert [response.texts for response in vote.responses] == [("Because.",), ("No idea.",)]
    assert Rater.objects.get().external_id == "import:session-1"
    assert vote.cast_at == datetime(2025, 6, 1, 12, tzinfo=UTC)


BAD_JSON: dict[str, tuple[str | list[Any], str]] = {
    "an empty file": ("", "The file is empty"),
    "a broken line": ('{"model_a": "A"', "Row 1 is not valid JSON"),
    "a line of too many brackets": ('{"a": ' + "[" * 100_000, "Row 1 is .* nested too deeply"),
    "an array of too many brackets": ("[" * 100_000, "Row 1 is .* nested too deeply"),
    "a line with a long number": ('{"model_a": 1' + "0" * 5_000 + "}", "a number is too long"),
    "an array with a long number": ("[1" + "0" * 5_000 + "]", "a number is too long"),
    "a list per line": ([1], "Row 1 is not an object"),
    "a missing model": ([LMSYS, {"model_a": "A", "winner": "tie"}], "Row 2 lacks model_b"),
    "a missing winner": ([{"model_a": "A", "model_b": "B"}], "Row 1: there is neither winner nor"),
    "an array cut off": (json.dumps([LMSYS])[:-1], "cut off"),
    "an array cut off in a row": (json.dumps([LMSYS, LMSYS])[:-9], "Row 2 is not valid JSON"),
    "text after an array": (json.dumps([LMSYS]) + "x", "something after"),
    "a conversation of text": ([LMSYS | {"conversation_a": "Hi"}], "Row 1: conversation_a is not"),
    "an unknown role": (
        [LMSYS | {"conversation_a": [{"role": "bot", "content": "Hi"}]}],
        "message of role 'bot'",
    ),
    "different prompts": ([LMSYS | {"conversation_a": said("Ho", "x")}], "different prompts"),
    "a name that is a number list": ([LMSYS | {"model_a": [1]}], "model_a is no text"),
    "a truth that is none": ([LMSYS | {"anony": "maybe"}], "neither true nor false"),
}


@pytest.mark.parametrize(("content", "reason"), BAD_JSON.values(), ids=BAD_JSON)
def test_a_bad_json_file_is_refused_with_row_and_reason_and_changes_nothing(
    write: Write, content: str | list[Any], reason: str
) -> None:
    with pytest.raises(CommandError, match=reason):
        load(write(content, "votes.json"), "lmsys")
    assert not Vote.objects.exists()
    assert not Contender.objects.exists()


def test_an_ending_that_the_format_does_not_have_is_refused(write: Write) -> None:
    with pytest.raises(CommandError, match=r"\.jsonl, \.json, \.csv or \.parquet"):
        load(write("x", "votes.xlsx"), "lmsys")


def test_parquet_without_pyarrow_says_what_to_install(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(CommandError, match="pip install pyarrow"):
        load(write(b"PAR1", "votes.parquet"), "arena140k")


@pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="needs pyarrow")
def test_parquet_is_read_where_pyarrow_is_there(tmp_path: Path) -> None:
    arrow = importlib.import_module("pyarrow")
    parquet = importlib.import_module("pyarrow.parquet")
    path = tmp_path / "votes.parquet"
    parquet.write_table(arrow.Table.from_pylist([ARENA140K]), path)
    load(path, "arena140k")
    assert len(list(decided_votes())) == 1
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(CommandError, match="cannot be read as Parquet"):
        load(path, "arena140k")
