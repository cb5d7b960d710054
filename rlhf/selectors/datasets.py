"""Reads of datasets that are whole."""

from collections.abc import Iterator
from typing import Any

import orjson

from rlhf.models import Dataset


def dataset_rows(dataset: Dataset) -> Iterator[dict[str, Any]]:
    """The rows of a dataset in JSON Lines, the training split first."""
    for path in dataset.files:
        with path.open("rb") as file:
            for line in file:
                yield orjson.loads(line)
