"""Preference files of others: what becomes of each kind, and that a wrong one leaves nothing."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from arena.errors import Invalid
from arena.importing.errors import FileError
from arena.models import Battle, Contender
from rlhf import services
from rlhf.exporting import split_of
from rlhf.importing import Skipped, read_preferences
from rlhf.models import Dataset, Job, Run
from rlhf.selectors import dataset_rows
from tests.rlhf.votes import many_votes

pytestmark = pytest.mark.django_db


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read(tmp_path: Path, *rows: Any) -> list[dict[str, Any]]:
    found = read_preferences(lines(tmp_path / "file.jsonl", *rows))
    return [row for row in found if not isinstance(row, Skipped)]


PAIR = {"prompt": "Name a tree.", "chosen": "Oak", "rejected": "Stone"}
CHAT = {
    "prompt": [user("Name a tree.")],
    "chosen": [assistant("Oak")],
    "rejected": [assistant("Stone")],
}
IMPLICIT = {
    "chosen": [user("Name a tree."), assistant("Oak")],
    "rejected": [user("Name a tree."), assistant("Stone")],
}
SPOKEN = {
    "chosen": "\n\nHuman: Name a tree.\n\nAssistant: Oak",
    "rejected": "\n\nHuman: Name a tree.\n\nAssistant: Stone",
}
ALPACA = {"instruction": "Name a tree.", "input": "", "chosen": "Oak", "rejected": "Stone"}
CHOSEN = {
    "messages": [user("Name a tree.")],
    "chosen": assistant("Oak"),
    "rejected": assistant("Stone"),
}
SHARED = {
    "conversations": [{"from": "human", "value": "Name a tree."}],
    "chosen": {"from": "gpt", "value": "Oak"},
    "rejected": {"from": "gpt", "value": "Stone"},
}
REPEATED = IMPLICIT | {"prompt": "Name a tree."}
BATTLE = {
    "model_a": "m",
    "model_b": "n",
    "winner": "model_a",
    "conversation_a": [user("Name a tree."), assistant("Oak")],
    "conversation_b": [user("Name a tree."), assistant("Stone")],
}


@pytest.mark.parametrize(
    "row", [PAIR, CHAT, IMPLICIT, REPEATED, SPOKEN, ALPACA, CHOSEN, SHARED, BATTLE]
)
def test_each_kind_becomes_the_same_ranking(tmp_path: Path, row: dict[str, Any]) -> None:
    assert read(tmp_path, row) == [
        {
            "prompt": "Name a tree.",
            "responses": ["Oak", "Stone"],
            "ranks": [1, 2],
            "weight": 1.0,
            "vote_id": None,
            "rater": "",
            "category": "",
            "tags": "",
            "language": row.get("language", ""),
            "split": split_of("Name a tree."),
        }
    ]


def test_a_text_without_prompt_has_what_both_begin_with_in_whole_words(tmp_path: Path) -> None:
    (row,) = read(tmp_path, {"chosen": "The sky is blue.", "rejected": "The sky is black."})
    assert (row["prompt"], row["responses"]) == ("The sky is ", ["blue.", "black."])


def test_a_dialogue_is_cut_where_the_last_answers_begin(tmp_path: Path) -> None:
    before = "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: A tree?\n\nAssistant:"
    (row,) = read(tmp_path, {"chosen": f"{before} Oak", "rejected": f"{before} Stone"})
    assert row["prompt"] == [user("Hi"), assistant("Hello"), user("A tree?")]
    assert row["responses"] == ["Oak", "Stone"]
    assert row["split"] == split_of("Hi")


def test_dialogues_that_part_earlier_keep_what_follows(tmp_path: Path) -> None:
    (row,) = read(
        tmp_path,
        {
            "chosen": "\n\nHuman: Hi\n\nAssistant: Yes\n\nHuman: So?\n\nAssistant: Oak",
            "rejected": "\n\nHuman: Hi\n\nAssistant: No",
        },
    )
    assert row["prompt"] == "Hi"
    assert row["responses"] == [[assistant("Yes"), user("So?"), assistant("Oak")], "No"]


def test_equal_answers_are_no_preference(tmp_path: Path) -> None:
    same = "\n\nHuman: Hi\n\nAssistant: Yes"
    assert read(tmp_path, {"chosen": same, "rejected": same}) == []
    assert read(tmp_path, {"prompt": "Hi", "chosen": "Yes", "rejected": "Yes"}) == []


def test_ties_of_battles_tie(tmp_path: Path) -> None:
    (row,) = read(tmp_path, BATTLE | {"winner": "tie (bothbad)"})
    assert row["ranks"] == [1, 1]


PARTED = {
    "prompt": [
        {"role": "user", "content": [{"type": "text", "text": "Name a "}, {"text": "tree."}]}
    ],
    "chosen": [{"role": "assistant", "content": [{"type": "text", "text": "Oak"}]}],
    "rejected": [assistant("Stone")],
}
SEEN = {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is it?"}]}
CALLED = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}


def test_texts_in_parts_are_joined(tmp_path: Path) -> None:
    assert read(tmp_path, PARTED) == read(tmp_path, PAIR)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (CHAT | {"prompt": [SEEN]}, Skipped.PARTS),
        (PAIR | {"images": ["tree.png"]}, Skipped.PARTS),
        (CHAT | {"rejected": [CALLED]}, Skipped.TOOLS),
        (CHAT | {"prompt": [user("Hi"), {"role": "tool", "content": "9"}]}, Skipped.TOOLS),
        (BATTLE | {"conversation_a": [SEEN, assistant("Oak")]}, Skipped.PARTS),
        (BATTLE | {"conversation_b": [user("Name a tree."), CALLED]}, Skipped.TOOLS),
    ],
)
def test_turns_of_tools_and_parts_that_are_no_text_leave_a_row_out(
    tmp_path: Path, row: dict[str, Any], why: Skipped
) -> None:
    assert list(read_preferences(lines(tmp_path / "a.jsonl", row))) == [why]


def test_a_system_prompt_stays_before_the_conversation(tmp_path: Path) -> None:
    system = {"role": "system", "content": "Brief."}
    for row in (ALPACA, SHARED):
        (found,) = read(tmp_path, row | {"system": "Brief."})
        assert found["prompt"] == [system, user("Name a tree.")]


@pytest.mark.parametrize("other", [SPOKEN, ALPACA, BATTLE])
def test_rows_of_two_formats_are_told_from_each_other(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    path = lines(tmp_path / "a.jsonl", PAIR, other)
    with pytest.raises(FileError, match=r"Row 2 reads as [a-z-]+, the first one as trl\. Part"):
        list(read_preferences(path))


def test_a_format_that_is_given_holds_for_all_rows(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", PAIR, SPOKEN | {"prompt": "What was said?"})
    rows = [row for row in read_preferences(path, "trl") if not isinstance(row, Skipped)]
    assert rows[1]["responses"] == [SPOKEN["chosen"], SPOKEN["rejected"]]


def test_a_response_ends_with_the_assistant(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="Row 1: chosen does not end with the assistant"):
        read(tmp_path, CHAT | {"chosen": [user("Oak")]})


def test_an_export_for_llama_factory_is_read_again(tmp_path: Path) -> None:
    many_votes(6)
    path = tmp_path / "ours.jsonl"
    call_command("export_preferences", "--format", "llama-factory", "--output", str(path),
                 stderr=io.StringIO())  # fmt: skip
    ours = [json.loads(line) for line in path.read_text().splitlines()]
    read_again = [row for row in read_preferences(path) if not isinstance(row, Skipped)]
    assert ours
    assert [row["responses"][0] for row in read_again] == [row["chosen"]["content"] for row in ours]


def test_parquet_is_read_as_well(tmp_path: Path) -> None:
    path = tmp_path / "pairs.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([CHAT, CHAT]), path)
    found = [row for row in read_preferences(path) if not isinstance(row, Skipped)]
    assert [row["responses"] for row in found] == [["Oak", "Stone"]] * 2


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{", "Row 2.* not valid JSON"),
        ("[]", "Row 2 is not an object"),
        ('{"prompt": "Hi", "chosen": "secret"}', "Row 2 has neither chosen and rejected"),
        ('{"prompt": " ", "chosen": "secret", "rejected": "b"}', "Row 2: there is no prompt"),
        (
            '{"prompt": [{"role": "user"}], "chosen": [], "rejected": []}',
            "Row 2: chosen is neither",
        ),
        (
            '{"prompt": [{"role": "owl", "content": "secret"}], '
            '"chosen": [{"role": "assistant", "content": "a"}], '
            '"rejected": [{"role": "assistant", "content": "b"}]}',
            "Row 2: a message in prompt has a role",
        ),
    ],
)
def test_a_wrong_row_is_named_and_nothing_is_imported(
    tmp_path: Path, folders: Path, row: str, reason: str
) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text(f"{json.dumps(PAIR)}\n{row}\n{json.dumps(PAIR)}\n")
    with pytest.raises(CommandError, match=reason) as failure:
        call_command("import_preferences", str(path))
    assert "secret" not in str(failure.value)
    assert not Dataset.objects.exists()
    assert list((folders / "datasets").iterdir()) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ('{"text": "x"}\n', "neither chosen and rejected nor"),
        ('{"chosen": "\\n\\nHuman: x", "rejected": "y"}\n', "does not end with the assistant"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text(text)
    with pytest.raises(CommandError, match=reason):
        call_command("import_preferences", str(path))


def test_the_command_makes_a_dataset_that_training_takes(
    tmp_path: Path, base: Contender, stage: Callable[..., None]
) -> None:
    rows = [PAIR | {"prompt": f"Name tree {number}."} for number in range(40)]
    out = io.StringIO()
    call_command("import_preferences", str(lines(tmp_path / "mine.jsonl", *rows)), stdout=out)
    dataset = Dataset.objects.get()
    assert (dataset.state, dataset.rows, dataset.source) == (Job.State.SUCCEEDED, 40, "mine.jsonl")
    assert f"train reward --dataset {dataset.pk}" in out.getvalue()
    assert {path.name for path in dataset.folder.iterdir()} == {
        "train.jsonl", "test.jsonl", "manifest.json", "README.md",
    }  # fmt: skip
    call_command("train", "reward", "--dataset", str(dataset.pk), stdout=io.StringIO(),
                 stderr=io.StringIO())  # fmt: skip
    run = Run.objects.get()
    assert run.state == Job.State.SUCCEEDED, run.error
    trained_on = (run.folder / "rankings.jsonl").read_text().splitlines()
    assert len(trained_on) == 40
    assert json.loads(trained_on[0])["responses"] == ["Oak", "Stone"]


def test_rows_with_an_empty_response_are_skipped_and_counted(tmp_path: Path) -> None:
    silent = {"chosen": "\n\nHuman: Name a tree.\n\nAssistant:", "rejected": SPOKEN["rejected"]}
    path = lines(tmp_path / "pairs.jsonl", SPOKEN, silent, SPOKEN)
    dataset = services.import_preferences(path=path)
    assert (dataset.rows, dataset.votes, dataset.skipped) == (2, 3, 1)
    with pytest.raises(CommandError, match=r"No row .* Left out: 1 without texts\."):
        call_command("import_preferences", str(lines(tmp_path / "silent.jsonl", silent)))


EQUAL = {"prompt": "Hi", "chosen": "Yes", "rejected": "Yes\u0000"}
EMPTY = {"prompt": "Hi", "chosen": "Yes", "rejected": "\u0000\u0007 "}


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([EMPTY, EMPTY], r"one of two responses\. Left out: 2 without texts\."),
        ([EQUAL, EQUAL], r"Left out: 2 with two equal responses\."),
        ([EQUAL, EMPTY, EQUAL], r"Left out: 1 without texts, 2 with two equal responses\."),
    ],
)
def test_a_file_of_no_use_says_why(tmp_path: Path, rows: list[dict[str, Any]], reason: str) -> None:
    with pytest.raises(Invalid, match=reason):
        services.import_preferences(path=lines(tmp_path / "pairs.jsonl", *rows))
    assert not Dataset.objects.exists()


def test_equal_and_empty_rows_are_counted_apart(tmp_path: Path, operator_client: Client) -> None:
    dataset = services.import_preferences(
        path=lines(tmp_path / "pairs.jsonl", PAIR, EQUAL, EMPTY, EQUAL)
    )
    assert (dataset.rows, dataset.votes, dataset.skipped) == (1, 4, 1)
    page = re.sub(r"<[^>]+>", " ", operator_client.get(dataset.get_absolute_url()).content.decode())
    assert re.search(r"skipped, without texts\s+1\s+skipped, both responses the same\s+2", page)
    card = (dataset.folder / "README.md").read_text()
    assert "1 had no texts that fit this format, 2 had two equal responses" in card


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_control_characters_are_gone_before_anything_is_kept_shown_or_trained_on(
    tmp_path: Path,
    base: Contender,
    stage: Callable[..., None],
    operator_client: Client,
    suffix: str,
) -> None:
    rows = [
        {
            "prompt": f"Na\u0000me tree {number}.\u0007",
            "chosen": "O\u0000ak\u001b[31m",
            "rejected": "Stone\u0085",
        }
        for number in range(40)
    ]
    path = tmp_path / f"mi\u0007ne.{suffix}"
    if suffix == "parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        lines(path, *rows)
    dataset = services.import_preferences(path=path)
    dataset.refresh_from_db()
    assert dataset.source == f"mine.{suffix}"
    first = next(iter(dataset_rows(dataset)))
    assert re.fullmatch(r"Name tree \d+\.", first["prompt"])
    assert first["responses"] == ["Oak[31m", "Stone"]
    assert f"mine.{suffix}" in operator_client.get(dataset.get_absolute_url()).content.decode()
    run = services.create_run(stage="reward", dataset=dataset.pk)
    services.follow_run(run.pk, announce=services.announce_nothing)
    run.refresh_from_db()
    assert run.state == Job.State.SUCCEEDED, run.error
    trained_on = (run.folder / "rankings.jsonl").read_text()
    assert "\\u00" not in trained_on
    assert operator_client.get(run.get_absolute_url()).status_code == 200


def test_votes_of_others_with_control_characters_are_frozen_shown_and_trained_on(
    tmp_path: Path, base: Contender, stage: Callable[..., None], superuser_client: Client
) -> None:
    rows = [
        BATTLE
        | {
            "conversation_a": [user(f"Na\u0000me tree {number}."), assistant("O\u0000ak\u0007")],
            "conversation_b": [user(f"Na\u0000me tree {number}."), assistant("Stone")],
        }
        for number in range(30)
    ]
    path = lines(tmp_path / "votes.jsonl", *rows)
    call_command("import_votes", str(path), "--format", "lmsys", stdout=io.StringIO(),
                 stderr=io.StringIO())  # fmt: skip
    battle = Battle.objects.first()
    assert battle is not None
    assert "\0" not in battle.turns.get().prompt
    shown = superuser_client.get(f"/admin/arena/battle/{battle.pk}/change/")
    assert shown.status_code == 200
    run = services.create_run(stage="reward")
    services.follow_run(run.pk, announce=services.announce_nothing)
    run.refresh_from_db()
    assert run.state == Job.State.SUCCEEDED, run.error
    assert run.dataset is not None
    run.dataset.refresh_from_db()
    assert run.dataset.rows == 30
    assert "\\u0000" not in (run.folder / "rankings.jsonl").read_text()
    assert superuser_client.get(run.dataset.get_absolute_url()).status_code == 200
    builder = superuser_client.get("/lab/datasets/new/?format=ranking&population=people")
    assert "me tree" in builder.content.decode()


def test_half_characters_do_not_stop_an_import(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"prompt": "Hi\\ud800", "chosen": "a\\u0000", "rejected": "b"}\n')
    (row,) = dataset_rows(services.import_preferences(path=path))
    assert (row["prompt"], row["responses"]) == ("Hi", ["a", "b"])


def test_a_file_is_uploaded_on_the_page(operator_client: Client) -> None:
    file = SimpleUploadedFile("mine.jsonl", json.dumps(PAIR).encode())
    answer = operator_client.post("/lab/datasets/import/", {"file": file, "file_format": ""})
    dataset = Dataset.objects.get()
    assert answer["Location"] == dataset.get_absolute_url()
    assert (dataset.source, dataset.created_by is not None) == ("mine.jsonl", True)
    assert "mine.jsonl" in operator_client.get(answer["Location"]).content.decode()


def test_a_wrong_upload_is_explained_at_its_field(operator_client: Client) -> None:
    file = SimpleUploadedFile("mine.jsonl", b'{"chosen": 1, "rejected": 2}')
    answer = operator_client.post("/lab/datasets/import/", {"file": file, "file_format": ""})
    assert answer.status_code == 422
    assert "mine.jsonl was not imported. Row 1: chosen is neither" in answer.content.decode()
    assert not Dataset.objects.exists()


def test_an_upload_needs_the_token_of_its_page(operator_client: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = operator_client.cookies
    file = SimpleUploadedFile("mine.jsonl", json.dumps(PAIR).encode())
    answer = strict.post("/lab/datasets/import/", {"file": file, "file_format": ""})
    assert answer.status_code == 403
    assert not Dataset.objects.exists()
