"""Reads of datasets that are whole."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson
from django.db.models import QuerySet

from rlhf.models import Dataset, Job


def text_datasets() -> QuerySet[Dataset]:
    """Texts that pretraining can go on with, the newest first."""
    return Dataset.objects.filter(format="text", state=Job.State.SUCCEEDED)


def ranking_datasets() -> QuerySet[Dataset]:
    """Frozen or imported rankings that a reward model can learn from, the newest first."""
    return Dataset.objects.filter(
        format="ranking", container="jsonl", state=Job.State.SUCCEEDED
    ).order_by("-pk")


def preference_datasets() -> QuerySet[Dataset]:
    """What updates can learn from: rankings, thumbs and demonstrations, the newest first."""
    return Dataset.objects.filter(
        format__in=["ranking", "trl-unpaired", "trl-sft"],
        container="jsonl",
        state=Job.State.SUCCEEDED,
    ).order_by("-pk")


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
