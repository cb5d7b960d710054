"""Votes and thumbs for the lab's tests, written straight into the tables."""

from collections.abc import Sequence

from django.utils import timezone

from arena.models import (
    Battle,
    Contender,
    Placement,
    Population,
    Rater,
    Reaction,
    Response,
    Turn,
    Vote,
)


def contender(slug: str) -> Contender:
    made, _ = Contender.objects.get_or_create(
        slug=slug, defaults={"name": slug.title(), "backend": "local", "model": "tiny"}
    )
    return made


def rater(name: str = "rater-1", population: str = Population.PEOPLE) -> Rater:
    made, _ = Rater.objects.get_or_create(external_id=name, defaults={"population": population})
    return made


def converse(
    prompts: Sequence[str],
    answers: dict[str, Sequence[str]],
    *,
    by: str = "rater-1",
    population: str = Population.PEOPLE,
    category: str = "",
) -> Battle:
    """A battle in which each contender (by slug) answered each prompt; "" is a failed answer."""
    battle = Battle.objects.create(
        rater=rater(f"{by}/{population}", population), population=population, category=category
    )
    placements = [
        Placement.objects.create(battle=battle, position=position, contender=contender(slug))
        for position, slug in enumerate(answers)
    ]
    for number, prompt in enumerate(prompts, start=1):
        turn = Turn.objects.create(battle=battle, number=number, prompt=prompt)
        for placement in placements:
            texts = answers[placement.contender.slug]
            if len(texts) >= number:
                text = texts[number - 1]
                state = Response.State.DONE if text else Response.State.ERROR
                Response.objects.create(turn=turn, placement=placement, text=text, state=state)
    return battle


def vote(battle: Battle, ranks: Sequence[int], *, all_bad: bool = False) -> Vote:
    for placement, rank in zip(battle.placements.all(), ranks, strict=True):
        placement.rank = rank
        placement.save(update_fields=["rank"])
    battle.state = Battle.State.VOTED
    battle.save(update_fields=["state"])
    return Vote.objects.create(battle=battle, all_bad=all_bad, cast_at=timezone.now())


def thumb(battle: Battle, position: int, value: int, *, turn: int = 1) -> Reaction:
    response = Response.objects.get(
        turn__battle=battle, turn__number=turn, placement__position=position, superseded=False
    )
    return Reaction.objects.create(response=response, value=value)


def many_votes(count: int, *, population: str = Population.PEOPLE) -> list[Vote]:
    """`count` votes of two, each on a prompt of its own; the longer answer wins."""
    by = rater(f"rater-1/{population}", population)
    sides = [contender("amber"), contender("birch")]
    battles = Battle.objects.bulk_create(
        Battle(rater=by, population=population, state=Battle.State.VOTED) for _ in range(count)
    )
    turns = Turn.objects.bulk_create(
        Turn(battle=battle, number=1, prompt=f"Question number {number}?")
        for number, battle in enumerate(battles)
    )
    placements = Placement.objects.bulk_create(
        Placement(battle=battle, position=place, contender=side, rank=place + 1)
        for battle in battles
        for place, side in enumerate(sides)
    )
    Response.objects.bulk_create(
        Response(
            turn=turns[index // 2],
            placement=placement,
            state=Response.State.DONE,
            text="Short." if index % 2 else f"A long answer to question {index // 2}.",
        )
        for index, placement in enumerate(placements)
    )
    now = timezone.now()
    return Vote.objects.bulk_create(Vote(battle=battle, cast_at=now) for battle in battles)
