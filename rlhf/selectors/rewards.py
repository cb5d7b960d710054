"""Reward models that an update can be trained against, and which one first."""

from django.db.models import QuerySet

from rlhf.doubts import doubt_about
from rlhf.models import Job, Run

COMPARED = 50


def reward_runs() -> QuerySet[Run]:
    """Reward models that an update can be trained against, the newest first."""
    return Run.objects.filter(stage="reward", state=Job.State.SUCCEEDED)


def best_reward_run() -> Run | None:
    """The reward model that an update is trained against unless another one is chosen.

    Accuracy can be compared only where the held-out votes are alike: of those that learnt from the
    same source as the newest (the votes of its population, or the file that was imported), the one
    whose interval of held-out accuracy ends highest below. Doubtful ones come after all others.
    The newest where no accuracy is known; None where there is no reward model.
    """
    found = list(reward_runs().select_related("dataset")[:COMPARED])
    measured = [
        run
        for run in found
        if _source(run) == _source(found[0])
        and _lower(run) is not None
        and (run.folder / "checkpoint").is_dir()
    ]
    return max(measured, key=_merit, default=found[0] if found else None)


def _source(run: Run) -> tuple[str, str] | None:
    return (run.dataset.population, run.dataset.source) if run.dataset else None


def _lower(run: Run) -> float | None:
    lower: float | None = run.summary.get("metrics", {}).get("test_accuracy_lower")
    return lower


def _merit(run: Run) -> tuple[bool, float]:
    return doubt_about(run.summary) is None, _lower(run) or 0.0
