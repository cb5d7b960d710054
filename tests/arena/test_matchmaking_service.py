"""Battles are drawn by the policy in force, from what the arena knows of its contenders."""

from collections import Counter
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from arena.models import Battle, Contender, Placement, Rater, Response, Turn
from arena.selectors import candidates
from arena.services import lineups, start_battle

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _always_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process has found out in one test must not be used in the next one."""
    monkeypatch.setattr(lineups, "LOOKED_AT_FOR_S", 1e-9)
    lineups._policy.cache_clear()


@pytest.fixture
def able() -> dict[int, str]:
    """Four contenders that can be drawn."""
    made = [Contender.objects.create(slug=slug, name=slug, backend="local") for slug in "abcd"]
    return {one.pk: one.slug for one in made}


def answered(contender: int, state: str, times: int = 1) -> None:
    """Responses of a contender that ended like this."""
    for _ in range(times):
        battle = Battle.objects.create(rater=Rater.objects.create())
        turn = Turn.objects.create(battle=battle, number=1, prompt="?")
        placement = Placement.objects.create(battle=battle, position=0, contender_id=contender)
        Response.objects.create(turn=turn, placement=placement, state=state)


def voted(contender: int, times: int) -> None:
    rater = Rater.objects.create()
    battles = Battle.objects.bulk_create(Battle(rater=rater) for _ in range(times))
    Placement.objects.bulk_create(
        Placement(battle=battle, position=0, contender_id=contender, rank=1) for battle in battles
    )


@pytest.mark.parametrize(("size", "propensity"), [(2, 1 / 6), (3, 1 / 4)])
def test_a_battle_stores_the_propensity_of_its_set(
    able: dict[int, str], settings: LazySettings, size: int, propensity: float
) -> None:
    settings.ARENA_MATCHMAKER = "arena.matchmaking.Uniform"
    battle = start_battle(rater=Rater.objects.create(), prompt="Hello", size=size)
    stored = list(battle.placements.values_list("propensity", flat=True))
    assert stored == pytest.approx([propensity] * size)


def test_the_propensity_is_the_one_under_the_weights_in_force(
    able: dict[int, str], settings: LazySettings
) -> None:
    settings.ARENA_MATCHMAKER = "arena.matchmaking.Targeted"
    settings.ARENA_MATCHMAKER_WEIGHTS = {("a", "b"): 1.0}
    rater = Rater.objects.create()
    drawn: Counter[bool] = Counter()
    for _ in range(8):
        battle = start_battle(rater=rater, prompt="Hello")
        placements = list(battle.placements.select_related("contender"))
        hit = {placement.contender.slug for placement in placements} == {"a", "b"}
        expected = 0.9 + 0.1 / 6 if hit else 0.1 / 6
        assert [one.propensity for one in placements] == pytest.approx([expected] * 2)
        drawn[hit] += 1
    assert drawn[True]  # eight misses: once in 400 million runs


def test_inactive_and_imported_contenders_are_never_drawn(
    able: dict[int, str], settings: LazySettings
) -> None:
    settings.ARENA_MATCHMAKER = "arena.matchmaking.Uniform"
    Contender.objects.filter(slug="a").update(active=False)
    Contender.objects.filter(slug="b").update(external=True)
    battle = start_battle(rater=Rater.objects.create(), prompt="Hello")
    assert set(battle.placements.values_list("contender__slug", flat=True)) == {"c", "d"}
    assert battle.placements.values_list("propensity", flat=True)[0] == 1


def test_a_failing_contender_changes_the_propensity(
    able: dict[int, str], settings: LazySettings
) -> None:
    settings.ARENA_MATCHMAKER = "arena.matchmaking.Uniform"
    Contender.objects.filter(slug="d").update(active=False)
    failing = next(pk for pk, slug in able.items() if slug == "c")
    answered(failing, Response.State.ERROR, times=16)
    left = 0.02  # of its chance: (1 − 16/20)³ is less
    battle = start_battle(rater=Rater.objects.create(), prompt="Hello")
    hit = battle.placements.filter(contender=failing).exists()
    expected = (left if hit else 1) / (1 + 2 * left)
    assert battle.placements.values_list("propensity", flat=True)[0] == pytest.approx(expected)


def test_the_default_policy_draws_uniformly_before_any_vote(able: dict[int, str]) -> None:
    battle = start_battle(rater=Rater.objects.create(), prompt="Hello", size=3)
    stored = list(battle.placements.values_list("propensity", flat=True))
    assert stored == pytest.approx([1 / 4] * 3)


def test_recent_failures_are_counted_by_contender(able: dict[int, str]) -> None:
    one, other, *_ = able
    answered(one, Response.State.DONE, times=2)
    answered(one, Response.State.ERROR)
    for unfinished in (Response.State.PENDING, Response.State.STREAMING, Response.State.STOPPED):
        answered(other, unfinished)
    records = {found.pk: (found.failures, found.responses) for found in candidates(able)}
    assert records == dict.fromkeys(able, (0, 0)) | {one: (1, 3)}


def test_failures_of_an_hour_ago_are_forgotten(able: dict[int, str]) -> None:
    one, *_ = able
    answered(one, Response.State.ERROR, times=3)
    Response.objects.update(created_at=timezone.now() - timedelta(minutes=61))
    assert all(found.responses == 0 for found in candidates(able))


def test_a_contender_is_new_below_thirty_votes(able: dict[int, str]) -> None:
    one, other, without, _ = able
    voted(one, 30)
    voted(other, 29)
    answered(without, Response.State.DONE, times=30)
    new = {found.pk: found.new for found in candidates(able)}
    assert new == dict.fromkeys(able, True) | {one: False}


def test_looking_at_candidates_takes_few_queries(
    able: dict[int, str], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(4):
        candidates(able)
