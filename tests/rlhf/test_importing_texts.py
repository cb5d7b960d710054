"""Text files: what becomes of each kind, and that a wrong one leaves nothing."""

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from arena.errors import Invalid
from rlhf import services
from rlhf.exporting import split_of
from rlhf.importing import Skipped, read_texts
from rlhf.importing.texts import PASSAGE
from rlhf.models import Dataset, Job
from rlhf.selectors import dataset_rows

pytestmark = pytest.mark.django_db


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path) -> list[str | None]:
    """The documents, None for one that is left out."""
    return [None if isinstance(row, Skipped) else row["text"] for row in read_texts(path)]


def lines(path: Path, *rows: Any) -> Path:
    return write(path, "".join(json.dumps(row) + "\n" for row in rows))


# --- what is read -------------------------------------------------------------------------


def test_plain_text_is_parted_where_it_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "One.\n\nStill one.\n<|endoftext|>\nTwo.\n<|endoftext|>\n \n")
    assert read(path) == ["One.\n\nStill one.", "Two.", None]


def test_else_paragraphs_are_gathered_into_passages(tmp_path: Path) -> None:
    paragraph = "word " * 100
    path = write(tmp_path / "a.md", "\n\n".join([paragraph] * 20))
    found = read(path)
    assert len(found) > 1
    assert all(text is not None and len(text) >= PASSAGE for text in found[:-1])
    assert " ".join(str(text) for text in found).split() == ["word"] * 2_000


def test_rows_give_their_text_and_nothing_else(tmp_path: Path) -> None:
    rows = [{"text": "One.", "url": "x"}, {"text": " "}, {"text": None}, {"text": "a\r\nb\0"}]
    assert read(lines(tmp_path / "a.jsonl", *rows)) == ["One.", None, None, "a\nb"]
    parquet = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": ["One.", "Two."], "n": [1, 2]}), parquet)
    assert read(parquet) == ["One.", "Two."]
    array = write(tmp_path / "a.json", json.dumps(rows[:1]))
    assert read(array) == ["One."]


# --- what becomes of it -------------------------------------------------------------------


def test_documents_become_a_frozen_dataset_split_by_their_text(tmp_path: Path) -> None:
    texts = [f"Document number {n}." for n in range(60)]
    rows = [{"text": text} for text in [*texts, " ", "document  NUMBER 3."]]
    dataset = services.import_texts(path=lines(tmp_path / "mine.jsonl", *rows))
    assert (dataset.state, dataset.format, dataset.source) == (
        Job.State.SUCCEEDED,
        "text",
        "mine.jsonl",
    )
    assert (dataset.votes, dataset.skipped, dataset.rows) == (62, 1, 60)
    assert 0 < (dataset.test_rows or 0) < 20
    found = list(dataset_rows(dataset))
    assert {row["text"] for row in found} == set(texts)
    assert all(row["split"] == split_of(row["text"]) for row in found)
    card = (dataset.folder / "README.md").read_text()
    assert "62 documents of mine.jsonl, of which 1 had no texts that fit this format and 1" in card
    assert "SHA-256 of the document" in card


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.jsonl", '{"text": "a"}\n{"txt": "b"}\n', "Row 2 lacks text"),
        ("a.jsonl", '{"text": "a"}\n{"text": 3}\n', "Row 2: text is no text"),
        ("a.jsonl", '{"text": "a"}\nnot json\n', "Row 2 is not valid JSON"),
        ("a.jsonl", "", "The file is empty"),
        ("a.txt", "", "At least 2 .* has 0"),
        ("a.txt", "Only one.", "At least 2 .* has 1"),
        ("a.jsonl", '{"text": "Same."}\n{"text": "same. "}\n', "At least 2 .* has 1"),
        ("a.parquet", "not parquet", "cannot be read as Parquet"),
        ("a.pdf", "%PDF", "must end in one of .txt"),
        ("a.txt", "a\0b", "is a binary file"),
    ],
)
def test_a_wrong_file_is_refused_and_leaves_nothing(
    tmp_path: Path, folders: Path, name: str, content: str, reason: str
) -> None:
    with pytest.raises(Invalid, match=reason):
        services.import_texts(path=write(tmp_path / name, content))
    assert not Dataset.objects.exists()
    assert list((folders / "datasets").iterdir()) == []


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("Größe\n".encode("latin-1") * 2_000)
    with pytest.raises(Invalid, match="is not UTF-8"):
        services.import_texts(path=path)


def test_a_huge_document_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlhf.importing.texts.LONGEST", 5)
    with pytest.raises(Invalid, match="Row 2 has 6 characters; at most 5 fit"):
        services.import_texts(
            path=lines(tmp_path / "a.jsonl", {"text": "12345"}, {"text": "123456"})
        )


# --- entrances ----------------------------------------------------------------------------


def test_the_command_makes_a_dataset_or_says_why_not(tmp_path: Path, capsys: Any) -> None:
    call_command("import_texts", str(lines(tmp_path / "a.jsonl", {"text": "a"}, {"text": "b"})))
    assert "2 documents" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no file"):
        call_command("import_texts", str(tmp_path / "none.txt"))


def test_an_upload_becomes_a_dataset_with_a_page(operator_client: Client) -> None:
    file = SimpleUploadedFile("mine.txt", b"One.\n<|endoftext|>\nTwo.\n")
    answer = operator_client.post("/lab/datasets/import-text/", {"text-file": file})
    dataset = Dataset.objects.get()
    assert answer["Location"] == dataset.get_absolute_url()
    page = operator_client.get(answer["Location"]).content.decode()
    assert "Documents read" in page
    assert "mine.txt" in page
    assert dataset.created_by is not None


def test_a_wrong_upload_is_told_beside_its_field(operator_client: Client) -> None:
    file = SimpleUploadedFile("mine.csv", b"a,b\n")
    answer = operator_client.post("/lab/datasets/import-text/", {"text-file": file})
    assert answer.status_code == 422
    assert "mine.csv was not imported" in answer.content.decode()
    assert operator_client.post("/lab/datasets/import-text/", {}).status_code == 422


def test_text_cannot_be_frozen_from_votes() -> None:
    with pytest.raises(Invalid, match="no format 'text'"):
        services.create_dataset(format="text")


def test_raters_cannot_import(rater_client: Client) -> None:
    assert rater_client.post("/lab/datasets/import-text/", {}).status_code == 403
