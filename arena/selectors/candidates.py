"""What matchmaking knows of contenders: who is new, and who fails."""

from collections.abc import Mapping, Set
from datetime import timedelta

from django.db.models import Count, Max, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from arena.matchmaking import FAILING_BELOW, Candidate, chances
from arena.models import Battle, Contender, Placement, Replacement, Response

# Fewer votes than this make a contender new.
NEW_BELOW = 30
# Failures are counted among the arena's latest responses, of this last time.
LATEST = 2_000
WITHIN = timedelta(hours=1)

_ENDED = [Response.State.DONE, Response.State.ERROR]


def candidates(able: Mapping[int, str]) -> list[Candidate]:
    """These contenders, {id: slug}, as matchmaking sees them.

    Costs the same after a million votes: it looks at the latest responses, and at no more than
    the first votes of each contender.
    """
    records = _records()
    return [
        Candidate(pk, able[pk], new, *records.get(pk, (0, 0)), rival)
        for pk, new, rival in _standing(able)
    ]


def failing(*, raters: Set[int]) -> set[int]:
    """The contenders whose recent responses failed, as after two failures in a row.

    Told to these raters: what failed in a blind battle of theirs that is open would name who takes
    part in it.
    """
    blind = Battle.objects.filter(
        rater__in=raters, state=Battle.State.OPEN, mode=Battle.Mode.ANONYMOUS
    )
    records = _records(without=blind)
    known = [Candidate(pk, "", False, *record) for pk, record in records.items()]
    left = chances(known)
    return {one.pk for one, chance in zip(known, left, strict=True) if chance < FAILING_BELOW}


def _standing(able: Mapping[int, str]) -> list[tuple[int, bool, int | None]]:
    """Of each one: is it new, and which parent is it on trial against?"""
    votes = Placement.objects.filter(contender=OuterRef("pk"), rank__isnull=False).order_by()
    last_of_new = Subquery(votes.values("pk")[NEW_BELOW - 1 : NEW_BELOW])
    known = Contender.objects.filter(pk__in=able).annotate(last_of_new=last_of_new).order_by("pk")
    return [
        (pk, last is None, parent if on_trial else None)
        for pk, last, on_trial, parent in known.values_list(
            "pk", "last_of_new", "on_trial", "parent"
        )
    ]


def _records(without: QuerySet[Battle] | None = None) -> dict[int, tuple[int, int]]:
    """(failures, responses) among the recent responses, by contender."""
    left_out = Q() if without is None else Q(placement__battle__in=without)
    newest = Response.objects.aggregate(newest=Max("pk"))["newest"] or 0
    recent = Response.objects.filter(
        pk__gt=newest - LATEST, created_at__gt=timezone.now() - WITHIN, state__in=_ENDED
    )
    rows = (
        recent.exclude(left_out)
        .order_by()
        .values_list("placement__contender")
        .annotate(failures=Count("pk", filter=Q(state=Response.State.ERROR)), responses=Count("pk"))
    )
    found = {contender: (failures, responses) for contender, failures, responses in rows}
    left = Replacement.objects.filter(created_at__gt=timezone.now() - WITHIN).exclude(left_out)
    for contender in left.order_by("-pk").values_list("contender", flat=True)[:LATEST]:
        failures, responses = found.get(contender, (0, 0))
        found[contender] = (failures + 1, responses + 1)
    return found
