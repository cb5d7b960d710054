"""Votes come into the count, go out of it, and are counted anew."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet

from arena.models import Vote
from arena.selectors import DecidedVote, decided_votes
from ranking import selectors, tape
from ranking.counting import (
    ALL,
    Ballot,
    Counts,
    EloScore,
    MovesInBattles,
    Slice,
    ballot_of,
    tallies_of,
)
from ranking.items import UNCOUNTED
from ranking.models import CountedVote, EloMark, EloRating, Tally
from ranking.services.locks import queue_up, stop_counting
from ranking.tallies import Verdict

CHUNK = 2_000
_COLUMNS = ["rater", "population", "categories", "cast_at", "lineup", "ranks", "style", "item"]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild found: whether what was stored followed from the votes."""

    votes: int
    rows_equal: bool
    tallies_equal: bool
    elo_equal: bool


@transaction.atomic
def count_votes(*, votes: Sequence[DecidedVote]) -> MovesInBattles:
    """Add votes, read with their texts, to the tallies and move online Elo, in the order given.

    Joins the transaction that casts them. Returns the overall Elo among the votes' own
    population as {(battle id, contender id): (before, after)}.
    """
    contenders = {contender for vote in votes for contender in vote.contender_ids}
    queue_up(contenders)
    counts = Counts(elo=_scores(EloRating.objects.filter(contender__in=contenders)))
    moves: dict[tuple[UUID, int], tuple[float, float]] = {}
    ballots = [ballot_of(vote) for vote in votes]
    # Of a rater's own vote, not of imported ones: those are never taken back within seconds.
    found = tape.look(counts.elo, ballots[0]) if len(ballots) == 1 else None
    for vote, ballot in zip(votes, ballots, strict=True):
        for contender, move in counts.add(ballot).items():
            moves[vote.battle_id, contender] = move
    _write_rows(ballots)
    if found is not None:
        EloMark.objects.create(vote_id=ballots[0].vote, found=found)
    _write_elo(counts.elo)
    _add_tallies(counts.tallies)
    return moves


@transaction.atomic
def recount(*, votes: Sequence[DecidedVote]) -> None:
    """Follow votes that were taken out of the count, brought back into it, or changed.

    Online Elo depends on the order of the votes: those since the first of these are played again
    if they are all recent, else all there are.
    """
    stop_counting()
    numbers = [vote.vote_id for vote in votes]
    back = set(Vote.objects.filter(pk__in=numbers, counted=True).values_list("pk", flat=True))
    if not back and _wind_back(numbers):
        return
    CountedVote.objects.filter(vote__in=numbers).delete()
    _write_rows([ballot_of(vote) for vote in votes if vote.vote_id in back])
    _replay()


@transaction.atomic
def rebuild() -> Rebuilt:
    """Derive everything once more from the votes; says whether it was stored already."""
    stop_counting()
    votes, rows_equal = 0, True
    chosen = decided_votes(ALL, texts=True)
    while chunk := [ballot_of(vote) for vote in islice(chosen, CHUNK)]:
        votes += len(chunk)
        numbers = [ballot.vote for ballot in chunk]
        known = {row.vote: row for row in selectors.ballots(_in_order(numbers))}
        wrong = [ballot for ballot in chunk if known.get(ballot.vote) != ballot]
        if wrong:
            rows_equal = False
            _write_rows(wrong)
    if CountedVote.objects.count() != votes:
        rows_equal = False
        CountedVote.objects.exclude(vote__counted=True).delete()
    tallies_equal, elo_equal = _replay()
    return Rebuilt(votes, rows_equal, tallies_equal, elo_equal)


def catch_up() -> bool:
    """Rebuild if there are counted votes that this version has not counted, as after an upgrade."""
    uncounted = Vote.objects.filter(counted=True, as_counted=None)
    if not uncounted.exists() and not CountedVote.objects.filter(item=UNCOUNTED).exists():
        return False
    rebuild()
    return True


def _wind_back(numbers: Sequence[int]) -> bool:
    """Take votes out of the counts by way of their marks; False if one since then has none."""
    rows = CountedVote.objects.filter(pk__gte=min(numbers)).order_by("pk")
    marks = dict(EloMark.objects.filter(pk__gte=min(numbers)).values_list("pk", "found"))
    if rows.count() != len(marks):
        return False
    recorded = [tape.Recorded(ballot, marks[ballot.vote]) for ballot in selectors.ballots(rows)]
    for ballot, _ in recorded:
        if ballot.vote in numbers:
            _subtract(ballot)
    CountedVote.objects.filter(pk__in=numbers).delete()  # their marks go with them
    elo, found = tape.without(numbers, recorded)
    EloMark.objects.bulk_update(
        [EloMark(vote_id=vote, found=new) for vote, new in found.items()], ["found"]
    )
    _write_elo({key: score for key, score in elo.items() if score.votes})
    for (part, contender), score in elo.items():
        if not score.votes:  # that was its first vote: it is as unknown as before
            EloRating.objects.filter(contender=contender, **part._asdict()).delete()
    return True


def _subtract(ballot: Ballot) -> None:
    for part, (lineup, ranks) in tallies_of(ballot):
        kind = Tally.objects.filter(**part._asdict(), lineup=_joined(lineup), ranks=_joined(ranks))
        kind.update(count=F("count") - 1)
        kind.filter(count=0).delete()


def _replay() -> tuple[bool, bool]:
    """Tallies and Elo of all rows, stored where they differ; says which were equal."""
    EloMark.objects.all().delete()  # what votes found is about to change
    counts = Counts()
    for ballot in selectors.ballots(CountedVote.objects.order_by("pk")):
        counts.add(ballot)
    tallies, elo = _stored()
    tallies_equal, elo_equal = tallies == counts.tallies, elo == counts.elo
    if not tallies_equal:
        Tally.objects.all().delete()
        _add_tallies(counts.tallies)
    if not elo_equal:
        EloRating.objects.all().delete()
        _write_elo(counts.elo)
    return tallies_equal, elo_equal


def _in_order(votes: Iterable[int]) -> QuerySet[CountedVote]:
    return CountedVote.objects.filter(pk__in=votes).order_by("pk")


def _write_rows(ballots: Iterable[Ballot]) -> None:
    CountedVote.objects.bulk_create(
        _rows(ballots),
        batch_size=CHUNK,
        update_conflicts=True,
        unique_fields=["vote"],
        update_fields=_COLUMNS,
    )


def _rows(ballots: Iterable[Ballot]) -> Iterator[CountedVote]:
    for ballot in ballots:
        yield CountedVote(
            vote_id=ballot.vote,
            rater=ballot.rater,
            population=ballot.population,
            categories=f" {' '.join(ballot.categories)} ",
            cast_at=ballot.cast_at,
            lineup=_joined(ballot.lineup),
            ranks=_joined(ballot.ranks),
            style=[list(counts) for counts in ballot.style],
            item=ballot.item,
        )


def _scores(rows: QuerySet[EloRating]) -> dict[tuple[Slice, int], EloScore]:
    return {
        (Slice(category, population), contender): EloScore(rating, votes)
        for category, population, contender, rating, votes in rows.values_list(
            "category", "population", "contender", "rating", "votes"
        )
    }


def _write_elo(elo: Mapping[tuple[Slice, int], EloScore]) -> None:
    EloRating.objects.bulk_create(
        (
            EloRating(
                contender_id=contender,
                category=part.category,
                population=part.population,
                rating=score.rating,
                votes=score.votes,
            )
            for (part, contender), score in sorted(elo.items(), key=lambda item: item[0])
        ),
        update_conflicts=True,
        unique_fields=["contender", "category", "population"],
        update_fields=["rating", "votes"],
    )


def _add_tallies(tallies: Counter[tuple[Slice, Verdict]]) -> None:
    before = {
        (category, population, lineup, ranks): count
        for category, population, lineup, ranks, count in Tally.objects.filter(
            category__in={part.category for part, _ in tallies},
            lineup__in={_joined(lineup) for _, (lineup, _) in tallies},
        ).values_list("category", "population", "lineup", "ranks", "count")
    }
    added = {
        (*part, _joined(lineup), _joined(ranks)): count
        for (part, (lineup, ranks)), count in tallies.items()
    }
    Tally.objects.bulk_create(
        (
            Tally(
                category=key[0],
                population=key[1],
                lineup=key[2],
                ranks=key[3],
                count=before.get(key, 0) + count,
            )
            for key, count in sorted(added.items())
        ),
        update_conflicts=True,
        unique_fields=["category", "population", "lineup", "ranks"],
        update_fields=["count"],
    )


def _stored() -> tuple[Counter[tuple[Slice, Verdict]], dict[tuple[Slice, int], EloScore]]:
    tallies = Counter(
        {
            (
                Slice(tally.category, tally.population),
                (selectors.numbers(tally.lineup), selectors.numbers(tally.ranks)),
            ): tally.count
            for tally in Tally.objects.filter(count__gt=0)
        }
    )
    return tallies, _scores(EloRating.objects.all())


def _joined(ids: Iterable[int]) -> str:
    return "-".join(map(str, ids))
