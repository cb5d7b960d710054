"""Frozen datasets: the folder, its manifest and card, and what happens when writing is cut off."""

import errno
import hashlib
import io
import json
import tarfile
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from datasets import load_dataset
from django.core.management import CommandError, call_command
from django.test import Client

from arena.models import Vote
from rlhf import services
from rlhf.exporting import FORMATS, containers, files, resuming, split_of
from rlhf.models import Dataset, Job
from rlhf.selectors import dataset_rows, judged
from tests.rlhf.votes import converse, many_votes, thumb, vote

pytestmark = pytest.mark.django_db
FULL = OSError(errno.ENOSPC, "No space left on device")


def frozen(**arguments: Any) -> Dataset:
    dataset = services.create_dataset(**{"format": "ranking", **arguments})
    services.write_dataset(dataset.pk)
    dataset.refresh_from_db()
    return dataset


def left(folders: Path) -> list[str]:
    """What lies in the folder of the datasets, locks aside."""
    names = [path.name for path in (folders / "datasets").iterdir()]
    return sorted(name for name in names if not name.endswith(".lock"))


@pytest.fixture
def everything(db: None) -> None:
    """Votes of two and three, of several turns, tied, and thumbs."""
    many_votes(30)
    vote(converse(["One", "Two"], {"amber": ["a", "b"], "birch": ["c", "d"]}), [2, 1])
    vote(converse(["Tie"], {"amber": ["a"], "birch": ["b"], "cedar": ["c"]}), [1, 1, 3])
    battle = converse(["Thumbs"], {"amber": ["a"], "birch": ["b"]})
    thumb(battle, 0, 1)
    thumb(battle, 1, -1)


def test_a_dataset_is_a_folder_with_a_file_for_each_split(everything: None) -> None:
    dataset = frozen()
    names = {path.name for path in dataset.folder.iterdir()}
    assert names == {"train.jsonl", "test.jsonl", "manifest.json", "README.md"}
    for path, side in zip(dataset.files, ("train", "test"), strict=True):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        assert rows
        assert {row["split"] for row in rows} == {side}
        assert all(split_of(row["prompt"]) == side for row in rows)
    assert len(list(dataset_rows(dataset))) == dataset.rows == 32


def test_the_manifest_says_what_is_needed_to_check_and_repeat_it(
    everything: None, tmp_path: Path
) -> None:
    dataset = frozen(format="trl-preference", selection={"contenders": ["birch"]})
    manifest = json.loads((dataset.folder / "manifest.json").read_text())
    assert manifest == dataset.manifest
    for part in manifest["files"]:
        data = (dataset.folder / part["name"]).read_bytes()
        assert part["sha256"] == hashlib.sha256(data).hexdigest()
        assert (part["size"], part["rows"]) == (len(data), data.count(b"\n"))
    whole = b"".join(path.read_bytes() for path in dataset.files)
    assert manifest["sha256"] == dataset.sha256 == hashlib.sha256(whole).hexdigest()
    assert manifest["counts"]["several_turns"] == 1
    assert manifest["counts"]["ties"] == 1
    # Later votes do not come in when it is made again.
    many_votes(5)
    again = tmp_path / "again.jsonl"
    given = ["--selection", str(dataset.folder / "manifest.json"), "--output", str(again)]
    call_command("export_preferences", "--format", "trl-preference", *given, stderr=io.StringIO())
    assert sorted(again.read_bytes().splitlines()) == sorted(whole.splitlines())


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("container", ["jsonl", "parquet"])
def test_the_datasets_library_reads_each_format_through_its_card(
    everything: None, tmp_path: Path, name: str, container: str
) -> None:
    dataset = frozen(format=name, container=container)
    read = load_dataset(str(dataset.folder), cache_dir=str(tmp_path / "cache"))
    assert sum(part.num_rows for part in read.values()) == dataset.rows
    assert all(set(part.column_names) == set(FORMATS[name].columns) for part in read.values())


def test_parquet_holds_the_rows_of_jsonl(everything: None) -> None:
    lines = list(dataset_rows(frozen(format="lmsys")))
    dataset = frozen(format="lmsys", container="parquet")
    rows = [row for path in dataset.files for row in pyarrow.parquet.read_table(path).to_pylist()]
    assert rows == lines


def test_parquet_has_responses_as_messages_throughout(everything: None) -> None:
    dataset = frozen(container="parquet")
    rows = [row for path in dataset.files for row in pyarrow.parquet.read_table(path).to_pylist()]
    by_prompt = {row["prompt"]: row["responses"] for row in rows}
    assert by_prompt["Tie"][0] == [{"role": "assistant", "content": "a"}]
    assert [message["role"] for message in by_prompt["One"][0]] == [
        "assistant",
        "user",
        "assistant",
    ]


def test_prompts_come_once_each() -> None:
    for prompt in ("One", "One", "Two"):
        vote(converse([prompt], {"amber": ["a"], "birch": ["b"]}), [1, 2])
    dataset = frozen(format="trl-prompt-only")
    prompts = [row["prompt"] for row in dataset_rows(dataset)]
    assert sorted(message["content"] for (message,) in prompts) == ["One", "Two"]
    assert dataset.manifest["counts"]["repeated"] == 1


def test_finetuning_takes_what_stands_above_another() -> None:
    vote(converse(["One"], {"amber": ["a"], "birch": ["b"], "cedar": ["c"]}), [1, 1, 3])
    vote(converse(["Two"], {"amber": ["a"], "birch": ["b"]}), [1, 1])
    rows = list(dataset_rows(frozen(format="trl-sft")))
    assert [row["messages"][1]["content"] for row in rows] == ["a", "b"]


def test_llama_factory_finds_its_columns_and_files(everything: None) -> None:
    dataset = frozen(format="llama-factory")
    info = json.loads((dataset.folder / "dataset_info.json").read_text())
    assert set(info) == {"llama_factory_train", "llama_factory_test"}
    described = info["llama_factory_train"]
    assert described["ranking"] is True
    assert (dataset.folder / described["file_name"]).is_file()
    row = next(dataset_rows(dataset))
    assert [message["role"] for message in row[described["columns"]["messages"]]] == ["user"]
    for side in ("chosen", "rejected"):
        message = row[described["columns"][side]]
        assert message[described["tags"]["role_tag"]] == described["tags"]["assistant_tag"]
        assert message[described["tags"]["content_tag"]]
    assert dataset.skipped == 1  # two turns that went apart


def test_scrubbed_texts_are_split_by_what_is_left_and_counted() -> None:
    for address in ("zoe@example.org", "max@example.org"):
        vote(converse([f"Write to {address}."], {"amber": ["Hi"], "birch": ["No"]}), [1, 2])
    dataset = frozen(selection={"scrub": True})
    rows = list(dataset_rows(dataset))
    assert {row["prompt"] for row in rows} == {"Write to [EMAIL]."}
    assert len({row["split"] for row in rows}) == 1
    assert dataset.manifest["counts"]["scrubbed"] == {"email": 2}
    assert "email 2" in (dataset.folder / "README.md").read_text()


def test_disputed_votes_are_left_out_and_counted() -> None:
    for ranks in ([1, 2], [2, 1]):
        vote(converse(["One"], {"amber": ["a"], "birch": ["b"]}), ranks)
    kept = vote(converse(["Two"], {"amber": ["a"], "birch": ["b"]}), [1, 2])
    dataset = frozen(selection={"agreement": "undisputed"})
    assert [row["vote_id"] for row in dataset_rows(dataset)] == [kept.pk]
    assert (dataset.votes, dataset.manifest["counts"]["disputed"]) == (1, 2)


def test_a_full_disk_is_named_and_leaves_nothing(
    everything: None, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: Any) -> None:
        raise FULL

    monkeypatch.setattr(files, "_sync", no_space)
    dataset = frozen()
    assert dataset.state == Job.State.FAILED
    assert dataset.error.startswith("The disk is full, so nothing was kept.")
    assert left(folders) == []


@pytest.mark.parametrize("container", ["jsonl", "parquet"])
def test_a_full_disk_in_the_middle_of_a_write_leaves_nothing(
    container: str, everything: None, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []

    def fill(self: Any, data: bytes) -> int:
        written.append(len(data))
        raise FULL

    monkeypatch.setattr(files.HashingSink, "write", fill)
    dataset = frozen(container=container)
    assert written
    assert "disk is full" in dataset.error
    assert left(folders) == []


def test_cancelling_leaves_nothing(everything: None, folders: Path) -> None:
    dataset = services.create_dataset(format="ranking")
    services.write_dataset(dataset.pk, stop=lambda: True)
    dataset.refresh_from_db()
    assert dataset.state == Job.State.CANCELLED
    assert left(folders) == []


class Killed(BaseException):
    """As SIGKILL: nothing after it runs."""


def kill_when(patched: pytest.MonkeyPatch, where: object, name: str, calls: int = 1) -> None:
    """Die in that call of a function, and leave everything as it is then."""
    left, real = [calls], getattr(where, name)

    def die(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if not left[0]:
            raise Killed
        return real(*args, **kwargs)

    patched.setattr(where, name, die)
    patched.setattr(files.shutil, "rmtree", lambda *_, **__: None)


@pytest.mark.parametrize("container", ["jsonl", "parquet"])
def test_after_a_kill_the_next_attempt_starts_with_the_same_votes(
    container: str, everything: None, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = services.create_dataset(format="ranking", container=container)
    with monkeypatch.context() as patched:
        kill_when(patched, files, "_sync")
        with pytest.raises(Killed):
            services.write_dataset(dataset.pk)
    assert left(folders) == [f".{dataset.folder_name}.partial"]
    many_votes(4)
    services.write_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert (dataset.state, dataset.rows) == (Job.State.SUCCEEDED, 32)
    assert left(folders) == [dataset.folder_name]


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five votes or thumbs in a chunk, and a note after each."""
    monkeypatch.setattr(judged, "CHUNK", 5)
    monkeypatch.setattr(import_module("rlhf.selectors.thumbs"), "CHUNK", 5)
    monkeypatch.setattr(resuming, "EVERY_S", 0.0)


def killed_half_way(
    monkeypatch: pytest.MonkeyPatch, form: str = "ranking", chunk: int = 4
) -> Dataset:
    """A dataset whose writing was killed while that chunk's rows were added."""
    dataset = services.create_dataset(format=form, selection={"scrub": True})
    with monkeypatch.context() as patched:
        kill_when(patched, containers.JsonLines, "write", 2 * chunk)  # a file for each split
        with pytest.raises(Killed):
            services.write_dataset(dataset.pk)
    return dataset


def manifest_without_time(dataset: Dataset) -> dict[str, Any]:
    return {name: value for name, value in dataset.manifest.items() if name != "frozen_at"}


@pytest.mark.usefixtures("small_chunks", "everything")
def test_a_killed_export_goes_on_where_it_was(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = services.create_dataset(format="ranking", selection={"scrub": True})
    services.write_dataset(whole.pk)
    whole.refresh_from_db()
    cut = killed_half_way(monkeypatch)
    begun: list[int] = []
    real = judged._read

    def read(votes: Any, last: int) -> Any:
        begun.append(last)
        return real(votes, last)

    monkeypatch.setattr(judged, "_read", read)
    services.write_dataset(cut.pk)
    cut.refresh_from_db()
    fifteenth = Vote.objects.order_by("pk")[14].pk
    assert fifteenth in begun
    assert manifest_without_time(cut) == manifest_without_time(whole)
    for one, other in zip(cut.files, whole.files, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert sorted(path.name for path in cut.folder.iterdir()) == sorted(
        path.name for path in whole.folder.iterdir()
    )


@pytest.mark.usefixtures("small_chunks", "everything")
@pytest.mark.parametrize("damage", [b"", b"x", None])
def test_what_is_not_as_noted_is_written_anew(
    damage: bytes | None, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = killed_half_way(monkeypatch)
    partial = folders / "datasets" / f".{cut.folder_name}.partial"
    file = partial / "train.jsonl"
    if damage is None:
        (partial / "reached.json").write_text("{")
    else:
        file.write_bytes(damage + file.read_bytes()[5:])
    services.write_dataset(cut.pk)
    cut.refresh_from_db()
    assert (cut.state, cut.rows) == (Job.State.SUCCEEDED, 32)
    assert len({row["vote_id"] for row in dataset_rows(cut)}) == 32


@pytest.mark.usefixtures("small_chunks", "everything")
@pytest.mark.parametrize("change", ["one more", "one less"])
def test_a_note_of_another_version_is_no_note(
    change: str, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = killed_half_way(monkeypatch)
    note = folders / "datasets" / f".{cut.folder_name}.partial" / "reached.json"
    kept = json.loads(note.read_text())
    if change == "one more":
        kept["counts"]["of_old"] = 3
    else:
        del kept["counts"]["items"]
    note.write_text(json.dumps(kept))
    services.write_dataset(cut.pk)
    whole = services.create_dataset(format="ranking", selection={"scrub": True})
    services.write_dataset(whole.pk)
    for dataset in (cut, whole):
        dataset.refresh_from_db()
    assert manifest_without_time(cut) == manifest_without_time(whole)


@pytest.mark.usefixtures("small_chunks", "everything")
@pytest.mark.parametrize("form", FORMATS)
def test_whatever_the_format_nothing_is_written_twice_or_left_out(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):  # six prompts, again and again
        battle = converse([f"Prompt {number % 6}"], {"amber": ["a"], "birch": ["b"]})
        thumb(battle, 0, 1)
        vote(battle, [1, 2])
    whole = services.create_dataset(format=form, selection={"scrub": True})
    services.write_dataset(whole.pk)
    whole.refresh_from_db()
    cut = killed_half_way(monkeypatch, form, chunk=3)
    written: list[Any] = []
    real = containers.JsonLines.write

    def write(lines: containers.JsonLines, rows: Any) -> None:
        written.extend(rows)
        real(lines, rows)

    monkeypatch.setattr(containers.JsonLines, "write", write)
    services.write_dataset(cut.pk)
    cut.refresh_from_db()
    assert manifest_without_time(cut) == manifest_without_time(whole)
    for one, other in zip(cut.files, whole.files, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert len(written) < whole.rows


def test_killed_after_the_folder_got_its_name_it_is_taken_over(everything: None) -> None:
    dataset = frozen()
    first = dataset.manifest
    Dataset.objects.update(state=Job.State.RUNNING, manifest={}, rows=None)
    services.write_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert (dataset.state, dataset.manifest, dataset.rows) == (Job.State.SUCCEEDED, first, 32)


def test_the_archive_holds_the_folder(everything: None, operator_client: Client) -> None:
    dataset = frozen(container="parquet")
    for address in ("archive", "download"):  # Parquet is downloaded as the archive
        answer = operator_client.get(f"/lab/datasets/{dataset.pk}/{address}/")
        data = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
        assert answer["Content-Length"] == str(len(data))
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for path in dataset.folder.iterdir():
                member = tar.extractfile(f"arena-{dataset.pk:05d}-ranking/{path.name}")
                assert member is not None
                assert member.read() == path.read_bytes()
            assert len(tar.getmembers()) == 4


def test_a_file_that_a_killed_export_left_is_written_over(tmp_path: Path) -> None:
    many_votes(2)
    (tmp_path / ".out.jsonl.partial").write_text("half a li")
    target = ["--format", "ranking", "--output", str(tmp_path / "out.jsonl")]
    call_command("export_preferences", *target, stderr=io.StringIO())
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 2
    assert not (tmp_path / ".out.jsonl.partial").exists()


def test_two_exports_into_one_file_do_not_mix(tmp_path: Path) -> None:
    target = ["--format", "ranking", "--output", str(tmp_path / "out.jsonl")]
    with files._partial(tmp_path / "out.jsonl"):
        with pytest.raises(CommandError, match="somebody else is writing"):
            call_command("export_preferences", *target, stderr=io.StringIO())
        assert not (tmp_path / "out.jsonl").exists()


def test_the_command_takes_a_selection_and_parquet(everything: None, tmp_path: Path) -> None:
    file, said = tmp_path / "out.parquet", io.StringIO()
    chosen = ["--contender", "cedar", "--scrub", "--undisputed", "--since", "2020-01-01"]
    call_command("export_preferences", "--format", "ranking", "--output", str(file), *chosen,
                 stderr=said)  # fmt: skip
    assert pyarrow.parquet.read_table(file).column("prompt").to_pylist() == ["Tie"]
    assert "replaced nothing" in said.getvalue()


def test_the_command_refuses_what_is_no_day() -> None:
    with pytest.raises(CommandError, match="since is a day"):
        call_command("export_preferences", "--format", "ranking", "--output", "-", "--since", "1")


def test_the_command_refuses_days_in_the_wrong_order() -> None:
    days = ["--since", "2026-05-02", "--until", "2026-05-01"]
    with pytest.raises(CommandError, match="first day is after the last one"):
        call_command("export_preferences", "--format", "ranking", "--output", "-", *days)
