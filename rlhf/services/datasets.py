"""Freezes votes into dataset files."""

import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from arena.errors import Conflict, Invalid
from arena.models import Population
from arena.sentences import Sentence
from rlhf.exporting import FORMATS, Cancelled, UnknownFormat, get_format, write_file
from rlhf.locks import exclusive
from rlhf.models import Dataset, Job
from rlhf.services.queue import WRITE_DATASET, enqueue

logger = logging.getLogger(__name__)
SAVE_EVERY_S = 0.3
POPULATIONS = (*Population.values, "all")
NO_FILE = Sentence("The file could not be written: %(error)s.")
EXPORT_FAILED = Sentence("The export failed: %(error)s")


def request_dataset(
    *,
    format: str,  # noqa: A002 - the public name of the field
    population: str = Population.PEOPLE,
    by: AbstractBaseUser | None = None,
) -> Dataset:
    """Queue a dataset of the votes that count. Raises Invalid, or Unavailable without a queue."""
    dataset = create_dataset(format=format, population=population, by=by)
    transaction.on_commit(partial(enqueue, WRITE_DATASET, dataset))
    return dataset


@transaction.atomic
def create_dataset(
    *,
    format: str,  # noqa: A002
    population: str = Population.PEOPLE,
    by: AbstractBaseUser | None = None,
) -> Dataset:
    """A dataset that somebody else will write (`write_dataset`), without queueing it."""
    try:
        form = get_format(format)
    except UnknownFormat as error:
        raise Invalid(
            _("There is no format '%(name)s'. Choose one of: %(known)s.")
            % {"name": format, "known": ", ".join(FORMATS)}
        ) from error
    if population not in POPULATIONS:
        raise Invalid(
            _("There is no population '%(name)s'. Choose one of: %(known)s.")
            % {"name": population, "known": ", ".join(POPULATIONS)}
        )
    dataset = Dataset.objects.create(
        format=form.name, population=population, created_by_id=by.pk if by else None
    )
    dataset.file_name = f"{dataset.pk:05d}-{form.name}.jsonl"
    dataset.save(update_fields=["file_name"])
    return dataset


def write_dataset(dataset_id: int, *, stop: Callable[[], bool] = lambda: False) -> None:
    """Write the dataset's file. Safe to run twice; a file that is whole is left alone."""
    dataset = Dataset.objects.get(pk=dataset_id)
    with exclusive(dataset.path.with_suffix(".lock")) as free:
        if not free:
            logger.info("Dataset %d is being written already.", dataset_id)
            return
        dataset.refresh_from_db()
        if dataset.ended:
            return
        _write(dataset, stop)


def _write(dataset: Dataset, stop: Callable[[], bool]) -> None:
    dataset.state, dataset.started_at = Job.State.RUNNING, timezone.now()
    dataset.save(update_fields=["state", "started_at"])
    try:
        export = write_file(
            get_format(dataset.format),
            dataset.population,
            dataset.path,
            progress=_Progress(dataset, stop),
        )
    except Cancelled:
        _end(dataset, Job.State.CANCELLED)
    except OSError as error:
        _end(dataset, Job.State.FAILED, NO_FILE(error=error))
    except Exception as error:
        _end(dataset, Job.State.FAILED, EXPORT_FAILED(error=f"{type(error).__name__}: {error}"))
        raise
    else:
        dataset.rows, dataset.votes, dataset.skipped = export.rows, export.items, export.skipped
        dataset.test_rows, dataset.size, dataset.sha256 = export.test, export.size, export.sha256
        dataset.progress = 1.0
        dataset.save(
            update_fields=["rows", "votes", "skipped", "test_rows", "size", "sha256", "progress"]
        )
        _end(dataset, Job.State.SUCCEEDED)


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
    path = dataset.path
    dataset.delete()
    transaction.on_commit(partial(_remove, path))


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_suffix(".lock").unlink(missing_ok=True)


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
