"""Who votes: an anonymous session, a signed-in user, a simulation."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.db import SessionStore

from arena.errors import Forbidden, NotFound
from arena.models import Battle, Rater
from arena.selectors import own_battle
from arena.services import identify_rater

NOBODY = AnonymousUser()


def test_a_session_is_one_rater(db: None) -> None:
    mine, other = SessionStore(), SessionStore()
    rater = identify_rater(user=NOBODY, session=mine)
    assert identify_rater(user=NOBODY, session=mine) == rater
    assert identify_rater(user=NOBODY, session=other) != rater
    assert (rater.user, rater.population) == (None, "people")


def test_first_requests_of_a_browser_at_the_same_time_are_one_raters(db: None) -> None:
    mine, also_mine, other, later = (SessionStore() for _ in range(4))
    rater = identify_rater(user=NOBODY, session=mine, browser="random")
    assert identify_rater(user=NOBODY, session=also_mine, browser="random") == rater
    assert dict(mine.items()) == dict(also_mine.items())
    assert identify_rater(user=NOBODY, session=other, browser="another") != rater
    Rater.objects.update(created_at=rater.created_at - timedelta(minutes=2))
    assert identify_rater(user=NOBODY, session=later, browser="random") != rater


def test_a_user_is_one_rater_everywhere(db: None) -> None:
    ann = User.objects.create_user("ann")
    rater = identify_rater(user=ann, session=SessionStore())
    assert identify_rater(user=ann, session=None) == rater
    assert rater.user == ann


def test_signing_in_takes_the_battles_of_the_session_along(db: None) -> None:
    ann, session = User.objects.create_user("ann"), SessionStore()
    before = identify_rater(user=NOBODY, session=session)
    battle = Battle.objects.create(rater=before)
    assert own_battle(battle.pk, user=ann, session=session) == battle
    after = identify_rater(user=ann, session=session)
    battle.refresh_from_db()
    assert battle.rater == after
    assert not Rater.objects.filter(pk=before.pk).exists()
    assert own_battle(battle.pk, user=ann, session=None) == battle
    assert identify_rater(user=NOBODY, session=session) != after


def test_a_session_cannot_claim_the_rater_of_a_user(db: None) -> None:
    ann, session = User.objects.create_user("ann"), SessionStore()
    rater = identify_rater(user=ann, session=None)
    battle = Battle.objects.create(rater=rater)
    session["rater"] = rater.pk
    assert identify_rater(user=NOBODY, session=session) != rater
    session["rater"] = rater.pk
    with pytest.raises(NotFound):
        own_battle(battle.pk, user=NOBODY, session=session)


def test_a_simulation_is_a_rater_of_its_own(db: None) -> None:
    ann, session = User.objects.create_user("ann"), SessionStore()
    people = identify_rater(user=ann, session=session)
    simulated = identify_rater(user=ann, session=session, simulated=True)
    assert simulated.population == "simulated"
    assert simulated != people
    assert identify_rater(user=ann, session=None, simulated=True) == simulated
    anonymous = identify_rater(user=NOBODY, session=session, simulated=True)
    assert identify_rater(user=NOBODY, session=session, simulated=True) == anonymous
    assert anonymous.population == "simulated"
    for rater in (people, simulated, anonymous):
        battle = Battle.objects.create(rater=rater)
        assert own_battle(battle.pk, user=ann, session=session) == battle


def test_without_user_and_session_nobody_is_there(db: None) -> None:
    with pytest.raises(Forbidden, match="API token"):
        identify_rater(user=NOBODY, session=None)
    with pytest.raises(NotFound):
        own_battle(Battle.objects.create(rater=Rater.objects.create()).pk, user=NOBODY, session={})
