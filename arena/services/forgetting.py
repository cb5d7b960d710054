"""A rater is forgotten."""

from collections.abc import Set
from functools import partial

from django.db import transaction
from django.db.models import QuerySet

from arena import live
from arena.live.hub import announce_in_each
from arena.models import Battle, Population, Rater, Turn, Vote
from arena.selectors import decided_votes
from arena.signals import vote_changed, vote_excluded


@transaction.atomic
def forget_raters(*, raters: Set[int], keep_verdicts: bool) -> None:
    """Deletes these raters with all that they typed, were answered, and said of it.

    `keep_verdicts` leaves what the leaderboard needs of their counted votes: who was ranked how,
    and when, under a new rater who is nobody. Without it these go as well, out of the count too.
    Open pages of their battles lose their sockets.
    """
    list(Rater.objects.select_for_update().filter(pk__in=raters).order_by("pk"))
    battles = list(Battle.objects.filter(rater__in=raters).values_list("pk", flat=True))
    counted = Vote.objects.filter(battle__rater__in=raters, counted=True)
    if keep_verdicts:
        _keep_verdicts(raters, counted)
    elif told := list(decided_votes(texts=True, votes=counted)):
        counted.update(counted=False)
        vote_excluded.send(sender=Vote, votes=told)
    Battle.objects.filter(rater__in=raters).delete()
    Rater.objects.filter(pk__in=raters).delete()
    if battles:
        transaction.on_commit(partial(announce_in_each, battles, live.gone()))


def _keep_verdicts(raters: Set[int], counted: QuerySet[Vote]) -> None:
    for population in Population.values:
        kept = Battle.objects.filter(
            rater__in=raters, population=population, vote__in=counted.values("pk")
        )
        if not kept.exists():
            continue
        # Responses and reactions go with the turns.
        Turn.objects.filter(battle__in=kept).delete()
        Vote.objects.filter(battle__in=kept).update(comment="", reasons=[], features={})
        nobody = Rater.objects.create(population=population)
        kept.update(rater=nobody)
        changed = Vote.objects.filter(battle__rater=nobody)
        vote_changed.send(sender=Vote, votes=list(decided_votes(texts=True, votes=changed)))
