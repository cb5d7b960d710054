"""A contender that failed leaves its position to another one, without a word to the rater."""

from django.db import transaction

from arena.models import Battle, Contender, Placement, Replacement, Response
from arena.services import lineups


@transaction.atomic
def replace_contender(*, response_id: int, error: str, duration_s: float) -> bool:
    """Puts another contender at the position of a response that failed before it said anything.

    Only in the first turn of an open anonymous battle, and only while nothing that was ever said
    at that position has been shown. The other one is drawn as the matchmaker would draw a next
    one beside those that stay. The failures are kept as `Replacement`s. False when nobody is
    left to be drawn, or when it may not be; then nothing has changed.
    """
    response = Response.objects.select_related("turn", "placement").get(pk=response_id)
    # The lock makes the positions of one battle be filled one after another.
    battle = Battle.objects.select_for_update().get(pk=response.turn.battle_id)
    placement = Placement.objects.get(pk=response.placement_id)
    if not _may_be_replaced(battle, response, placement):
        return False
    drawn = _draw(battle, placement)
    if drawn is None:
        return False
    other, chance = drawn
    failed = list(placement.responses.exclude(pk=response_id))
    # Earlier tries that failed were this contender's too.
    for cause, seconds in [*((r.error, r.duration_s or 0.0) for r in failed), (error, duration_s)]:
        Replacement.objects.create(
            placement=placement,
            contender_id=placement.contender_id,
            error=cause[:300],
            propensity=placement.propensity,
            chance=chance,
            duration_s=seconds,
        )
    placement.responses.exclude(pk=response_id).delete()
    placement.contender_id = other
    placement.save(update_fields=["contender"])
    # How probable the line-up that is now there was depends on who fails, which nobody knows.
    battle.placements.update(propensity=None)
    return True


def _may_be_replaced(battle: Battle, response: Response, placement: Placement) -> bool:
    return (
        battle.mode == Battle.Mode.ANONYMOUS
        and battle.state == Battle.State.OPEN
        and response.turn.number == 1
        and not response.superseded
        and not response.finished
        and not placement.responses.exclude(text="").exists()
    )


def _draw(battle: Battle, placement: Placement) -> tuple[int, float] | None:
    there = battle.placements.exclude(pk=placement.pk)
    staying = set(there.values_list("contender_id", flat=True))
    failed = Replacement.objects.filter(placement__battle=battle)
    out = {placement.contender_id, *failed.values_list("contender_id", flat=True)} - staying
    able = Contender.objects.filter(active=True, external=False) | Contender.objects.filter(
        pk__in=staying
    )
    return lineups.draw_other(
        dict(able.values_list("pk", "slug")),
        staying=staying,
        out=out,
        population=battle.population,
    )
