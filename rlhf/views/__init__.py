"""The lab's pages: the pipeline and its jobs, their lineage, the trials of what came out."""

from rlhf.views.lab import (
    cancel,
    cancel_dataset,
    dataset,
    datasets,
    download,
    enter,
    lab,
    run,
    start,
)
from rlhf.views.lineage import lineage
from rlhf.views.trials import rule, settle, trial, trials

__all__ = [
    "cancel",
    "cancel_dataset",
    "dataset",
    "datasets",
    "download",
    "enter",
    "lab",
    "lineage",
    "rule",
    "run",
    "settle",
    "start",
    "trial",
    "trials",
]
