"""Writes of the lab. Verb phrases with keyword arguments; each owns its transaction.

They raise `arena.errors.ArenaError`s, whose `reason` may be shown as it stands.
"""

from rlhf.services.announcing import announce_nothing, announce_run
from rlhf.services.datasets import (
    cancel_dataset,
    create_dataset,
    delete_dataset,
    request_dataset,
    retry_dataset,
    why_not_again,
    write_dataset,
)
from rlhf.services.entering import decide, enter_as_base
from rlhf.services.following import Pace, follow_run
from rlhf.services.gate import WHY_LIMITS, set_gate
from rlhf.services.importing import import_demonstrations, import_preferences, import_texts
from rlhf.services.recovering import (
    follow_in_turn,
    requeue_datasets,
    requeue_runs,
    stop_running,
)
from rlhf.services.repeating import recreate_run, repeat_run
from rlhf.services.resuming import reopen_run, resume_run
from rlhf.services.runs import cancel_run, create_run, start_run, try_run
from rlhf.services.trials import judge_trials, set_rule, settle_trial, signed_reason

__all__ = [
    "WHY_LIMITS",
    "Pace",
    "announce_nothing",
    "announce_run",
    "cancel_dataset",
    "cancel_run",
    "create_dataset",
    "create_run",
    "decide",
    "delete_dataset",
    "enter_as_base",
    "follow_in_turn",
    "follow_run",
    "import_demonstrations",
    "import_preferences",
    "import_texts",
    "judge_trials",
    "recreate_run",
    "reopen_run",
    "repeat_run",
    "request_dataset",
    "requeue_datasets",
    "requeue_runs",
    "resume_run",
    "retry_dataset",
    "set_gate",
    "set_rule",
    "settle_trial",
    "signed_reason",
    "start_run",
    "stop_running",
    "try_run",
    "why_not_again",
    "write_dataset",
]
