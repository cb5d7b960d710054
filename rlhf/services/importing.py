"""Files of others become frozen datasets: preferences, demonstrations, texts to pretrain on."""

import errno
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from secrets import token_hex
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from arena.errors import Invalid
from arena.importing.errors import N_, FileError, Phrase
from arena.text import clean
from rlhf.exporting import (
    TEXT,
    Counts,
    Export,
    Format,
    beside,
    get_format,
    manifest_of,
    write_folder,
)
from rlhf.exporting.formats import Row
from rlhf.importing import Skipped, read_demonstrations, read_preferences, read_texts
from rlhf.models import Dataset
from rlhf.selection import Selection
from rlhf.services.datasets import disk_trouble, keep_manifest
from rlhf.services.once import once
from rlhf.stages import DEMONSTRATIONS, RANKINGS

CHUNK = 2_000
DAY_S = 86_400
LEFT_OUT = {  # by their field of Counts
    "skipped": N_("%(rows)s without texts"),
    "equal": N_("%(rows)s with two equal responses"),
    "tools": N_("%(rows)s with turns of tools"),
    "parts": N_("%(rows)s with images, sounds or other parts that are no text"),
    "repeated": N_("%(rows)s as copies of an earlier one"),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: its reader, and what its rows are frozen as.

    Of rows with the same `mark` only the first is kept; None keeps all. With fewer than `least`
    rows nothing is imported: `too_few` says so.
    """

    title: str
    form: Format
    read: Callable[..., Iterator[Row | Skipped]]
    mark: Callable[[Row], str] | None
    least: int
    too_few: str


def _import(
    kind: Kind,
    *,
    path: Path,
    name: str = "",
    file_format: str | None = None,
    by: AbstractBaseUser | None = None,
    form_key: str | None = None,
) -> Dataset:
    """A dataset of a file's rows, ready to train on.

    `name` is what the file is called where that is not its path; without a `file_format` the first
    row tells it. The same `form_key` again imports nothing and returns the dataset that it
    imported. Raises Invalid with the row and what is wrong with it; then nothing was imported.
    """
    name = clean(name or path.name)[:200]
    folder_name = f"import-{token_hex(4)}"
    folder = Path(settings.DATASETS_DIR) / folder_name
    rows = kind.read(path) if file_format is None else kind.read(path, file_format)
    counts = Counts()
    manifest: dict[str, Any] = {}

    def describe(export: Export) -> dict[str, str]:
        frozen_at = timezone.now().isoformat()
        manifest.update(
            manifest_of(kind.form, "jsonl", Selection(), export, source=name, frozen_at=frozen_at)
        )
        return beside(kind.form, manifest, f"{kind.title} imported from {name}")

    _sweep(folder.parent)
    try:
        write_folder(kind.form, _chunks(kind, rows, counts), counts, folder, describe=describe)
    except FileError as error:
        raise Invalid(
            _("%(file)s was not imported. %(reason)s")
            % {"file": name, "reason": clean(error.put(_))}
        ) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise Invalid(
                _(
                    "The disk is full, so nothing was imported. Make room in the folder of the "
                    "datasets and import the file again."
                )
            ) from error
        raise Invalid(disk_trouble(error)) from error
    make = partial(
        _keep,
        manifest,
        format=kind.form.name,
        source=name,
        folder_name=folder_name,
        created_by_id=by.pk if by else None,
        form_key=form_key,
    )
    dataset, new = once(Dataset, form_key, make)
    if not new:
        shutil.rmtree(folder)
    return dataset


@transaction.atomic
def _keep(manifest: dict[str, Any], **fields: Any) -> Dataset:
    dataset = Dataset.objects.create(started_at=timezone.now(), **fields)
    keep_manifest(dataset, manifest)
    return dataset


def _sweep(datasets: Path) -> None:
    """Remove what imports left that were killed: one that is alive writes all the time."""
    for left in datasets.glob(".import-*.partial"):
        with suppress(FileNotFoundError):  # it may end right now
            written_at = max(path.stat().st_mtime for path in (left, *left.iterdir()))
            if time.time() - written_at > DAY_S:
                shutil.rmtree(left, ignore_errors=True)


import_preferences = partial(
    _import,
    Kind(
        title="Preferences",
        form=get_format(RANKINGS),
        read=read_preferences,
        mark=None,
        least=1,
        too_few=N_("No row of the file prefers one of two responses."),
    ),
)
import_demonstrations = partial(
    _import,
    Kind(
        title="Demonstrations",
        form=get_format(DEMONSTRATIONS),
        read=read_demonstrations,
        mark=lambda row: json.dumps(row["messages"]),
        least=2,
        too_few=N_(
            "At least %(least)s different conversations are needed in which the assistant says "
            "something; the file has %(found)s."
        ),
    ),
)
import_texts = partial(
    _import,
    Kind(
        title="Text",
        form=TEXT,
        read=read_texts,
        mark=lambda row: " ".join(row["text"].split()).casefold(),
        least=2,
        too_few=N_(
            "At least %(least)s different documents are needed, since some are held out; the file "
            "has %(found)s."
        ),
    ),
)


def _chunks(kind: Kind, rows: Iterator[Row | Skipped], counts: Counts) -> Iterator[Sequence[Row]]:
    """The rows to keep; raises FileError after too few. A mark is kept as 64 bits of its hash."""
    seen: set[int] = set()
    found = 0
    while read := list(islice(rows, CHUNK)):
        counts.items += len(read)
        chunk: list[Row] = []
        for row in read:
            if isinstance(row, Skipped):
                counts.add(row.value)
            elif kind.mark is None:
                chunk.append(row)
            elif (mark := hash(kind.mark(row))) in seen:
                counts.repeated += 1
            else:
                seen.add(mark)
                chunk.append(row)
        counts.ties += sum(_ties(row) for row in chunk)
        found += len(chunk)
        yield chunk
    if found < kind.least:
        raise _too_few(kind, found, counts)


def _ties(row: Row) -> bool:
    ranks = row.get("ranks", ())
    return len(set(ranks)) < len(ranks)


def _too_few(kind: Kind, found: int, counts: Counts) -> FileError:
    left_out = [
        Phrase(text, rows=rows)
        for field, text in LEFT_OUT.items()
        if (rows := getattr(counts, field))
    ]
    if not left_out:
        return FileError(kind.too_few, least=kind.least, found=found)
    return FileError(
        N_("%(too_few)s Left out: %(rows)s."),
        too_few=Phrase(kind.too_few, least=kind.least, found=found),
        rows=left_out,
    )
