"""The lab's pages: the pipeline and its jobs, their lineage, the trials of what came out."""

from rlhf.views.datasets import (
    cancel_dataset,
    dataset,
    datasets,
    download,
    download_archive,
    import_demonstrations,
    import_preferences,
    import_text,
    new_dataset,
    retry_dataset,
)
from rlhf.views.gate import gate
from rlhf.views.lab import (
    again,
    cancel,
    enter,
    estimate,
    lab,
    method,
    repeat,
    resume,
    run,
    start,
)
from rlhf.views.lineage import lineage
from rlhf.views.trials import rule, settle, trial, trials

__all__ = [
    "again",
    "cancel",
    "cancel_dataset",
    "dataset",
    "datasets",
    "download",
    "download_archive",
    "enter",
    "estimate",
    "gate",
    "import_demonstrations",
    "import_preferences",
    "import_text",
    "lab",
    "lineage",
    "method",
    "new_dataset",
    "repeat",
    "resume",
    "retry_dataset",
    "rule",
    "run",
    "settle",
    "start",
    "trial",
    "trials",
]
