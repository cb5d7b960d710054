"""Files as operators bring them: what is wrong is told in the page's language, nothing is lost."""

import errno
import gzip
import io
import json
import os
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from arena.errors import Invalid
from arena.importing.errors import FileError, Phrase, RowError
from config import messages
from rlhf import services
from rlhf.models import Dataset

pytestmark = pytest.mark.django_db
PAIR = {"prompt": "Name a tree.", "chosen": "Oak", "rejected": "Stone"}
BATTLE = {
    "model_a": "m",
    "model_b": "n",
    "winner": "model_a",
    "prompt": '["Hi"]',
    "response_a": '["a"]',
    "response_b": '["b"]',
}
TALK = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]


def csv(**cells: str) -> str:
    row = {name: value.replace('"', '""') for name, value in (BATTLE | cells).items()}
    return ",".join(row) + "\n" + ",".join(f'"{value}"' for value in row.values()) + "\n"


ONLY_BATTLES = (
    "Preferences are read from JSON Lines, JSON or Parquet; from CSV only battles, with the "
    "columns model_a and model_b."
)
# Which form, the file's name, what is in it, and what is said of it.
TROUBLE: list[tuple[str, str, Any, str]] = [
    ("import", "a.jsonl", " \n", "The file is empty."),
    ("import", "a.json", "[]", "The file has no rows."),
    ("import", "a.jsonl", {"text": "x"}, "Row 1 has neither chosen and rejected nor model_a"),
    ("import", "a.jsonl", "{}", "model_a and model_b; it has: nothing."),
    ("import", "a.jsonl", '{"chosen": "a", x}', "valid JSON from its character 17 on. Each line"),
    (
        "import",
        "a.json",
        f'[{json.dumps(PAIR)}, {{"b" 2}}]',
        "Row 2 is not valid JSON from its character 6 on.",
    ),
    ("import", "a.json", json.dumps([PAIR])[:-1], "The array does not end with “]”"),
    ("import", "a.json", json.dumps([PAIR]) + "x", "There is something after the array's end."),
    ("import", "a.jsonl", '{"a":' + "[" * 100_000, "it is nested too deeply."),
    ("import", "a.jsonl", '{"a": 1' + "0" * 5_000 + "}", "a number is too long."),
    ("import", "a.jsonl", "[1]", "Row 1 is not an object."),
    ("import", "a.jsonl", b"\xff\xfe{\x00", "The file is a binary file."),
    ("import", "a.jsonl", PAIR | {"rejected": 1}, "Row 1: rejected is no text."),
    ("import", "a.jsonl", PAIR | {"prompt": ""}, "Row 1: there is no prompt."),
    ("import", "a.jsonl", PAIR | {"chosen": [], "rejected": []}, "nor a list of chat messages."),
    ("import", "a.jsonl", PAIR | {"prompt": [{}]}, "in prompt lacks role or content."),
    ("import", "a.jsonl", {"chosen": TALK, "rejected": TALK + TALK}, "Row 1: chosen or rejected"),
    ("import", "a.jsonl", {"chosen": "\n\nHuman: a", "rejected": ""}, "end with the assistant."),
    ("import", "a.jsonl", {"chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": ""}, "begin with"),
    ("import", "a.parquet", "PAR1 and no more", "The file cannot be read as Parquet"),
    ("import", "a.csv", "model_a,b\n", "The file lacks the columns model_b; it has: model_a, b."),
    ("import", "a.csv", "prompt,chosen,rejected\n", f"chosen, rejected. {ONLY_BATTLES}"),
    (
        "import",
        "a.csv",
        "prompt;chosen;rejected\na;b;c\n",
        "The only column of the file is prompt;chosen;rejected: columns have to be parted by "
        f"commas, not by semicolons. {ONLY_BATTLES}",
    ),
    ("import", "a.csv", "model_a\tmodel_b\n", f"not by tabs. {ONLY_BATTLES}"),
    ("import-demonstrations", "a.csv", "prompt,completion\n", "CSV is not read here. Bring"),
    ("import", "a.csv", "model_a,model_b,model_a\n", "The header names model_a more than once."),
    (
        "import",
        "a.csv",
        "model_a,model_b\nx\n",
        "Row 1 (line 2): there are 1 cells, but 2 columns.",
    ),
    ("import", "a.csv", 'model_a,model_b\n"x', "Row 1 is not valid CSV: a quotation mark"),
    ("import", "a.csv", csv(model_a="n"), "model_a and model_b are both 'n'."),
    ("import", "a.csv", csv(model_a=""), "Row 1 (line 2): model_a is empty."),
    ("import", "a.csv", csv(model_a="x" * 121), "model_a has 121 characters, more than 120."),
    ("import", "a.csv", csv(winner="me"), "winner 'me' is unknown: say model_a, model_b, tie"),
    ("import", "a.csv", csv(prompt="[1]"), "are not all lists of texts."),
    ("import", "a.csv", csv(prompt="[]"), "differ in length (0, 1, 1)."),
    ("import", "a.csv", csv(prompt="x"), "prompt is not JSON."),
    ("import", "a.csv", csv(prompt="{}"), "prompt is not a list."),
    ("import", "a.csv", csv(tstamp="noon"), "timestamp 'noon' is neither seconds since 1970"),
    ("import", "a.csv", csv(tstamp="5"), "timestamp '5' is not between 1990 and 2100."),
    ("import", "a.csv", csv(anony="so"), "'so' is neither true nor false (1 nor 0)."),
    ("import", "a.csv", "model_a,model_b\nm,n\n", "there is neither winner nor winner_model_a"),
    (
        "import",
        "a.csv",
        "model_a,model_b,winner_model_a,winner_model_b,winner_tie\nm,n,0,0,0\n",
        "exactly one of winner_model_a, winner_model_b, winner_tie has to be 1.",
    ),
    ("import", "a.jsonl", BATTLE | {"model_a": "\ud800"}, "that is no text: '\\ud800'."),
    ("import", "a.txt", BATTLE, "The name of the file must end in .jsonl, .json, .csv"),
    ("import-demonstrations", "a.jsonl", {"text": "x"}, "Row 1 has none of these: messages;"),
    ("import-demonstrations", "a.jsonl", {"messages": [{}]}, "messages lacks role or content."),
    ("import-demonstrations", "a.jsonl", {"messages": TALK[1:]}, "before the first answer."),
    (
        "import-demonstrations",
        "a.jsonl",
        {"messages": [{"role": "owl", "content": ""}]},
        "a message in messages has a role that is none of system, user, assistant.",
    ),
    (
        "import-demonstrations",
        "a.jsonl",
        {"messages": [{"role": "user", "content": 5}]},
        "a message in messages has a content that is no text.",
    ),
    (
        "import-demonstrations",
        "a.jsonl",
        {"instruction": "a", "output": "b", "history": [1]},
        "Row 1: history is no list of pairs of texts.",
    ),
    (
        "import-demonstrations",
        "a.jsonl",
        json.dumps({"messages": TALK}) + '\n{"prompt": ""}',
        "Row 2 lacks messages (read as messages); it has: prompt.",
    ),
    ("import-demonstrations", "a.jsonl", {"messages": TALK}, "At least 2 different conversations"),
    ("import-text", "a.jsonl", {"txt": "x"}, "Row 1 lacks text; it has: txt."),
    ("import-text", "a.jsonl", {"text": 1}, "Row 1: text is no text."),
    ("import-text", "a.txt", "x" * 2_000_001, "Document 1 has 2000001 characters; at most 2000000"),
    ("import-text", "a.txt", "x", "At least 2 different documents are needed, since some are"),
    ("import-text", "a.pdf", "x", "it must end in one of .txt, .md, .jsonl"),
]


def written(content: Any) -> bytes:
    if isinstance(content, dict):
        content = json.dumps(content)
    return content.encode() if isinstance(content, str) else bytes(content)


@pytest.fixture(scope="module")
def catalogue() -> set[str]:
    return {str(message.id) for message in messages.collected() if message.id}


@pytest.mark.parametrize(("form", "name", "content", "said"), TROUBLE)
def test_a_wrong_file_is_told_in_a_sentence_that_can_be_translated(
    operator_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    catalogue: set[str],
    form: str,
    name: str,
    content: Any,
    said: str,
) -> None:
    asked: list[str] = []

    def translate(text: str) -> str:
        asked.append(text)
        return text

    monkeypatch.setattr("rlhf.services.importing._", translate)
    field = {"import": "file"}.get(form, f"{form.removeprefix('import-')}-file")
    answer = operator_client.post(
        f"/lab/datasets/{form}/", {field: SimpleUploadedFile(name, written(content))}
    )
    assert answer.status_code == 422
    forms = answer.context["imports"].values()
    (reason,) = (error for one in forms for error in one.errors.get("file", []))
    assert reason.startswith(f"{name} was not imported. ")
    assert said in reason
    assert reason.endswith(".")
    assert set(asked) <= catalogue
    assert len(asked) > 1
    assert not Dataset.objects.exists()


def test_a_page_says_it_in_its_own_language(operator_client: Client) -> None:
    file = SimpleUploadedFile("mine.jsonl", b'{"chosen": 1, "rejected": 2}')
    answer = operator_client.post(
        "/lab/datasets/import/", {"file": file}, headers={"Accept-Language": "de"}
    )
    assert "mine.jsonl wurde nicht importiert. Zeile 1" in answer.content.decode()


def test_an_error_is_english_until_it_is_put_into_another_language() -> None:
    german = {"Row %(number)s": "Zeile %(number)s", "%(name)s is no text": "%(name)s ist kein Text"}
    error: FileError = RowError("%(name)s is no text", name="chosen").of(
        Phrase("Row %(number)s", number=3)
    )
    assert str(error) == "Row 3: chosen is no text."
    assert error.put(lambda text: german.get(text, text)) == "Zeile 3: chosen ist kein Text."


# --- what operators bring ------------------------------------------------------------------

ROWS = "".join(json.dumps(PAIR | {"prompt": f"Name tree {n}."}) + "\n" for n in range(40))
BAD = b'{"prompt": "Gr\xf6\xdfe"}\n'


def parquet(**columns: Any) -> bytes:
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), sink)
    return sink.getvalue()


def not_utf8() -> pyarrow.Array:
    ends, data = pyarrow.py_buffer(b"\0\0\0\0\2\0\0\0"), pyarrow.py_buffer(b"\xff\xfe")
    return pyarrow.Array.from_buffers(pyarrow.string(), 1, [None, ends, data])


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + ROWS.encode(),
        ROWS.replace("\n", "\r\n").encode(),
        ROWS.replace("\n", "\r").encode(),
        b"\n \r\n" + ROWS.replace("\n", "\n\n").encode(),
        b"\xef\xbb\xbf[" + ROWS.strip().replace("\n", ",\r\n").encode() + b"]\n\n",
    ],
)
def test_marks_and_line_ends_of_other_systems_do_no_harm(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    dataset = services.import_preferences(path=path)
    assert (dataset.rows, dataset.votes, dataset.skipped) == (40, 40, 0)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.jsonl", gzip.compress(ROWS.encode()), "The file is compressed. Unpack it first."),
        ("a.parquet", gzip.compress(ROWS.encode()), "cannot be read as Parquet"),
        ("a.jsonl", parquet(prompt=["a"]), "is Parquet: its name has to end in .parquet."),
        ("a.parquet", parquet(prompt=["a"]), "Row 1 has neither chosen and rejected nor"),
        ("a.parquet", parquet(prompt=[]), "The file has no rows."),
        ("a.parquet", parquet(chosen=["a"], rejected=["b"])[:99], "cannot be read as Parquet"),
        ("a.parquet", parquet(chosen=["a"], rejected=not_utf8()), "values that cannot be read."),
        ("a.jsonl", ROWS.encode() + BAD + ROWS.encode(), "see byte 0xf6 in line 41."),
        ("a.jsonl", ROWS.encode() * 400 + BAD, "see byte 0xf6 in line 16001."),
        ("a.jsonl", b"\n\n" + ROWS.encode() + b"\n{\n", "Row 41 (line 44) is not valid JSON"),
        ("a.jsonl", ROWS + "{oops\n" + ROWS, "Row 41 is not valid JSON from its character 2 on."),
        ("a.json", f"[{json.dumps(PAIR)}, {{oops}}, {ROWS * 400}", "Row 2 is not valid JSON from"),
        ("a.jsonl", '{\n"chosen": "a"\n}', "Each line has to be one object."),
        ("a.jsonl", ROWS + '{"chosen": 1, "chosen": 2}', "Row 41: it names chosen more than once."),
        ("a.json", '[{"prompt": [{"role": 1, "role": 2}]}]', "it names role more than once."),
        ("a.jsonl", '{"prompt": "a\0"}', "The file is a binary file."),
        ("a.jsonl", ROWS * 400 + '{"prompt": "a\0"}', "Row 16001 is not valid JSON from its"),
        ("a.jsonl", '{"\\ud800\\u001b[31m": 1}', "it has: [31m."),
        ("a.jsonl", BATTLE | {"tstamp": 10**400}, "is neither seconds since 1970 nor ISO 8601."),
        ("a.jsonl", BATTLE | {"prompt": "[" * 100_000}, "prompt is not JSON."),
        (
            "a.jsonl",
            {"model_a": "m", "model_b": "n", "conversation_a": [{"role": ["user"]}]},
            "conversation_a has a message of role '['user']': say user or assistant.",
        ),
        (
            "a.jsonl",
            {"instruction": "a", "chosen": "b", "rejected": "c", "history": 5},
            "Row 1: history is no list of pairs of texts.",
        ),
    ],
)
def test_a_file_with_something_wrong_in_it_is_told_and_nothing_is_imported(
    tmp_path: Path, folders: Path, name: str, content: Any, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(written(content))
    with pytest.raises(CommandError) as wrong:
        call_command("import_preferences", str(path))
    assert said in str(wrong.value)
    assert not Dataset.objects.exists()
    assert list((folders / "datasets").iterdir()) == []


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_a_huge_row_is_not_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("arena.importing.files._CELL_MAX", 3 * 1024**2)
    path = tmp_path / name
    rows = [PAIR, PAIR | {"chosen": "x" * 20 * 1024**2}]
    path.write_text(json.dumps(rows) if name == "a.json" else "\n".join(map(json.dumps, rows)))
    with pytest.raises(Invalid, match="Row 2 is larger than 3 MB"):
        services.import_preferences(path=path)


def test_what_a_killed_import_left_is_removed_a_day_later(tmp_path: Path, folders: Path) -> None:
    old, alive = (folders / "datasets" / f".import-{name}.partial" for name in ("old", "alive"))
    for folder in (old, alive):
        folder.mkdir(parents=True)
        (folder / "train.jsonl").write_text("{")
        os.utime(folder, (0, 0))
    os.utime(old / "train.jsonl", (0, 0))
    path = tmp_path / "a.jsonl"
    path.write_text(ROWS)
    services.import_preferences(path=path)
    assert not old.exists()
    assert alive.exists()


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("rlhf.services.importing.write_folder", full)
    path = tmp_path / "a.jsonl"
    path.write_text(ROWS)
    with pytest.raises(Invalid, match="The disk is full, so nothing was imported"):
        services.import_preferences(path=path)
    assert not Dataset.objects.exists()
