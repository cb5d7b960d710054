"""The rows that slices are read from follow the votes."""

import pytest
from django.contrib.auth.models import User

from arena.models import Rater, Response
from arena.services import exclude_votes, restore_votes, start_battle
from ranking import selectors
from ranking.counting import Slice, count_ballots
from ranking.models import CountedVote, Tally
from ranking.services import Rebuilt, catch_up, rebuild
from tests.ranking.ballots import cast, contender, somebody

pytestmark = pytest.mark.django_db


def test_a_row_says_who_stood_where_and_how_they_wrote() -> None:
    vote = cast(
        "ba",
        [2, 1],
        prompts=["Why is the sky blue?"],
        answers=["# Light\n\n- **blue** scatters", "It does."],
        rater=somebody("ann"),
        tags="pilot",
    )
    row = CountedVote.objects.get(vote=vote)
    assert row.lineup == f"{contender('b').pk}-{contender('a').pk}"
    assert row.ranks == "2-1"
    assert row.categories.split() == ["language-en", "signed-in", "tag-pilot"]
    (_, headers, lists, bold, milliseconds), plain = row.style
    assert (headers, lists, bold, milliseconds) == (1, 1, 1, None)
    assert plain[1:4] == [0, 0, 0]


def test_how_long_a_response_took_is_kept() -> None:
    vote = cast("ab", [1, 2])
    Response.objects.update(duration_s=1.25)
    rebuild()
    assert [counts[4] for counts in CountedVote.objects.get(vote=vote).style] == [1250, 1250]


def test_each_category_has_its_own_tallies() -> None:
    cast("ab", [1, 2], prompts=["Why is the sky blue?"], rater=somebody())
    cast("ab", [2, 1], prompts=["Warum ist der Himmel am Tag so blau?"], rater=somebody())
    assert set(Tally.objects.values_list("category", "count")) == {
        ("overall", 1),
        ("anonymous", 1),
        ("language-en", 1),
        ("language-de", 1),
    }
    fresh = selectors.fresh_ballots(Slice("language-de", "people"))
    german = selectors.stored_counts(Slice("language-de", "people"))
    assert german.tallies == count_ballots(fresh).tallies
    assert german.votes == 1


def test_a_row_leaves_and_comes_back_with_its_vote() -> None:
    vote = cast("ab", [1, 2], tags="pilot")
    before = CountedVote.objects.values().get(vote=vote)
    exclude_votes(votes=[vote], because="A robot.")
    assert not CountedVote.objects.exists()
    restore_votes(votes=[vote])
    assert CountedVote.objects.values().get(vote=vote) == before


def test_a_rebuild_repairs_rows() -> None:
    first, second = cast("ab", [1, 2]), cast("ab", [1, 2])
    CountedVote.objects.filter(vote=first).update(ranks="2-1")
    CountedVote.objects.filter(vote=second).delete()
    found = rebuild()
    assert found == Rebuilt(votes=2, rows_equal=False, tallies_equal=True, elo_equal=True)
    assert set(CountedVote.objects.values_list("vote", "ranks")) == {
        (first.pk, "1-2"),
        (second.pk, "1-2"),
    }


def test_votes_from_before_an_upgrade_are_counted_once() -> None:
    cast("ab", [1, 2], tags="pilot")
    Tally.objects.exclude(category="overall").delete()
    CountedVote.objects.all().delete()
    assert catch_up()
    assert Tally.objects.get(category="tag-pilot").count == 1
    assert not catch_up()


def test_signing_up_later_changes_no_vote_of_before() -> None:
    rater = somebody()
    vote = cast("ab", [1, 2], rater=rater)
    rater.user = User.objects.create_user("ann")
    rater.save()
    assert rebuild() == Rebuilt(votes=1, rows_equal=True, tallies_equal=True, elo_equal=True)
    assert CountedVote.objects.get(vote=vote).categories.split() == ["anonymous"]


def test_a_battle_says_whether_its_rater_had_an_account() -> None:
    for slug in "ab":
        contender(slug)
    assert start_battle(rater=somebody(), prompt="Hm?").signed_in is False
    assert start_battle(rater=somebody("ann"), prompt="Hm?").signed_in is True
    judge = Rater.objects.create(external_id="judge: 7")
    assert start_battle(rater=judge, prompt="Hm?").signed_in is None
