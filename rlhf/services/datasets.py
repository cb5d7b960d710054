"""Freezes votes into datasets: a folder each, with a file for each split."""

import errno
import json
import logging
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from arena.errors import Conflict, Invalid
from arena.models import Population
from arena.sentences import Sentence
from rlhf.exporting import (
    CONTAINERS,
    FORMATS,
    MANIFEST,
    Cancelled,
    Counts,
    Export,
    Format,
    UnknownFormat,
    beside,
    count_items,
    get_format,
    gives_nothing,
    manifest_of,
    read_rows,
    survey,
    unfinished_rows,
    write_folder,
)
from rlhf.locks import exclusive
from rlhf.models import Dataset, Job
from rlhf.selection import Selection
from rlhf.selectors import check_selection, disputed_of, last_vote
from rlhf.services.once import once
from rlhf.services.queue import WRITE_DATASET, enqueue

logger = logging.getLogger(__name__)
SAVE_EVERY_S = 0.3
POPULATIONS = (*Population.values, "all")
NO_FILE = Sentence("The file could not be written: %(error)s.")
DISK_FULL = Sentence(
    "The disk is full, so nothing was kept. Make room in the folder of the datasets, or choose "
    "fewer votes, and freeze it again."
)
EXPORT_FAILED = Sentence("The export failed: %(error)s")


def request_dataset(
    *,
    format: str,  # noqa: A002 - the public name of the field
    population: str = Population.PEOPLE,
    container: str = "jsonl",
    selection: Mapping[str, Any] | None = None,
    by: AbstractBaseUser | None = None,
    form_key: str | None = None,
) -> Dataset:
    """Queue a dataset. Raises Invalid, for one without rows too, or Unavailable without a queue.

    `selection` has the fields of `rlhf.selection.Selection`; without it these are the votes of
    the population that count. The same `form_key` again queues nothing and returns the dataset
    that it queued.
    """
    _check_rows(*_chosen(format, population, selection))
    make = partial(
        create_dataset,
        format=format,
        population=population,
        container=container,
        selection=selection,
        by=by,
        form_key=form_key,
    )
    dataset, new = once(Dataset, form_key, make)
    if new:
        transaction.on_commit(partial(enqueue, WRITE_DATASET, dataset))
    return dataset


def _chosen(
    name: str, population: str, selection: Mapping[str, Any] | None
) -> tuple[Format, Selection]:
    try:
        form = get_format(name)
        chosen = Selection.parse({"population": population, **(selection or {})})
    except (UnknownFormat, ValueError) as error:
        raise Invalid(str(error)) from error
    check_selection(chosen)
    return form, chosen


def _check_rows(form: Format, selection: Selection) -> None:
    if not gives_nothing(form, selection):
        return
    if count_items(form, selection):
        text = _(
            "No vote or thumb of this selection gives a row as %(format)s. "
            "Choose another format, or other votes."
        )
    elif form.unit == "thumb":
        text = _("There are no thumbs in this selection, and %(format)s is made of thumbs.")
    else:
        text = _("There are no votes in this selection, and %(format)s is made of votes.")
    raise Invalid(text % {"format": form.title})


@transaction.atomic
def create_dataset(
    *,
    format: str,  # noqa: A002
    population: str = Population.PEOPLE,
    container: str = "jsonl",
    selection: Mapping[str, Any] | None = None,
    by: AbstractBaseUser | None = None,
    form_key: str | None = None,
) -> Dataset:
    """A dataset that somebody else will write (`write_dataset`), without queueing it."""
    form, chosen = _chosen(format, population, selection)
    if container not in CONTAINERS:
        raise Invalid(
            _("There is no file type '%(name)s'. Choose one of: %(known)s.")
            % {"name": container, "known": ", ".join(CONTAINERS)}
        )
    dataset = Dataset.objects.create(
        format=form.name,
        population=chosen.population,
        container=container,
        selection=chosen.as_dict(),
        created_by_id=by.pk if by else None,
        form_key=form_key,
    )
    dataset.folder_name = free_folder(f"{dataset.pk:05d}-{form.name}")
    dataset.save(update_fields=["folder_name"])
    return dataset


def retry_dataset(
    dataset: Dataset, *, by: AbstractBaseUser | None = None, form_key: str | None = None
) -> Dataset:
    """Queue a new dataset of the same votes in place of one that failed or was cancelled.

    Raises Conflict for any other one, or Unavailable without a queue.
    """
    if not dataset.cut_short:
        raise Conflict(
            _("Dataset %(number)s was not cut short (%(state)s), so there is nothing to repeat.")
            % {"number": dataset.pk, "state": dataset.get_state_display()}
        )
    return request_dataset(
        format=dataset.format,
        population=dataset.population,
        container=dataset.container,
        selection=dataset.selection,
        by=by,
        form_key=form_key,
    )


def why_not_again(dataset: Dataset) -> str:
    """Why freezing the same votes again would come to nothing; empty where it may succeed."""
    try:
        _check_rows(*_chosen(dataset.format, dataset.population, dataset.selection))
    except Invalid as refusal:
        return refusal.reason
    return ""


def free_folder(name: str) -> str:
    """A name under which nothing lies: folders may outlive a database."""
    free, number = name, 1
    while (Path(settings.DATASETS_DIR) / free).exists():
        number += 1
        free = f"{name}-{number}"
    return free


def write_dataset(dataset_id: int, *, stop: Callable[[], bool] = lambda: False) -> None:
    """Write the dataset's folder. Safe to run twice; one that is whole is left alone.

    A worker that was killed leaves a hidden folder, with which the next one goes on, or anew; if it
    was killed after the folder had got its name, the next one takes it over.
    """
    dataset = Dataset.objects.get(pk=dataset_id)
    with exclusive(_lock(dataset)) as free:
        if not free:
            logger.info("Dataset %d is being written already.", dataset_id)
            return
        dataset.refresh_from_db()
        if dataset.ended:
            return
        _write(dataset, stop)


def _lock(dataset: Dataset) -> Path:
    return dataset.folder.with_name(f".{dataset.folder_name}.lock")


def _write(dataset: Dataset, stop: Callable[[], bool]) -> None:
    dataset.state, dataset.started_at = Job.State.RUNNING, timezone.now()
    # A second attempt reads no more votes than the first one did.
    dataset.selection = {"last_vote": last_vote(), **dataset.selection}
    dataset.save(update_fields=["state", "started_at", "selection"])
    try:
        manifest = _whole_already(dataset) or _freeze(dataset, stop)
    except Cancelled:
        _end(dataset, Job.State.CANCELLED)
    except OSError as error:
        _end(dataset, Job.State.FAILED, disk_trouble(error))
    except Exception as error:
        _end(dataset, Job.State.FAILED, EXPORT_FAILED(error=f"{type(error).__name__}: {error}"))
        raise
    else:
        keep_manifest(dataset, manifest)


def keep_manifest(dataset: Dataset, manifest: dict[str, Any]) -> None:
    """End a dataset whose folder is whole: what its manifest says is now what it says."""
    counts = manifest["counts"]
    dataset.manifest, dataset.progress = manifest, 1.0
    dataset.rows, dataset.test_rows = manifest["rows"], manifest["test_rows"]
    dataset.votes, dataset.skipped = counts["items"], counts["skipped"]
    dataset.size, dataset.sha256 = manifest["size"], manifest["sha256"]
    dataset.save(
        update_fields=[
            "manifest", "progress", "rows", "test_rows", "votes", "skipped", "size", "sha256",
        ]
    )  # fmt: skip
    _end(dataset, Job.State.SUCCEEDED)


def _whole_already(dataset: Dataset) -> dict[str, Any] | None:
    file = dataset.folder / MANIFEST
    if not file.is_file():
        return None
    manifest: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return manifest


def _freeze(dataset: Dataset, stop: Callable[[], bool]) -> dict[str, Any]:
    form, selection = get_format(dataset.format), Selection.parse(dataset.selection)
    disputed = disputed_of(selection)
    manifest: dict[str, Any] = {}

    def describe(export: Export) -> dict[str, str]:
        manifest.update(
            manifest_of(
                form,
                dataset.container,
                selection,
                export,
                frozen_at=timezone.now().isoformat(),
                survey=survey(selection, FORMATS, disputed).as_dict(),
            )
        )
        return beside(form, manifest, f"Arena dataset {dataset.pk}: {form.title}")

    counts = Counts()
    resumable = dataset.container == "jsonl"
    chunks = read_rows(
        form,
        selection,
        counts,
        disputed=disputed,
        before=unfinished_rows(dataset.folder) if resumable else (),
        progress=_Progress(dataset, stop),
    )
    write_folder(
        form,
        chunks,
        counts,
        dataset.folder,
        container=dataset.container,
        resumable=resumable,
        describe=describe,
    )
    return manifest


def disk_trouble(error: OSError) -> str:
    return DISK_FULL() if error.errno == errno.ENOSPC else NO_FILE(error=error)


def _end(dataset: Dataset, state: Job.State, error: str = "") -> None:
    dataset.state, dataset.error, dataset.finished_at = state, error, timezone.now()
    dataset.save(update_fields=["state", "error", "finished_at"])


class _Progress:
    """Saves progress a few times a second and notices a request to cancel."""

    def __init__(self, dataset: Dataset, stop: Callable[[], bool]) -> None:
        self.dataset, self.stop, self.saved_at = dataset, stop, 0.0

    def __call__(self, done: int, total: int) -> None:
        if (now := time.monotonic()) - self.saved_at < SAVE_EVERY_S:
            return
        self.saved_at = now
        row = Dataset.objects.filter(pk=self.dataset.pk)
        row.update(progress=done / total if total else 0.0)
        if self.stop() or row.filter(cancel_requested=True).exists():
            raise Cancelled


@transaction.atomic
def delete_dataset(dataset: Dataset) -> None:
    """Delete a dataset that no run rests on, with its file. One being written is a Conflict."""
    if not dataset.ended:
        raise Conflict(
            _("Dataset %(number)s is being written. Cancel it first.") % {"number": dataset.pk}
        )
    folder, files = dataset.folder, dataset.files
    own = bool(dataset.folder_name)
    lock = _lock(dataset)
    dataset.delete()
    transaction.on_commit(partial(_remove, folder if own else None, files, lock))


def _remove(folder: Path | None, files: Sequence[Path], lock: Path) -> None:
    for file in files:
        file.unlink(missing_ok=True)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
    lock.unlink(missing_ok=True)


@transaction.atomic
def cancel_dataset(dataset: Dataset) -> None:
    """Ask for an export to stop; one that has ended is a Conflict."""
    locked = Dataset.objects.select_for_update().get(pk=dataset.pk)
    if locked.ended:
        raise Conflict(
            _("Dataset %(number)s has ended already (%(state)s).")
            % {"number": dataset.pk, "state": locked.get_state_display()}
        )
    locked.cancel_requested = True
    if locked.state == Job.State.QUEUED:
        locked.state, locked.finished_at = Job.State.CANCELLED, timezone.now()
    locked.save(update_fields=["cancel_requested", "state", "finished_at"])
