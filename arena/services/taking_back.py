"""A vote is taken back, within seconds of its cast."""

from datetime import timedelta
from functools import partial

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from arena import live
from arena.errors import Conflict
from arena.live.hub import announce
from arena.models import Battle, Vote
from arena.selectors import TAKE_BACK_WITHIN, decided_votes
from arena.signals import vote_excluded

# A click in the last second may take its time to arrive.
ON_ITS_WAY = timedelta(seconds=2)


@transaction.atomic
def take_back_vote(*, battle: Battle) -> None:
    """The vote is out of the count as if it had never been cast, and the battle is open again.

    The rater has seen the names by now, so whatever is voted there next does not count. The first
    verdict is kept beside the battle: whether names decide what is taken back can be looked into.
    Conflict when there is no vote, or it is too old.
    """
    locked = Battle.objects.select_for_update().get(pk=battle.pk)
    vote = Vote.objects.filter(battle=locked).first()
    if vote is None:
        raise Conflict(_("This battle has no vote that could be taken back."))
    if timezone.now() - vote.cast_at > TAKE_BACK_WITHIN + ON_ITS_WAY:
        raise Conflict(
            _("A vote can be taken back for %(seconds)s seconds. This one stands.")
            % {"seconds": TAKE_BACK_WITHIN.seconds}
        )
    if vote.counted:
        chosen = Vote.objects.filter(pk=vote.pk)
        told = list(decided_votes(texts=True, votes=chosen))
        chosen.update(counted=False)
        vote_excluded.send(sender=Vote, votes=told)
    if locked.taken_back is None:
        ranks = list(locked.placements.order_by("position").values_list("rank", flat=True))
        locked.taken_back = {"ranks": ranks, "all_bad": vote.all_bad}
    vote.delete()
    locked.placements.update(rank=None, elo_before=None, elo_after=None)
    locked.state = Battle.State.OPEN
    locked.save(update_fields=["state", "taken_back"])
    battle.state, battle.taken_back = locked.state, locked.taken_back
    transaction.on_commit(partial(announce, locked.pk, live.changed(state=locked.state)))
