"""How much there is to learn from."""

from dataclasses import dataclass

from django.db.models import Count, Q

from arena.selectors import counted_votes


@dataclass(frozen=True, slots=True)
class VoteCount:
    """Votes that count, and how many of them have the texts that training needs."""

    counted: int
    with_texts: int


def count_votes(population: str) -> VoteCount:
    """Votes of a population; raises ValueError for an unknown one."""
    votes = counted_votes(population)
    answered = Count(
        "battle__placements",
        filter=Q(
            battle__placements__responses__superseded=False,
            battle__placements__responses__turn__number=1,
        )
        & ~Q(battle__placements__responses__text=""),
        distinct=True,
    )
    return VoteCount(
        counted=votes.count(),
        with_texts=votes.order_by().annotate(answered=answered).filter(answered__gte=2).count(),
    )
