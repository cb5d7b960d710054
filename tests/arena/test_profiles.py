"""What stands beside a rating: thumbs, speed, length, failures, price."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from arena.models import Battle, Contender, Population, Reaction, Replacement, Response
from arena.selectors import Profile, profiles
from tests.ranking.ballots import answered_battle

pytestmark = pytest.mark.django_db


def responses(population: str = Population.PEOPLE) -> list[Response]:
    battle = answered_battle("ab", population=population)
    Battle.objects.filter(pk=battle.pk).update(state=Battle.State.VOTED)
    return list(Response.objects.filter(turn__battle=battle).order_by("placement__position"))


def profile(slug: str, population: str = Population.PEOPLE) -> Profile:
    return profiles(population)[Contender.objects.get(slug=slug).pk]


def test_medians_failures_and_cost() -> None:
    for seconds, tokens in ((1.0, 100), (2.0, 300), (9.0, 200)):
        response = responses()[0]
        response.duration_s, response.first_token_s, response.tokens = seconds, 0.5, tokens
        response.save()
    failed = responses()[0]
    failed.state = Response.State.ERROR
    failed.save()
    Contender.objects.filter(slug="a").update(price=Decimal("2.5"))
    found = profile("a")
    assert (found.responses, found.failed) == (4, 0.25)
    assert (found.first_token_s, found.seconds, found.tokens) == (0.5, 2.0, 200)
    assert found.cost == pytest.approx(2.5 * 200 / 1000)


def test_thumbs_count_for_their_population() -> None:
    for value in (1, 1, -1):
        Reaction.objects.create(response=responses()[0], value=value)
    Reaction.objects.create(response=responses(Population.SIMULATED)[0], value=-1)
    assert (profile("a").thumbs_up, profile("a").thumbs_down) == (2, 1)
    assert profile("a", Population.SIMULATED).thumbs_down == 1
    assert profile("a", "all").thumbs_down == 2


@pytest.mark.parametrize("state", [Battle.State.OPEN, Battle.State.SKIPPED])
def test_a_blind_battle_moves_no_figure_before_its_vote(state: str) -> None:
    """Who looks at the leaderboard beside it would see whose figures move."""
    battle = answered_battle("ab")
    Battle.objects.update(state=state)
    before = profiles()
    first, second = Response.objects.order_by("pk")
    Response.objects.update(duration_s=2.0, first_token_s=0.5, tokens=9)
    Response.objects.filter(pk=second.pk).update(state=Response.State.ERROR)
    Reaction.objects.create(response=first, value=1)
    Replacement.objects.create(
        placement=second.placement, contender=second.placement.contender, error="", chance=0.5,
        duration_s=1.0,
    )  # fmt: skip
    assert profiles() == before
    assert {one.responses for one in before.values()} == {0}
    Battle.objects.filter(pk=battle.pk).update(state=Battle.State.VOTED)
    assert (profile("a").responses, profile("a").thumbs_up) == (1, 1)
    assert (profile("b").responses, profile("b").failed) == (2, 1.0)


def test_named_battles_count_at_once_and_blind_ones_without_a_vote_after_a_day() -> None:
    answered_battle("ab", mode=Battle.Mode.SIDE_BY_SIDE)
    answered_battle("ab")
    assert profile("a").responses == 1
    Battle.objects.update(created_at=timezone.now() - timedelta(days=1, minutes=1))
    assert profile("a").responses == 2


def test_nothing_known_is_said_to_be_unknown() -> None:
    Contender.objects.create(slug="new", name="New", backend="local", model="tiny")
    assert profile("new") == Profile(0, 0, 0, None, None, None, None, None)
    assert profile("new").cost is None
