"""Keeps the tallies, online Elo and leaderboards in step with the votes."""

from collections.abc import Sequence

from django.db import transaction
from django.dispatch import receiver

from arena.selectors import DecidedVote
from arena.signals import vote_cast, vote_changed, vote_excluded, vote_restored
from ranking import services, tasks
from ranking.counting import MovesInBattles


@receiver(vote_cast)
def count(votes: Sequence[DecidedVote], more: bool = False, **_: object) -> MovesInBattles:
    moves = services.count_votes(votes=votes)
    if not more:
        transaction.on_commit(tasks.queue_refresh, robust=True)
    return moves


@receiver([vote_excluded, vote_restored, vote_changed])
def recount(votes: Sequence[DecidedVote], **_: object) -> None:
    services.recount(votes=votes)
    transaction.on_commit(tasks.queue_refresh, robust=True)
