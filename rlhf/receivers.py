"""Votes may decide a trial."""

from collections.abc import Sequence

from django.db import transaction
from django.dispatch import receiver

from arena.selectors import DecidedVote
from arena.signals import vote_cast
from rlhf import tasks
from rlhf.selectors import open_trials


@receiver(vote_cast)
def judge(votes: Sequence[DecidedVote], **_: object) -> None:
    """Have the trials judged if one of these votes is on a child and its parent."""
    duels = [set(duel) for duel in open_trials().values_list("child", "parent")]
    if any(duel.issubset(vote.contender_ids) for duel in duels for vote in votes):
        transaction.on_commit(tasks.queue_judging, robust=True)
