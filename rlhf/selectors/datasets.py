"""Reads of datasets that are whole."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson
from django.db.models import F, QuerySet

from rlhf.models import Dataset, Job
from rlhf.stages import MIN_VOTES, RANKINGS, STAGES, TEXTS, THUMBS, Stage, fewest_rows


def text_datasets() -> QuerySet[Dataset]:
    """Texts that pretraining can go on with, the newest first."""
    return Dataset.objects.filter(format=TEXTS, state=Job.State.SUCCEEDED)


def datasets_for(stage: Stage) -> QuerySet[Dataset]:
    """Frozen or imported datasets that a stage can learn from, the newest first."""
    able = Dataset.objects.filter(
        format__in=stage.formats,
        container="jsonl",
        state=Job.State.SUCCEEDED,
        rows__gte=F("test_rows") + fewest_rows(stage.name, {}),
    )
    return able.exclude(format__in=[RANKINGS, THUMBS], rows__lt=MIN_VOTES).order_by("-pk")


def stages_for(dataset: Dataset) -> list[Stage]:
    """The stages that can learn from a dataset."""
    if not dataset.whole:
        return []
    of_format = (stage for stage in STAGES.values() if dataset.format in stage.formats)
    return [stage for stage in of_format if datasets_for(stage).filter(pk=dataset.pk).exists()]


def first_rows(dataset: Dataset, count: int) -> list[dict[str, Any]]:
    """The first rows of a dataset in JSON Lines; none where its files are not there."""
    if dataset.container != "jsonl" or not dataset.whole:
        return []
    return list(islice(dataset_rows(dataset), count))


def dataset_rows(dataset: Dataset) -> Iterator[dict[str, Any]]:
    """The rows of a dataset in JSON Lines, the training split first."""
    for path in dataset.files:
        with path.open("rb") as file:
            for line in file:
                yield orjson.loads(line)
