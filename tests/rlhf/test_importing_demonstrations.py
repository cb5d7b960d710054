"""Files of responses to imitate: what becomes of each format, and what finetuning learns of it."""

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
from django.utils.text import slugify

from arena.errors import Invalid
from arena.importing.errors import FileError
from arena.models import Contender, Prompt, Turn
from rlhf import services
from rlhf.exporting import split_of
from rlhf.importing import Skipped, read_demonstrations
from rlhf.models import Dataset, Job, Run
from rlhf.selectors import dataset_rows
from rlhf.selectors.estimates import examples_of
from rlhf.services.preparing import HELD_OUT_PERCENT
from tests.rlhf.test_importing_texts import lines
from tests.rlhf.test_runs import follow
from tests.rlhf.votes import converse, many_votes, vote

pytestmark = pytest.mark.django_db


def said(*contents: str) -> list[dict[str, str]]:
    """What user and assistant said in turns."""
    return [
        {"role": ("user", "assistant")[place % 2], "content": content}
        for place, content in enumerate(contents)
    ]


def part(kind: str, **said: str) -> dict[str, str]:
    return {"type": kind, **said}


def messages(path: Path, file_format: str | None = None) -> list[Any]:
    rows = read_demonstrations(path, file_format)
    return [None if isinstance(row, Skipped) else row["messages"] for row in rows]


# --- what is read -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ({"messages": said("Hi", "Hello")}, said("Hi", "Hello")),
        ({"prompt": "Hi", "completion": "Hello", "url": "x"}, said("Hi", "Hello")),
        (
            {"prompt": said("Hi", "Hello", "Again"), "completion": said("", "Yes")[1:]},
            said("Hi", "Hello", "Again", "Yes"),
        ),
        ({"instruction": "Add.", "input": "1, 2", "output": "3"}, said("Add.\n\n1, 2", "3")),
        (
            {"instruction": "And?", "output": "C", "system": "Brief.", "history": [["A", "B"]]},
            [{"role": "system", "content": "Brief."}, *said("A", "B", "And?", "C")],
        ),
        (
            {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yes"}]},
            said("Hi", "Yes"),
        ),
    ],
)
def test_each_format_is_told_by_its_first_row(
    tmp_path: Path, row: dict[str, Any], found: list[Any]
) -> None:
    assert messages(lines(tmp_path / "a.jsonl", row)) == [found]
    array = tmp_path / "a.json"
    array.write_text(json.dumps([row]))
    assert messages(array) == [found]
    table = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row]), table)
    assert messages(table) == [found]


def test_a_conversation_goes_up_to_the_last_answer(tmp_path: Path) -> None:
    asked = {"messages": said("Hi", "Hello", "And then?")}
    silent = {"messages": said("Hi")}
    empty = {"messages": said("Hi", " ", "Still there?", "Yes")}
    unreadable = {"messages": said("Hi", "\u0000\u0007")}
    path = lines(tmp_path / "a.jsonl", asked, silent, empty, unreadable)
    assert messages(path) == [said("Hi", "Hello"), None, None, None]


def test_a_system_prompt_beside_the_messages_is_kept(tmp_path: Path) -> None:
    system = [{"role": "system", "content": "Brief."}]
    talk = said("Hi", "Hello")
    shared = {"conversations": spoken(("human", "Hi"), ("gpt", "Hello")), "system": "Brief."}
    assert messages(lines(tmp_path / "a.jsonl", shared)) == [system + talk]
    both = {"messages": system + talk, "system": "Other."}
    only = {"messages": talk, "system": " "}
    assert messages(lines(tmp_path / "b.jsonl", both, only)) == [system + talk, talk]


def test_texts_in_parts_are_joined(tmp_path: Path) -> None:
    talk = said("Hi there", "Hello")
    row = {
        "messages": [
            {"role": "user", "content": [part("text", text="Hi "), part("text", text="there")]},
            {"role": "assistant", "content": [{"text": "Hello"}]},
        ]
    }
    assert messages(lines(tmp_path / "a.jsonl", row)) == [talk]
    table = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row]), table)
    assert messages(table) == [talk]


CALL = {"type": "function", "function": {"name": "time", "arguments": "{}"}}


def spoken(*turns: tuple[str, str]) -> list[dict[str, str]]:
    return [{"from": speaker, "value": value} for speaker, value in turns]


TOOLS = [
    {"messages": [*said("Time?"), {"role": "assistant", "tool_calls": [CALL]}]},
    {"messages": [*said("Time?", "Look"), {"role": "tool", "content": "9"}, *said("", "9")[1:]]},
    {"messages": [*said("Time?"), {"role": "assistant", "content": [part("tool_use", id="1")]}]},
    {"prompt": "Time?", "completion": [{"role": "assistant", "function_call": {"name": "time"}}]},
    {"conversations": spoken(("human", "Time?"), ("function_call", "{}"), ("observation", "9"))},
]
PARTS = [
    {"messages": [{"role": "user", "content": [part("image"), part("text", text="Who?")]}]},
    {"messages": [{"role": "user", "content": [{"image_url": "x"}]}, *said("", "A cat")[1:]]},
    {"messages": said("Who is it?", "A cat"), "images": ["cat.png"]},
    {"instruction": "Listen.", "output": "A song", "audios": ["song.wav"]},
]


@pytest.mark.parametrize(
    ("row", "why"),
    [*((row, Skipped.TOOLS) for row in TOOLS), *((row, Skipped.PARTS) for row in PARTS)],
)
def test_turns_of_tools_and_parts_that_are_no_text_leave_a_row_out(
    tmp_path: Path, row: dict[str, Any], why: Skipped
) -> None:
    assert list(read_demonstrations(lines(tmp_path / "a.jsonl", row))) == [why]


def test_declared_tools_and_calls_of_none_do_no_harm(tmp_path: Path) -> None:
    talk = [one | {"tool_calls": None} for one in said("Hi", "Hello")]
    path = lines(tmp_path / "a.jsonl", {"messages": talk, "tools": [CALL], "images": []})
    assert messages(path) == [said("Hi", "Hello")]


def test_what_is_left_out_is_counted_with_its_reason(
    tmp_path: Path, operator_client: Client
) -> None:
    rows = [{"messages": said("Hi", "Hello")}, *TOOLS[:2], PARTS[0], {"messages": said("Hi")}]
    path = lines(tmp_path / "a.jsonl", *rows, {"messages": said("Hi", "Yes")})
    dataset = services.import_demonstrations(path=path)
    assert (dataset.rows, dataset.votes, dataset.skipped) == (2, 6, 1)
    page = re.sub(r"<[^>]+>", " ", operator_client.get(dataset.get_absolute_url()).content.decode())
    assert re.search(
        r"skipped, with turns of tools\s+2\s+skipped, with images, sounds .*\s+1", page
    )
    card = (dataset.folder / "README.md").read_text()
    assert "this format, 2 had turns of tools, 1 had images, sounds or other parts" in card
    with pytest.raises(Invalid, match=r"has 1\. Left out: 2 with turns of tools, 1 with images,"):
        services.import_demonstrations(path=lines(tmp_path / "b.jsonl", *rows[:4]))


def test_texts_are_made_fit_and_the_first_prompt_decides_the_side(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"prompt": "Hi\\ud800", "completion": "a\\u0000\\r\\nb"}\n')
    (row,) = read_demonstrations(path)
    assert row == {"messages": said("Hi", "a\nb"), "split": split_of("Hi")}


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({"text": "a"}, "Row 1 has none of these: messages; completion, prompt;"),
        ({"messages": "secret"}, "Row 1: messages is neither a text nor a list"),
        ({"messages": [{"role": "user"}]}, "a message in messages lacks role or content"),
        (
            {"messages": [{"role": "owl", "content": "secret"}]},
            "role that is none of system,",
        ),
        ({"messages": [{"role": "user", "content": 5}]}, "content that is no text"),
        ({"messages": [{"role": "user", "content": ["secret"]}]}, "content that is no text"),
        ({"messages": [{"role": "user", "content": [part("text")]}]}, "content that is no text"),
        ({"messages": said("Hi", "Hello")[1:]}, "no prompt before the first answer"),
        ({"prompt": 5, "completion": "a"}, "prompt is neither a text nor a list"),
        ({"prompt": " ", "completion": "a"}, "no prompt before the first answer"),
        ({"prompt": "a", "completion": None}, "completion is neither a text nor a list"),
        ({"instruction": ["secret"], "output": "a"}, "instruction is no text"),
        ({"instruction": "a", "output": "b", "history": [["c"]]}, "history is no list of pairs"),
        (
            {"conversations": [{"from": "bot", "value": "secret"}]},
            "from that is none of system,",
        ),
        (
            {"conversations": [{"from": ["x"], "value": "secret"}]},
            "from that is none of system,",
        ),
    ],
)
def test_a_wrong_row_is_named_and_never_quoted(
    tmp_path: Path, row: dict[str, Any], what: str
) -> None:
    with pytest.raises(FileError) as wrong:
        list(read_demonstrations(lines(tmp_path / "a.jsonl", row)))
    assert what in str(wrong.value)
    assert "secret" not in str(wrong.value)


def test_a_format_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", {"messages": said("Hi", "Hello")})
    with pytest.raises(FileError, match="Unknown format 'chatml': say messages, prompt-"):
        list(read_demonstrations(path, "chatml"))
    with pytest.raises(FileError, match="Row 1 lacks output"):
        list(read_demonstrations(lines(tmp_path / "b.jsonl", {"instruction": 1}), "alpaca"))


# --- what is kept -------------------------------------------------------------------------


def test_each_conversation_is_kept_once(tmp_path: Path) -> None:
    one, other = {"messages": said("Hi", "Hello")}, {"messages": said("Hi", "Go away")}
    path = lines(tmp_path / "mine.jsonl", one, other, one, {"messages": said("Hi")})
    dataset = services.import_demonstrations(path=path)
    assert [row["messages"] for row in dataset_rows(dataset)] == [
        said("Hi", "Hello"),
        said("Hi", "Go away"),
    ]
    assert (dataset.format, dataset.source, dataset.votes) == ("trl-sft", "mine.jsonl", 4)
    assert (dataset.rows, dataset.skipped) == (2, 1)
    card = (dataset.folder / "README.md").read_text()
    assert "From 4 rows of mine.jsonl, of which 1 had no texts that fit this format and 1" in card


def test_a_wrong_file_leaves_nothing(tmp_path: Path) -> None:
    good = {"messages": said("Hi", "Hello")}
    with pytest.raises(Invalid, match=r"mine was not imported\. Row 2 lacks|mine was not.*Row 2"):
        services.import_demonstrations(
            path=lines(tmp_path / "a.jsonl", good, {"prompt": 1}), name="mine"
        )
    with pytest.raises(Invalid, match=r"At least 2 different conversations .* has 1"):
        services.import_demonstrations(path=lines(tmp_path / "b.jsonl", good, good))
    assert not Dataset.objects.exists()


def test_the_command_makes_a_dataset_or_says_why_not(tmp_path: Path, capsys: Any) -> None:
    rows = [{"prompt": f"Say {n}.", "completion": str(n)} for n in range(3)]
    call_command("import_demonstrations", str(lines(tmp_path / "a.jsonl", *rows)))
    assert "3 conversations" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no file"):
        call_command("import_demonstrations", str(tmp_path / "none.jsonl"))


def test_an_upload_becomes_a_dataset_that_the_update_form_offers(
    operator_client: Client, base: Contender, library: list[Prompt]
) -> None:
    content = "".join(
        json.dumps({"prompt": f"Say {n}.", "completion": str(n)}) + "\n" for n in range(3)
    )
    file = SimpleUploadedFile("mine.jsonl", content.encode())
    address = "/lab/datasets/import-demonstrations/"
    answer = operator_client.post(address, {"demonstrations-file": file})
    dataset = Dataset.objects.get()
    assert answer["Location"] == dataset.get_absolute_url()
    page = operator_client.get(answer["Location"]).content.decode()
    assert "mine.jsonl" in page
    assert "Votes read" not in page
    form = operator_client.post("/lab/method/", {"update-stage": "sft"}).content.decode()
    assert f"{dataset.pk}: mine.jsonl" in form


@pytest.mark.parametrize(("rows", "warned"), [(9, True), (150, False)])
def test_that_examples_are_too_few_is_said_with_the_estimate(
    operator_client: Client, base: Contender, library: list[Prompt], tmp_path: Path,
    rows: int, warned: bool,
) -> None:  # fmt: skip
    chats = [{"prompt": f"Say {n}.", "completion": str(n)} for n in range(rows)]
    dataset = services.import_demonstrations(path=lines(tmp_path / "few.jsonl", *chats))
    chosen = {
        "update-stage": "sft", "update-base": base.pk, "update-dataset": dataset.pk,
        "update-population": "people", "update-preset": "standard",
    }  # fmt: skip
    page = operator_client.post("/lab/estimate/", chosen).content.decode()
    trains = rows - (dataset.test_rows or 0)
    said = f"There are only {trains} examples to learn from. With fewer than 100 expect little"
    assert (said in page) == warned
    assert bool(services.create_run(stage="sft", dataset=dataset.pk).notes) == warned


def test_a_wrong_upload_is_told_beside_its_field(operator_client: Client) -> None:
    file = SimpleUploadedFile("mine.jsonl", b'{"text": "a"}')
    address = "/lab/datasets/import-demonstrations/"
    answer = operator_client.post(address, {"demonstrations-file": file})
    assert answer.status_code == 422
    assert "mine.jsonl was not imported. Row 1 has none" in answer.content.decode()
    assert operator_client.post(address, {}).status_code == 422


# --- what finetuning learns of it ---------------------------------------------------------


def trained_on(run: Run) -> list[dict[str, Any]]:
    """What the process got to imitate."""
    assert follow(run).state == Job.State.SUCCEEDED
    path = run.folder / "demonstrations.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def sides(text: str) -> str:
    return split_of(text, HELD_OUT_PERCENT)


def test_every_answer_is_learnt_with_what_came_before_it(
    stage: Callable[..., None], base: Contender, library: list[Prompt], tmp_path: Path
) -> None:
    asked = [text for n in range(40) if sides(text := f"Question {n}?") == "train"][:3]
    for_testing = next(text for n in range(400) if split_of(text := f"Question {n}?") == "test")
    held_out = next(
        text
        for n in range(400)
        if sides(text := f"Question {n}?") == "test" and split_of(text) == "train"
    )
    Prompt.objects.create(slug="held-out", text=held_out.upper())
    rows = [
        {"messages": said(asked[0], "One", "And?", "Two")},
        {"messages": [{"role": "system", "content": "Shout."}, *said(asked[1], "THREE")]},
        {"messages": said(held_out, "Four")},
        {"messages": said(for_testing, "Five")},
    ]
    dataset = services.import_demonstrations(path=lines(tmp_path / "a.jsonl", *rows))
    found = trained_on(services.create_run(stage="sft", dataset=dataset.pk))
    assert [(row["prompt"], row["response"]) for row in found] == [
        (said(asked[0]), "One"),
        (said(asked[0], "One", "And?"), "Two"),
        ([{"role": "system", "content": "Shout."}, *said(asked[1])], "THREE"),
    ]
    assert all(row["system"] == base.system_prompt for row in found)


def test_conversations_that_raters_put_first_are_learnt_whole(
    stage: Callable[..., None], base: Contender, library: list[Prompt]
) -> None:
    many_votes(25)
    first = next(text for n in range(40) if sides(text := f"Long talk {n}") == "train")
    talk = converse([first, "And then?"], {"amber": ["A1", "A2"], "birch": ["B1", "B2"]})
    vote(talk, [2, 1])
    found = trained_on(services.create_run(stage="sft"))
    talked = [(row["prompt"], row["response"]) for row in found if row["response"][0] == "B"]
    assert talked == [(said(first), "B1"), (said(first, "B1", "And then?"), "B2")]


def test_no_update_learns_from_a_prompt_on_which_it_meets_its_base(
    stage: Callable[..., None], base: Contender, library: list[Prompt]
) -> None:
    many_votes(200)
    for text in set(Turn.objects.values_list("prompt", flat=True)):
        Prompt.objects.create(slug=slugify(text), text=text)
    found = trained_on(services.create_run(stage="sft"))
    asked = [row["prompt"][0]["content"] for row in found]
    assert asked
    assert all(sides(text) == "train" for text in asked)
    run = follow(services.create_run(stage="dpo"))
    rows = [json.loads(one) for one in (run.folder / "rankings.jsonl").read_text().splitlines()]
    assert rows
    assert all(sides(row["prompt"]) == "train" for row in rows)


def test_other_stages_say_what_they_read(
    base: Contender, library: list[Prompt], tmp_path: Path
) -> None:
    rows = [{"prompt": f"Say {n}.", "completion": str(n)} for n in range(40)]
    dataset = services.import_demonstrations(path=lines(tmp_path / "a.jsonl", *rows))
    with pytest.raises(Invalid, match=r"learns from rankings.*: Demonstrations \(SFT\)"):
        services.create_run(stage="reward", dataset=dataset.pk)
    texts = services.import_texts(path=lines(tmp_path / "b.jsonl", {"text": "a"}, {"text": "b"}))
    with pytest.raises(Invalid, match=r"learns from rankings or demonstrations.*: Text"):
        services.create_run(stage="sft", dataset=texts.pk)


def test_the_page_of_a_dataset_shows_its_first_rows(
    operator_client: Client, tmp_path: Path
) -> None:
    rows = [
        {"prompt": f"Say {n}.", "completion": f"<b>{n}</b> " + "word " * 2_000} for n in range(9)
    ]
    dataset = services.import_demonstrations(path=lines(tmp_path / "a.jsonl", *rows))
    page = operator_client.get(dataset.get_absolute_url()).content.decode()
    assert page.count("row-preview") == 5
    assert "&lt;b&gt;" in page
    assert len(page) < 40_000
    dataset.files[0].unlink()
    assert "row-preview" not in operator_client.get(dataset.get_absolute_url()).content.decode()


def test_an_estimate_leaves_out_what_training_leaves_out(
    base: Contender, library: list[Prompt], tmp_path: Path
) -> None:
    rows = [{"prompt": f"Say {n}.", "completion": str(n)} for n in range(9)]
    long = {"prompt": "Go on.", "completion": "word " * 100_000}
    some = services.import_demonstrations(path=lines(tmp_path / "a.jsonl", *rows))
    more = services.import_demonstrations(path=lines(tmp_path / "b.jsonl", *rows, long))
    one, other = (examples_of(Run(stage="sft", dataset=made)) for made in (some, more))
    assert other.response_tokens == one.response_tokens
    assert other.longest_row == one.longest_row


def test_a_format_that_the_file_does_not_have_is_told_by_its_columns(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", {"prompt": "Hi", "completion": "Hello"})
    with pytest.raises(FileError, match=r"Row 1 lacks messages \(read as messages\); it has: "):
        list(read_demonstrations(path, "messages"))
