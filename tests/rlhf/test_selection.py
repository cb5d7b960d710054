"""Which votes a selection takes, and that it survives being written down."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from arena.models import Battle, Vote
from rlhf.selection import Selection
from rlhf.selectors import chosen_thumbs, chosen_votes, disputed
from tests.rlhf.votes import converse, thumb, vote

pytestmark = pytest.mark.django_db


def cast(
    prompt: str = "Hi", ranks: Sequence[int] = (1, 2), sides: str = "amber birch", **battle: Any
) -> Vote:
    """A vote on one turn; `battle` is written into its battle."""
    answers = {slug: [f"{slug} says"] for slug in sides.split()}
    made = vote(converse([prompt], answers, by=battle.pop("by", "rater-1")), ranks)
    Battle.objects.filter(pk=made.battle_id).update(**battle)
    return made


def chosen(**fields: Any) -> list[int]:
    selection = Selection.parse(fields)
    assert Selection.parse(json.loads(json.dumps(selection.as_dict()))) == selection
    return list(chosen_votes(selection).values_list("pk", flat=True))


def test_without_anything_it_takes_the_votes_of_people_that_count() -> None:
    one, simulated, uncounted = cast(), cast(population="simulated"), cast()
    Vote.objects.filter(pk=uncounted.pk).update(counted=False)
    assert chosen() == [one.pk]
    assert chosen(population="simulated") == [simulated.pk]
    assert chosen(votes="not-counted") == [uncounted.pk]
    assert chosen(population="all", votes="all") == [one.pk, simulated.pk, uncounted.pk]


def test_days_are_inclusive_and_in_utc() -> None:
    votes = [cast() for _ in range(3)]
    for number, one in enumerate(votes):
        moment = datetime(2026, 3, 1 + number, 23, 59, tzinfo=UTC)
        Vote.objects.filter(pk=one.pk).update(cast_at=moment)
    first, second, third = (one.pk for one in votes)
    assert chosen(since="2026-03-02") == [second, third]
    assert chosen(until="2026-03-02") == [first, second]
    assert chosen(since="2026-03-02", until="2026-03-02") == [second]
    assert chosen(since="0001-01-01", until="9999-12-31") == [first, second, third]


def test_categories_tags_raters_and_modes() -> None:
    coding = cast(category="coding", tags="pilot-1 long", signed_in=True)
    facts = cast(category="facts", tags="pilot-10", signed_in=False, mode="side_by_side")
    assert chosen(categories=["coding"]) == [coding.pk]
    assert chosen(categories=["coding", "facts"]) == [coding.pk, facts.pk]
    assert chosen(tags=["pilot-1"]) == [coding.pk]
    assert chosen(tags=["long", "pilot-10"]) == [coding.pk, facts.pk]
    assert chosen(raters="signed-in") == [coding.pk]
    assert chosen(raters="anonymous") == [facts.pk]
    assert chosen(raters="unknown") == []
    assert chosen(modes=["side_by_side"]) == [facts.pk]


def test_contenders_one_of_them_is_enough_and_none_of_the_others() -> None:
    first, second = cast(sides="amber birch"), cast(sides="birch cedar")
    three = cast(sides="amber birch cedar", ranks=[1, 2, 3])
    assert chosen(contenders=["amber"]) == [first.pk, three.pk]
    assert chosen(contenders=["amber", "cedar"]) == [first.pk, second.pk, three.pk]
    assert chosen(without=["cedar"]) == [first.pk]
    assert chosen(contenders=["birch"], without=["amber"]) == [second.pk]


def test_hurried_votes_are_left_out_unless_they_were_imported() -> None:
    slow, hurried, imported = cast(), cast(), cast(source="import:votes.csv")
    for one, seconds in ((slow, 20), (hurried, 3), (imported, -500)):
        began = Battle.objects.get(pk=one.battle_id).created_at
        Vote.objects.filter(pk=one.pk).update(cast_at=began + timedelta(seconds=seconds))
    assert chosen(least_seconds=10) == [slow.pk, imported.pk]


def test_what_was_noticed_can_be_left_out() -> None:
    plain, hurried, repeated, again = cast(), cast(), cast(), cast()
    for one, features in (
        (hurried, {"faster_than_reading": True, "same_prompt_before": 0, "regenerated": 0}),
        (repeated, {"faster_than_reading": None, "same_prompt_before": 2, "regenerated": 0}),
        (again, {"faster_than_reading": False, "same_prompt_before": 0, "regenerated": 1}),
    ):
        Vote.objects.filter(pk=one.pk).update(features=features)
    assert chosen(leave_out=["hurried"]) == [plain.pk, repeated.pk, again.pk]
    assert chosen(leave_out=["repeated", "regenerated"]) == [plain.pk, hurried.pk]
    assert chosen(leave_out=["hurried", "repeated", "regenerated"]) == [plain.pk]


def test_votes_after_the_last_one_are_left_out() -> None:
    first, second, _ = cast(), cast(), cast()
    assert chosen(last_vote=second.pk) == [first.pk, second.pk]


def test_thumbs_follow_their_battle_and_its_vote() -> None:
    voted, excluded = cast(category="coding"), cast()
    open_battle = converse(["Hi"], {"amber": ["a"], "birch": ["b"]})
    Vote.objects.filter(pk=excluded.pk).update(counted=False)
    of_voted = thumb(voted.battle, 0, 1)
    of_excluded = thumb(excluded.battle, 0, 1)
    of_open = thumb(open_battle, 0, 1)

    def thumbs(**fields: Any) -> list[int]:
        found = chosen_thumbs(Selection.parse(fields))
        return list(found.values_list("pk", flat=True))

    assert thumbs() == [of_voted.pk, of_open.pk]
    assert thumbs(categories=["coding"]) == [of_voted.pk]
    assert thumbs(votes="not-counted") == [of_excluded.pk]
    assert thumbs(contenders=["cedar"]) == []


def disputes() -> list[int]:
    return list(disputed(chosen_votes(Selection())))


def test_two_opposite_votes_are_both_disputed() -> None:
    votes = [cast(ranks=[1, 2]), cast(ranks=[2, 1])]
    assert disputes() == [one.pk for one in votes]


def test_of_two_against_one_only_the_one_is_disputed() -> None:
    _, _, alone = cast(ranks=[1, 2]), cast(ranks=[1, 2]), cast(ranks=[2, 1])
    assert disputes() == [alone.pk]


def test_sides_do_not_matter_but_the_contenders_do() -> None:
    cast(sides="amber birch", ranks=[1, 2])
    cast(sides="birch amber", ranks=[2, 1])  # amber first, as well
    cast(sides="amber cedar", ranks=[2, 1])
    assert disputes() == []


def test_other_prompts_ties_and_single_votes_are_no_dispute() -> None:
    cast("One", [1, 2])
    cast("Two", [2, 1])
    cast("One", [1, 1])
    assert disputes() == []


def test_disputes_on_many_prompts_take_no_query_for_each(
    django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    votes = [cast(f"Question {n}", ranks) for n in range(7) for ranks in ([1, 2], [2, 1])]
    with django_assert_num_queries(2):
        assert disputes() == [one.pk for one in votes]
    monkeypatch.setattr("rlhf.selectors.disputes.BATCH", 3)
    assert disputes() == [one.pk for one in votes]


def test_a_ranking_of_three_is_disputed_by_any_of_its_pairs() -> None:
    sides = "amber birch cedar"
    first, second = cast(sides=sides, ranks=[1, 2, 3]), cast(sides=sides, ranks=[1, 3, 2])
    assert disputes() == [first.pk, second.pk]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"colour": "red"}, "no 'colour'"),
        ({"population": "everybody"}, "people, simulated, all"),
        ({"since": "yesterday"}, "2026-01-31"),
        ({"since": "2026-05-02", "until": "2026-05-01"}, "first day is after the last one"),
        ({"least_seconds": -1}, "whole number"),
        ({"least_seconds": "many"}, "whole number"),
        ({"categories": "coding"}, "list of texts"),
        ({"modes": ["direct"]}, "side_by_side"),
        ({"scrub": "yes"}, "true or false"),
    ],
)
def test_what_a_selection_cannot_say_is_refused(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Selection.parse(given)


def test_nothing_and_empty_stand_for_the_default() -> None:
    assert Selection.parse({"since": None, "tags": [], "raters": ""}) == Selection()
    assert Selection().as_dict() == {}
