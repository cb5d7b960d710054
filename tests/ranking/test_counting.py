"""What a vote does to the tallies and to online Elo."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from arena.models import Battle, Contender, Population, Vote
from arena.services import exclude_votes, restore_votes
from ranking.models import EloRating, Tally
from ranking.services import Rebuilt, rebuild
from tests.ranking.ballots import cast, contender

pytestmark = pytest.mark.django_db


def tallies(population: str = Population.PEOPLE, category: str = "overall") -> dict[str, int]:
    """{"a>b=c": count}, contenders in the order of their slugs within a rank."""
    slugs = dict(Contender.objects.values_list("pk", "slug"))
    found = {}
    for tally in Tally.objects.filter(population=population, category=category):
        names = [slugs[int(pk)] for pk in tally.lineup.split("-")]
        ranked = sorted(zip(map(int, tally.ranks.split("-")), names, strict=True))
        text = ranked[0][1]
        for (above, _), (rank, name) in pairwise(ranked):
            text += ("=" if rank == above else ">") + name
        found[text] = tally.count
    return found


def elo(population: str = Population.PEOPLE, category: str = "overall") -> dict[str, float]:
    rows = EloRating.objects.filter(population=population, category=category)
    return dict(rows.values_list("contender__slug", "rating"))


def stored() -> tuple[list[object], list[object]]:
    return (
        list(
            Tally.objects.order_by("category", "population", "lineup", "ranks").values_list(
                "category", "population", "lineup", "ranks", "count"
            )
        ),
        list(
            EloRating.objects.order_by("category", "population", "contender").values_list(
                "category", "population", "contender", "rating", "votes"
            )
        ),
    )


def test_identical_votes_share_a_tally_whatever_their_positions() -> None:
    cast("ab", [1, 2])
    cast("ba", [2, 1])
    cast("ab", [2, 1])
    assert tallies() == {"a>b": 2, "b>a": 1}


def test_a_tie_and_both_bad_are_ties() -> None:
    cast("ab", [1, 1])
    cast("ab", [1, 1], all_bad=True)
    assert tallies() == {"a=b": 2}


def test_a_vote_of_three_is_one_tally() -> None:
    cast("cab", [2, 1, 2])
    cast("abc", [1, 2, 2])
    assert tallies() == {"a>b=c": 2}


def test_elo_moves_by_half_k_between_equals() -> None:
    vote = cast("ab", [1, 2])
    assert elo() == {"a": 1002.0, "b": 998.0}
    changes = vote.battle.placements.values_list("elo_before", "elo_after")
    assert list(changes) == [(1000.0, 1002.0), (1000.0, 998.0)]


def test_elo_of_a_second_vote_by_hand() -> None:
    cast("ab", [1, 2])
    cast("ab", [1, 2])
    expected = 1 / (1 + 10 ** (-4 / 400))
    assert elo()["a"] == pytest.approx(1002 + 4 * (1 - expected), abs=1e-12)


def test_a_vote_of_three_moves_elo_no_further_than_a_vote_of_two() -> None:
    cast("abc", [1, 2, 3])
    assert elo() == {"a": 1002.0, "b": 1000.0, "c": 998.0}


def test_people_and_simulated_raters_are_counted_apart_and_together() -> None:
    cast("ab", [1, 2])
    cast("ab", [2, 1], population=Population.SIMULATED)
    assert tallies(Population.PEOPLE) == {"a>b": 1}
    assert tallies(Population.SIMULATED) == {"b>a": 1}
    assert elo(Population.PEOPLE)["a"] == 1002.0
    assert elo(Population.SIMULATED)["a"] == 998.0
    assert 999.0 < elo("all")["a"] < 1000.0


def test_the_reveal_shows_the_elo_of_the_raters_own_population() -> None:
    cast("ab", [1, 2])
    vote = cast("ab", [1, 2], population=Population.SIMULATED)
    assert vote.battle.placements.get(position=0).elo_before == 1000.0


def test_a_category_is_counted_beside_overall() -> None:
    cast("ab", [1, 2], category="coding")
    cast("ab", [2, 1])
    assert tallies(category="coding") == {"a>b": 1}
    assert tallies() == {"a>b": 1, "b>a": 1}
    assert elo(category="coding") == {"a": 1002.0, "b": 998.0}


def test_a_vote_on_named_contenders_does_not_count() -> None:
    vote = cast("ab", [1, 2], mode=Battle.Mode.SIDE_BY_SIDE)
    assert tallies() == {}
    assert elo() == {}
    assert vote.battle.placements.get(position=0).elo_after is None


def test_excluding_a_vote_takes_it_back() -> None:
    cast("ab", [1, 2])
    before = stored()
    odd = cast("bca", [1, 2, 3], category="coding")
    exclude_votes(votes=[odd], because="A robot.")
    assert stored() == before


def test_excluding_an_early_vote_leaves_what_the_later_ones_alone_give() -> None:
    early = cast("ab", [2, 1])
    cast("ab", [1, 2])
    cast("bc", [1, 1])
    exclude_votes(votes=[early], because="A robot.")
    assert tallies() == {"a>b": 1, "b=c": 1}
    assert elo()["a"] == 1002.0


def test_restoring_a_vote_puts_it_back_in_its_place() -> None:
    early = cast("ab", [2, 1])
    cast("ab", [1, 2])
    before = stored()
    exclude_votes(votes=[early], because="A mistake.")
    assert stored() != before
    restore_votes(votes=[early])
    assert stored() == before


def test_a_rebuild_finds_what_votes_left() -> None:
    cast("abc", [1, 2, 2], category="coding")
    cast("cb", [1, 2], population=Population.SIMULATED)
    before = stored()
    assert rebuild() == Rebuilt(votes=2, rows_equal=True, tallies_equal=True, elo_equal=True)
    assert stored() == before


def test_a_rebuild_repairs_and_says_so() -> None:
    cast("ab", [1, 2])
    before = stored()
    Tally.objects.update(count=7)
    EloRating.objects.filter(contender=contender("a")).delete()
    assert rebuild() == Rebuilt(votes=1, rows_equal=True, tallies_equal=False, elo_equal=False)
    assert stored() == before


def test_a_rebuild_without_votes_is_empty() -> None:
    assert rebuild() == Rebuilt(votes=0, rows_equal=True, tallies_equal=True, elo_equal=True)


LINEUPS = st.permutations("abcd").flatmap(
    lambda slugs: st.integers(2, 3).map(lambda size: slugs[:size])
)


@st.composite
def ballots(draw: st.DrawFn) -> tuple[Sequence[str], list[int], str, str]:
    lineup = draw(LINEUPS)
    raw = draw(st.lists(st.integers(1, 3), min_size=len(lineup), max_size=len(lineup)))
    ranks = [1 + sum(other < rank for other in raw) for rank in raw]
    population = draw(st.sampled_from(Population.values))
    return lineup, ranks, population, draw(st.sampled_from(["", "coding"]))


class TestAnyVotes(TestCase):
    """Hypothesis needs a transaction for each example, which only a class can give it."""

    @pytest.mark.slow
    @settings(max_examples=25, deadline=None)
    @given(st.lists(ballots(), max_size=8), st.data())
    def test_counts_equal_a_rebuild_whatever_is_excluded(
        self, cast_ballots: list[tuple[Sequence[str], list[int], str, str]], data: st.DataObject
    ) -> None:
        votes = [
            cast(lineup, ranks, population=population, category=category)
            for lineup, ranks, population, category in cast_ballots
        ]
        out = data.draw(st.lists(st.sampled_from(votes), unique=True) if votes else st.just([]))
        if out:
            exclude_votes(votes=out, because="Drawn by lot.")
        found = rebuild()
        assert found == Rebuilt(len(votes) - len(out), True, True, True)
        assert Vote.objects.filter(counted=True).count() == found.votes
        counted = Tally.objects.filter(category="overall").values_list("count", flat=True)
        assert sum(counted) == found.votes
        for population in (*Population.values, "all"):
            ratings = elo(population)
            assert sum(ratings.values()) == pytest.approx(1000.0 * len(ratings))
