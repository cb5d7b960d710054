"""What the database knows of the circumstances of votes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from arena.blindness import blind_text
from arena.models import Battle, Placement, Population, Response, Turn
from arena.validity import Circumstances, position_test

# More than so many are not told apart.
COUNTED_UP_TO = 1_000


@dataclass(frozen=True, slots=True)
class Bias:
    """How often a rater preferred the first of two positions; ties are left out.

    `p` is the probability of a split at least as uneven if positions did not matter.
    """

    rater: int
    votes: int
    first: int
    p: float

    @property
    def share(self) -> float:
        return self.first / self.votes


def circumstances(battle: Battle, *, at: datetime) -> Circumstances:
    """Of a vote on this battle that is cast at this moment."""
    turns = list(battle.turns.order_by("number"))
    first, last = turns[0], turns[-1]
    shown = list(Response.objects.filter(turn=last, superseded=False))
    ended = max((response.ended_at for response in shown if response.ended_at), default=None)
    same = Turn.objects.filter(number=1, prompt_key=first.prompt_key).exclude(pk=first.pk)
    same = same.filter(battle__population=battle.population) if first.prompt_key else same.none()
    return Circumstances(
        texts=tuple(
            blind_text(response.text, response.disclosures, was_masked=response.masked)
            for response in shown
        ),
        seconds_since_prompt=(at - last.created_at).total_seconds(),
        seconds_since_end=(at - ended).total_seconds() if ended else None,
        regenerated=Response.objects.filter(turn__battle=battle, superseded=True).count(),
        turns=last.number,
        same_prompt_before=same.filter(battle__rater=battle.rater_id)[:COUNTED_UP_TO].count(),
        same_prompt_by_others=same.exclude(battle__rater=battle.rater_id)[:COUNTED_UP_TO].count(),
    )


def position_biases(*, population: str = Population.PEOPLE, least: int = 20) -> Iterator[Bias]:
    """Of each rater with at least so many votes on two responses that preferred one of them."""
    decided = (
        Placement.objects.filter(
            position=0, rank__in=(1, 2), battle__vote__counted=True,
            battle__population=population,
        )
        .annotate(size=Count("battle__placements"))
        .annotate(best=Count("battle__placements", filter=Q(battle__placements__rank=1)))
        .filter(size=2, best=1)
    )  # fmt: skip
    ranks: dict[int, list[int]] = {}
    rows = decided.values_list("battle__rater", "rank").order_by().iterator()
    for rater, rank in rows:
        if rank is not None:
            ranks.setdefault(rater, []).append(rank)
    for rater, given in sorted(ranks.items()):
        if len(given) >= least:
            first = given.count(1)
            yield Bias(rater, len(given), first, position_test(first, len(given)))
