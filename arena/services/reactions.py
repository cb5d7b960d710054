"""Thumbs."""

from collections.abc import Sequence
from functools import partial

from django.db import transaction
from django.utils.translation import gettext

from arena import live
from arena.errors import Invalid, NotFound
from arena.live.hub import announce
from arena.models import POSITIONS, Battle, Reaction, Response
from arena.reasons import clean_reasons
from arena.text import clean_comment


@transaction.atomic
def react(
    *,
    battle: Battle,
    turn: int,
    position: int,
    value: int,
    reasons: Sequence[str] = (),
    comment: str = "",
) -> Reaction | None:
    """Sets the thumb on the current response at a turn and position: 1, -1, or 0 to take it back.

    Possible at any time, after the vote too. None when there is no thumb any more. Open pages of
    the battle are told.
    """
    if isinstance(value, bool) or value not in (1, -1, 0):
        raise Invalid(gettext("A reaction's value is 1 (up), -1 (down) or 0 (taken back)."))
    kept = clean_reasons(reasons)
    remark = clean_comment(comment)
    # The lock makes the two requests of a double click follow each other.
    Battle.objects.select_for_update().get(pk=battle.pk)
    response = Response.objects.filter(
        turn__battle=battle, turn__number=turn, placement__position=position, superseded=False
    ).first()
    if response is None:
        place = POSITIONS[position] if position in range(len(POSITIONS)) else position
        raise NotFound(
            gettext("There is no response %(letter)s in turn %(turn)s of this battle.")
            % {"letter": place, "turn": turn}
        )
    if value == 0:
        kept, remark = [], ""
    event = live.reacted(turn=turn, position=position, value=value, reasons=kept, comment=remark)
    transaction.on_commit(partial(announce, battle.pk, event))
    if value == 0:
        Reaction.objects.filter(response=response).delete()
        return None
    reaction, _ = Reaction.objects.update_or_create(
        response=response, defaults={"value": value, "reasons": kept, "comment": remark}
    )
    return reaction
