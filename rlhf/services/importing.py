"""Files of others become frozen datasets: preferences, demonstrations, texts to pretrain on."""

import json
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from secrets import token_hex
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from django.utils.translation import gettext as _

from arena.errors import Invalid
from arena.importing.errors import N_, FileError
from arena.text import clean
from rlhf.exporting import (
    TEXT,
    Counts,
    Export,
    Format,
    beside,
    get_format,
    manifest_of,
    split_of,
    write_folder,
)
from rlhf.exporting.formats import Row
from rlhf.importing import Skipped, read_demonstrations, read_preferences, read_texts
from rlhf.models import Dataset
from rlhf.selection import Selection
from rlhf.services.datasets import disk_trouble, keep_manifest
from rlhf.stages import DEMONSTRATIONS, RANKINGS

CHUNK = 2_000
LEAST_DOCUMENTS = 2
LEAST_DEMONSTRATIONS = 2


def import_preferences(
    *,
    path: Path,
    name: str = "",
    file_format: str | None = None,
    by: AbstractBaseUser | None = None,
) -> Dataset:
    """A dataset of rankings from a file (see `rlhf.importing`), ready to train on.

    `name` is what the file is called where that is not its path. Raises Invalid with the row and
    what is wrong with it; then nothing was imported.
    """
    counts = Counts()
    return _import(
        get_format(RANKINGS),
        _chunks(path, file_format, counts),
        counts,
        path=path,
        name=name or path.name,
        title="Preferences",
        by=by,
    )


def import_demonstrations(
    *,
    path: Path,
    name: str = "",
    file_format: str | None = None,
    by: AbstractBaseUser | None = None,
) -> Dataset:
    """A dataset of responses to imitate from a file (see `rlhf.importing.demonstrations`).

    `name` is what the file is called where that is not its path. Raises Invalid with the row and
    what is wrong with it; then nothing was imported.
    """
    counts = Counts()
    return _import(
        get_format(DEMONSTRATIONS),
        _conversations(path, file_format, counts),
        counts,
        path=path,
        name=name or path.name,
        title="Demonstrations",
        by=by,
    )


def import_texts(*, path: Path, name: str = "", by: AbstractBaseUser | None = None) -> Dataset:
    """A dataset of documents from a file (see `rlhf.importing.texts`), for continued pretraining.

    `name` is what the file is called where that is not its path. Raises Invalid with the row and
    what is wrong with it; then nothing was imported.
    """
    counts = Counts()
    return _import(
        TEXT,
        _documents(path, counts),
        counts,
        path=path,
        name=name or path.name,
        title="Text",
        by=by,
    )


def _import(
    form: Format,
    chunks: Iterable[Sequence[Row]],
    counts: Counts,
    *,
    path: Path,
    name: str,
    title: str,
    by: AbstractBaseUser | None,
) -> Dataset:
    name = clean(name)[:200]
    folder_name = f"import-{token_hex(4)}"
    manifest: dict[str, Any] = {}

    def describe(export: Export) -> dict[str, str]:
        frozen_at = timezone.now().isoformat()
        manifest.update(
            manifest_of(form, "jsonl", Selection(), export, source=name, frozen_at=frozen_at)
        )
        return beside(form, manifest, f"{title} imported from {name}")

    folder = Path(settings.DATASETS_DIR) / folder_name
    try:
        write_folder(form, chunks, counts, folder, describe=describe)
    except FileError as error:
        raise Invalid(
            _("%(file)s was not imported. %(reason)s")
            % {"file": name, "reason": clean(error.put(_))}
        ) from error
    except OSError as error:
        raise Invalid(disk_trouble(error)) from error
    dataset = Dataset.objects.create(
        format=form.name,
        source=name,
        folder_name=folder_name,
        created_by_id=by.pk if by else None,
        started_at=timezone.now(),
    )
    keep_manifest(dataset, manifest)
    return dataset


def _chunks(path: Path, file_format: str | None, counts: Counts) -> Iterator[Sequence[Row]]:
    rows = read_preferences(path, file_format)
    while read := list(islice(rows, CHUNK)):
        chunk = [row for row in read if not isinstance(row, Skipped)]
        counts.items += len(read)
        counts.skipped += read.count(Skipped.EMPTY)
        counts.equal += read.count(Skipped.EQUAL)
        counts.ties += sum(len(set(row["ranks"])) < len(row["ranks"]) for row in chunk)
        yield chunk
    if counts.items == counts.skipped + counts.equal:
        raise _of_no_use(counts)


def _of_no_use(counts: Counts) -> FileError:
    if not counts.equal:
        return FileError(N_("No row of the file has two responses with texts."))
    if not counts.skipped:
        return FileError(
            N_("In every row of the file both responses are the same, so none is preferred.")
        )
    return FileError(
        N_(
            "No row of the file prefers a response: in %(equal)s both are the same, in %(empty)s "
            "one has no text."
        ),
        equal=counts.equal,
        empty=counts.skipped,
    )


def _conversations(path: Path, file_format: str | None, counts: Counts) -> Iterator[Sequence[Row]]:
    """Conversations, each once."""
    rows = read_demonstrations(path, file_format)
    found = yield from _once(rows, lambda row: json.dumps(row["messages"]), counts)
    if found < LEAST_DEMONSTRATIONS:
        raise FileError(
            N_(
                "At least %(least)s different conversations are needed in which the assistant says "
                "something; the file has %(found)s."
            ),
            least=LEAST_DEMONSTRATIONS,
            found=found,
        )


def _documents(path: Path, counts: Counts) -> Iterator[Sequence[Row]]:
    """Documents, each once: case and white space make no difference."""
    rows = (
        text if text is None else {"text": text, "split": split_of(text)}
        for text in read_texts(path)
    )
    found = yield from _once(rows, lambda row: " ".join(row["text"].split()).casefold(), counts)
    if found < LEAST_DOCUMENTS:
        raise FileError(
            N_(
                "At least %(least)s different documents that are not empty are needed, since some "
                "are held out; the file has %(found)s."
            ),
            least=LEAST_DOCUMENTS,
            found=found,
        )


def _once(
    rows: Iterator[Row | None], mark_of: Callable[[Row], str], counts: Counts
) -> Generator[Sequence[Row], None, int]:
    """Chunks of the rows of which none has the mark of an earlier one; then how many those are."""
    seen: set[int] = set()
    while read := list(islice(rows, CHUNK)):
        chunk: list[Row] = []
        counts.items += len(read)
        for row in read:
            if row is None:
                counts.skipped += 1
            elif (mark := hash(mark_of(row))) in seen:
                counts.repeated += 1
            else:
                seen.add(mark)
                chunk.append(row)
        yield chunk
    return len(seen)
