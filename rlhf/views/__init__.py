"""The lab's pages: the pipeline and its jobs, and the trials of what came out."""

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
from rlhf.views.trials import rule, settle, trial, trials

__all__ = [
    "cancel",
    "cancel_dataset",
    "dataset",
    "datasets",
    "download",
    "enter",
    "lab",
    "rule",
    "run",
    "settle",
    "start",
    "trial",
    "trials",
]
