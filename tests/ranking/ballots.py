"""Votes for the ranking tests, cast through the arena's own service."""

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Any
from unittest import mock

from django.contrib.auth.models import User
from django.utils import timezone

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
    prompts: Sequence[str] = ("?",),
    answers: Sequence[str] = (),
    tags: str = "",
    rater: Rater | None = None,
) -> Battle:
    """A battle of these contenders, position A first, that is ready for its vote.

    `answers`: one for each position, the same in every turn. The rater is one whose account is
    not known, so that the vote is in no category unless asked.
    """
    if rater is None:
        rater, _ = Rater.objects.get_or_create(
            external_id=f"rater of {population}", defaults={"population": population}
        )
    battle = Battle.objects.create(
        rater=rater,
        population=population,
        category=category,
        mode=mode,
        tags=tags,
        signed_in=None if rater.external_id else rater.user_id is not None,
    )
    turns = Turn.objects.bulk_create(
        Turn(battle=battle, number=number, prompt=prompt)
        for number, prompt in enumerate(prompts, 1)
    )
    for position, slug in enumerate(lineup):
        placement = Placement.objects.create(
            battle=battle, position=position, contender=contender(slug)
        )
        text = answers[position] if answers else "Because."
        Response.objects.bulk_create(
            Response(turn=turn, placement=placement, state=Response.State.DONE, text=text)
            for turn in turns
        )
    return battle


def somebody(name: str = "") -> Rater:
    """An anonymous rater, or one with an account of that name."""
    user = User.objects.create_user(name) if name else None
    return Rater.objects.create(user=user)


def cast(
    lineup: Sequence[str],
    ranks: Sequence[int],
    *,
    all_bad: bool = False,
    cast_at: datetime | None = None,
    **battle: Any,
) -> Vote:
    """A vote through the arena's own service; the rest as in `answered_battle`."""
    made = answered_battle(lineup, **battle)
    with mock.patch.object(timezone, "now", return_value=cast_at) if cast_at else nullcontext():
        return cast_vote(battle=made, ranks=ranks, all_bad=all_bad)
