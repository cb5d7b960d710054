"""How the votes between a child and its parent went."""

from collections.abc import Iterator
from typing import Any

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery

from arena.models import Placement
from rlhf.evidence import Counts
from rlhf.models import Trial


def open_trials() -> QuerySet[Trial]:
    """Those that nothing has settled yet."""
    return Trial.objects.filter(kept=None)


def trial_counts(trial: Trial) -> Counts:
    """Counted votes of the trial's population in which both were ranked."""
    better, equal = Q(rank__lt=F("theirs")), Q(rank=F("theirs"))
    found = _counted(trial).aggregate(
        votes=Count("pk"), wins=Count("pk", filter=better), ties=Count("pk", filter=equal)
    )
    return Counts(found["wins"], found["ties"], found["votes"] - found["wins"] - found["ties"])


def trial_outcomes(trial: Trial) -> Iterator[float]:
    """1, 0.5 or 0 for the child of each of these votes, in their order."""
    ranks = _counted(trial).order_by("battle__vote__pk").values_list("rank", "theirs")
    for own, theirs in ranks.iterator():
        yield 0.5 if own == theirs else float(own < theirs)


def has_begun(trial: Trial) -> bool:
    """Whether anybody, of any population, has voted on the two."""
    return bool(_duels(trial).exists())


def _counted(trial: Trial) -> Any:
    return _duels(trial).filter(battle__vote__counted=True, battle__population=trial.population)


def _duels(trial: Trial) -> Any:
    """Placements of the child, each with the rank of its parent in that battle as `theirs`."""
    theirs = Placement.objects.filter(
        battle=OuterRef("battle"), contender=trial.parent_id, rank__isnull=False
    ).order_by()
    return (
        Placement.objects.filter(contender=trial.child_id, rank__isnull=False)
        .order_by()
        .annotate(theirs=Subquery(theirs.values("rank")[:1]))
        .filter(theirs__isnull=False)
    )
