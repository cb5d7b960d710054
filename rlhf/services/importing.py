"""Preference files of others become frozen datasets, to train without votes of one's own."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from secrets import token_hex
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone
from django.utils.translation import gettext as _

from arena.errors import Invalid
from arena.importing.records import VoteFileError
from rlhf.exporting import Counts, Export, beside, get_format, manifest_of, write_folder
from rlhf.importing import read_preferences
from rlhf.models import Dataset
from rlhf.selection import Selection
from rlhf.services.datasets import disk_trouble, keep_manifest
from rlhf.stages import RANKINGS

CHUNK = 2_000


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
    name = (name or path.name)[:200]
    folder_name = f"import-{token_hex(4)}"
    counts, form, manifest = Counts(), get_format(RANKINGS), {}

    def describe(export: Export) -> dict[str, str]:
        frozen_at = timezone.now().isoformat()
        manifest.update(
            manifest_of(form, "jsonl", Selection(), export, source=name, frozen_at=frozen_at)
        )
        return beside(form, manifest, f"Preferences imported from {name}")

    try:
        write_folder(
            form,
            _chunks(path, file_format, counts),
            counts,
            Path(settings.DATASETS_DIR) / folder_name,
            describe=describe,
        )
    except VoteFileError as error:
        raise Invalid(
            _("%(file)s was not imported. %(reason)s") % {"file": name, "reason": error}
        ) from error
    except OSError as error:
        raise Invalid(disk_trouble(error)) from error
    dataset = Dataset.objects.create(
        format=RANKINGS,
        source=name,
        folder_name=folder_name,
        created_by_id=by.pk if by else None,
        started_at=timezone.now(),
    )
    keep_manifest(dataset, manifest)
    return dataset


def _chunks(path: Path, file_format: str | None, counts: Counts) -> Iterator[list[dict[str, Any]]]:
    rows = read_preferences(path, file_format)
    while read := list(islice(rows, CHUNK)):
        chunk = [row for row in read if row is not None]
        counts.items += len(read)
        counts.skipped += len(read) - len(chunk)
        counts.ties += sum(len(set(row["ranks"])) < len(row["ranks"]) for row in chunk)
        yield chunk
    if counts.items == counts.skipped:
        raise VoteFileError("No row of the file has two responses with texts.")
