"""Writes of ranking: counting votes, rebuilding the counts, storing leaderboards."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from arena.models import Contender
from arena.selectors import DecidedVote, decided_votes
from ranking import selectors
from ranking.boards import METHODS, Board, SliceCounts, rank_contenders
from ranking.counting import ALL, OVERALL, Counts, EloScore, Moves, Slice, Verdict
from ranking.models import POPULATIONS, EloRating, Leaderboard, Standing, Tally

SNAPSHOTS_KEPT = 200  # of each kind

_COUNTING, _STORING = 0x41524E41, 0x41524E42  # keys of PostgreSQL's advisory locks


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild found: whether the stored counts were those of the votes."""

    votes: int
    tallies_equal: bool
    elo_equal: bool


@transaction.atomic
def count_votes(*, votes: Sequence[DecidedVote]) -> Moves:
    """Add votes to the tallies and move online Elo, in the order given.

    Joins the transaction that casts them. Returns the overall Elo among the votes' own
    population as {(battle id, contender id): (before, after)}.
    """
    contenders = {contender for vote in votes for contender in vote.contender_ids}
    _queue_up(contenders)
    counts = Counts(elo=_scores(EloRating.objects.filter(contender__in=contenders)))
    moves: dict[tuple[UUID, int], tuple[float, float]] = {}
    for vote in votes:
        moves.update(counts.add(vote))
    _write_elo(counts)
    _add_tallies(counts.tallies)
    return moves


@transaction.atomic
def rebuild() -> Rebuilt:
    """Count all votes again and store the result; says whether it was stored already.

    Online Elo depends on the order of the votes, so taking one out or bringing one back means
    playing all of them again: this reads every counted vote.
    """
    _be_alone()
    counts, votes = Counts(), 0
    for vote in decided_votes(ALL):
        counts.add(vote)
        votes += 1
    tallies, elo = _stored()
    rebuilt = Rebuilt(votes, tallies == counts.tallies, elo == counts.elo)
    if not rebuilt.tallies_equal:
        Tally.objects.all().delete()
        _add_tallies(counts.tallies)
    if not rebuilt.elo_equal:
        EloRating.objects.all().delete()
        _write_elo(counts)
    return rebuilt


def refresh_leaderboards() -> list[Leaderboard]:
    """Store a new leaderboard of each method and population whose counts have changed."""
    stored = []
    for population, _ in POPULATIONS:
        part = Slice(OVERALL, population)
        newest = {method: _newest(method, part) for method in METHODS}
        counts = selectors.stored_counts(part)
        for method in METHODS:
            board = _refresh(method, part, counts, newest[method])
            if board is not None:
                stored.append(board)
    return stored


def _refresh(
    method: str, part: Slice, counts: SliceCounts, newest: Leaderboard | None
) -> Leaderboard | None:
    """Fit and store one leaderboard, unless nothing has changed since the newest one."""
    while True:
        digest = counts.digest(method)
        unchanged = newest.digest == digest if newest else not counts.tallies
        if unchanged:
            return None
        board = rank_contenders(method, counts, selectors.contenders_in(counts))
        unsaved = Leaderboard(
            method=method,
            category=part.category,
            population=part.population,
            settings=board.settings,
            caveats=board.caveats,
            votes=counts.votes,
            digest=digest,
        )
        if _store(unsaved, board, after=newest):
            return unsaved
        newest = _newest(method, part)
        counts = selectors.stored_counts(part)


def _newest(method: str, part: Slice) -> Leaderboard | None:
    kind = Leaderboard.objects.filter(
        method=method, category=part.category, population=part.population
    )
    return kind.order_by("-pk").first()


@transaction.atomic
def _store(unsaved: Leaderboard, board: Board, *, after: Leaderboard | None) -> bool:
    """Store the snapshot and prune old ones; or refuse, if a newer one was stored meanwhile.

    That one may rest on older counts than this one or on newer ones, so the caller looks again.
    """
    _lock(_STORING)
    if _newest(unsaved.method, Slice(unsaved.category, unsaved.population)) != after:
        return False
    unsaved.save(force_insert=True)
    Standing.objects.bulk_create(
        Standing(
            leaderboard=unsaved,
            contender_id=line.contender_id,
            rank=line.rank,
            rank_low=line.rank_low,
            rank_high=line.rank_high,
            rating=line.rating,
            lower=line.lower,
            upper=line.upper,
            votes=line.votes,
            wins=line.wins,
            losses=line.losses,
            ties=line.ties,
        )
        for line in board.standings
    )
    kind = Leaderboard.objects.filter(
        method=unsaved.method, category=unsaved.category, population=unsaved.population
    )
    old = list(kind.order_by("-pk").values_list("pk", flat=True)[SNAPSHOTS_KEPT:])
    Leaderboard.objects.filter(pk__in=old).delete()
    return True


def _scores(rows: QuerySet[EloRating]) -> dict[tuple[Slice, int], EloScore]:
    return {
        (Slice(category, population), contender): EloScore(rating, votes)
        for category, population, contender, rating, votes in rows.values_list(
            "category", "population", "contender", "rating", "votes"
        )
    }


def _write_elo(counts: Counts) -> None:
    EloRating.objects.bulk_create(
        (
            EloRating(
                contender_id=contender,
                category=part.category,
                population=part.population,
                rating=score.rating,
                votes=score.votes,
            )
            for (part, contender), score in sorted(counts.elo.items(), key=lambda item: item[0])
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


def _queue_up(contenders: Iterable[int]) -> None:
    """Wait for whoever is counting votes of the same contenders, or rebuilding.

    Every tally and rating that a vote changes belongs to its contenders, so holding their rows,
    taken in one order, makes what is read afterwards safe to write. SQLite has one writer.
    """
    if connection.features.has_select_for_update:
        _lock(_COUNTING, shared=True)
        rows = Contender.objects.filter(pk__in=contenders).select_for_update(no_key=True)
        list(rows.order_by("pk").values_list("pk"))


def _be_alone() -> None:
    """Wait until nobody counts votes, and let nobody begin until this transaction ends."""
    _lock(_COUNTING)


def _lock(key: int, *, shared: bool = False) -> None:
    if connection.vendor == "postgresql":
        kind = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {kind}(%s)", [key])
