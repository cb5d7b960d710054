"""Votes for the ranking tests, cast through the arena's own service."""

from collections.abc import Sequence

from arena.models import Battle, Contender, Placement, Population, Rater, Response, Turn, Vote
from arena.services import cast_vote


def contender(slug: str) -> Contender:
    made, _ = Contender.objects.get_or_create(
        slug=slug, defaults={"name": slug.title(), "backend": "local", "model": "tiny"}
    )
    return made


def answered_battle(
    lineup: Sequence[str],
    *,
    population: str = Population.PEOPLE,
    category: str = "",
    mode: str = Battle.Mode.ANONYMOUS,
) -> Battle:
    """A battle of these contenders, position A first, that is ready for its vote."""
    rater, _ = Rater.objects.get_or_create(
        external_id=f"rater of {population}", defaults={"population": population}
    )
    battle = Battle.objects.create(rater=rater, population=population, category=category, mode=mode)
    turn = Turn.objects.create(battle=battle, number=1, prompt="Why?")
    for position, slug in enumerate(lineup):
        placement = Placement.objects.create(
            battle=battle, position=position, contender=contender(slug)
        )
        Response.objects.create(
            turn=turn, placement=placement, state=Response.State.DONE, text="Because."
        )
    return battle


def cast(
    lineup: Sequence[str],
    ranks: Sequence[int],
    *,
    all_bad: bool = False,
    population: str = Population.PEOPLE,
    category: str = "",
    mode: str = Battle.Mode.ANONYMOUS,
) -> Vote:
    battle = answered_battle(lineup, population=population, category=category, mode=mode)
    return cast_vote(battle=battle, ranks=ranks, all_bad=all_bad)
