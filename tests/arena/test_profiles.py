"""What stands beside a rating: thumbs, speed, length, failures, price."""

from decimal import Decimal

import pytest

from arena.models import Contender, Population, Reaction, Response
from arena.selectors import Profile, profiles
from tests.ranking.ballots import answered_battle

pytestmark = pytest.mark.django_db


def responses(population: str = Population.PEOPLE) -> list[Response]:
    battle = answered_battle("ab", population=population)
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


def test_nothing_known_is_said_to_be_unknown() -> None:
    Contender.objects.create(slug="new", name="New", backend="local", model="tiny")
    assert profile("new") == Profile(0, 0, 0, None, None, None, None, None)
    assert profile("new").cost is None
