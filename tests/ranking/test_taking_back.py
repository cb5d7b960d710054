"""A vote that is taken back leaves tallies and Elo exactly as if it had never been cast."""

import random
from typing import Any
from unittest import mock

import pytest
from django.db import transaction

from arena.models import Battle, Vote
from arena.services import cast_vote, exclude_votes, take_back_vote
from ranking.models import CountedVote, EloMark, EloRating, Tally
from ranking.services import Rebuilt, rebuild, refresh_leaderboards
from ranking.services import votes as counting
from tests.ranking.ballots import answered_battle
from tests.ranking.test_concurrency import at_once, vote_on

RANKS = [[1, 2], [2, 1], [1, 1], [1, 2, 3], [2, 1, 2], [1, 1, 1]]


def stored() -> list[Any]:
    """Tallies and Elo, to the last bit."""
    tallies = Tally.objects.values_list("category", "population", "lineup", "ranks", "count")
    elo = EloRating.objects.values_list("category", "population", "contender", "rating", "votes")
    return [sorted(tallies), sorted(elo)]


def cast(lineup: str, ranks: list[int], **battle: Any) -> Battle:
    made = answered_battle(lineup, **battle)
    cast_vote(battle=made, ranks=ranks)
    return made


@pytest.fixture
def no_replay() -> Any:
    with mock.patch.object(counting, "_replay", side_effect=AssertionError("played again")) as no:
        yield no


@pytest.mark.django_db
def test_nothing_is_left_of_the_only_vote(no_replay: Any) -> None:
    battle = cast("abc", [1, 2, 3], category="coding")
    take_back_vote(battle=battle)
    assert stored() == [[], []]
    assert not CountedVote.objects.exists()
    assert not EloMark.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(5))
def test_everything_is_as_if_it_had_never_been_cast(seed: int, no_replay: Any) -> None:
    rng = random.Random(seed)
    plan = []
    for _ in range(12):
        ranks = rng.choice(RANKS)
        lineup = "".join(rng.sample("abcde", len(ranks)))
        more = {
            "population": rng.choice(["people", "simulated"]),
            "category": rng.choice(["", "coding", "writing"]),
        }
        plan.append((lineup, ranks, more, rng.random() < 0.4))
    answered_battle("abcde"[:3]), answered_battle("de")  # everybody exists in both worlds
    with transaction.atomic():
        for lineup, ranks, more, back in plan:
            if not back:
                cast(lineup, ranks, **more)
        expected = stored()
        transaction.set_rollback(True)
    battles = [(cast(lineup, ranks, **more), back) for lineup, ranks, more, back in plan]
    doomed = [battle for battle, back in battles if back]
    rng.shuffle(doomed)  # others were cast meanwhile, and are taken back in any order
    for battle in doomed:
        take_back_vote(battle=battle)
    assert stored() == expected


@pytest.mark.django_db
def test_without_marks_all_votes_are_played_again() -> None:
    cast("ab", [1, 2])
    battle = cast("bc", [1, 2])
    cast("ca", [2, 1])
    EloMark.objects.all().delete()
    take_back_vote(battle=battle)
    assert rebuild() == Rebuilt(2, rows_equal=True, tallies_equal=True, elo_equal=True)


@pytest.mark.django_db
def test_votes_that_staff_take_out_at_once_need_no_replay_either(no_replay: Any) -> None:
    cast("ab", [1, 2])
    before = stored()
    cast("bc", [1, 2])
    cast("ca", [2, 1])
    exclude_votes(votes=Vote.objects.order_by("pk")[1:], because="A robot.")
    assert stored() == before


@pytest.mark.django_db
def test_after_a_replay_the_older_marks_are_not_believed() -> None:
    first = cast("ab", [1, 2])
    exclude_votes(votes=Vote.objects.filter(battle=cast("bc", [1, 2])), because="A robot.")
    EloMark.objects.all().delete()
    last = cast("ab", [2, 1])
    exclude_votes(votes=Vote.objects.filter(battle=first), because="A robot.")
    take_back_vote(battle=last)
    assert stored() == [[], []]


@pytest.mark.django_db
def test_marks_go_after_a_while() -> None:
    vote = cast("ab", [1, 2]).vote
    refresh_leaderboards()
    assert EloMark.objects.exists()
    CountedVote.objects.update(cast_at=vote.cast_at.replace(year=2020))
    refresh_leaderboards()
    assert not EloMark.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_taking_back_beside_voting_leaves_the_votes_that_count() -> None:
    doomed = [cast("abc", [2, 1, 3]) for _ in range(4)]
    work = [[answered_battle(lineup) for _ in range(4)] for lineup in ("abc", "bcd", "axy")]

    def take_all_back() -> None:
        for battle in doomed:
            take_back_vote(battle=battle)

    results = at_once(*(vote_on(battles) for battles in work), take_all_back)
    assert results == [None] * 4
    assert rebuild() == Rebuilt(12, rows_equal=True, tallies_equal=True, elo_equal=True)
    assert not [vote for vote in Vote.objects.all() if vote.battle in doomed]


@pytest.mark.django_db(transaction=True)
def test_of_two_clicks_at_once_one_takes_it_back() -> None:
    battle = cast("ab", [1, 2])
    keep = cast("ab", [2, 1])
    at_once(*[lambda: take_back_vote(battle=Battle.objects.get(pk=battle.pk))] * 4)
    assert [vote.battle_id for vote in Vote.objects.all()] == [keep.pk]
    assert rebuild() == Rebuilt(1, rows_equal=True, tallies_equal=True, elo_equal=True)
