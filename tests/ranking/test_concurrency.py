"""Votes at the same moment: nothing is lost, nothing counted twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from arena.errors import Conflict
from arena.models import Battle
from arena.services import cast_vote, exclude_votes
from ranking.models import EloRating, Tally
from ranking.services import Rebuilt, rebuild
from tests.ranking.ballots import answered_battle, cast

pytestmark = pytest.mark.django_db(transaction=True)
RATERS = 6


def at_once(*jobs: Callable[[], object]) -> list[object]:
    """Results or exceptions of jobs that start together, each with its own connection."""
    barrier = Barrier(len(jobs))

    def run(job: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return job()
        except Conflict as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def vote_on(battles: list[Battle]) -> Callable[[], object]:
    def vote() -> None:
        for number, battle in enumerate(battles):
            ranks = [[1, 2, 3], [2, 1, 3], [1, 1, 3]][number % 3]
            cast_vote(battle=battle, ranks=ranks[: battle.placements.count()])

    return vote


def test_votes_on_shared_and_new_contenders_are_all_counted() -> None:
    lineups = ["abc", "bcd", "cda", "xyz", "dab", "zab"]
    work = [
        [answered_battle(lineups[(rater + n) % len(lineups)]) for n in range(6)]
        for rater in range(RATERS)
    ]
    at_once(*(vote_on(battles) for battles in work))
    votes = RATERS * 6
    assert sum(Tally.objects.filter(category="overall").values_list("count", flat=True)) == votes
    assert rebuild() == Rebuilt(votes, rows_equal=True, tallies_equal=True, elo_equal=True)


def test_one_battle_has_one_vote_however_often_it_is_clicked() -> None:
    battle = answered_battle("ab")
    results = at_once(*[lambda: cast_vote(battle=battle, ranks=[1, 2])] * RATERS)
    assert sum(isinstance(result, Conflict) for result in results) == RATERS - 1
    assert Tally.objects.get().count == 1
    assert EloRating.objects.get(contender__slug="a", population="people").votes == 1


def test_excluding_beside_voting_leaves_the_votes_that_count() -> None:
    odd = [cast("ab", [2, 1]) for _ in range(3)]
    work = [[answered_battle(lineup) for _ in range(4)] for lineup in ("abc", "bcd", "axy")]
    at_once(
        *(vote_on(battles) for battles in work),
        lambda: exclude_votes(votes=odd, because="A robot."),
        rebuild,
    )
    assert rebuild() == Rebuilt(12, rows_equal=True, tallies_equal=True, elo_equal=True)
