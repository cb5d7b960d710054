"""Anonymous raters' sessions are their signed cookie; users' are in the database and can end."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from arena import services
from arena.errors import NotFound
from arena.models import Battle, Rater
from arena.selectors import own_battle, rater_ids
from config.sessions import SessionStore

pytestmark = pytest.mark.django_db


def cookie(client: Client) -> str:
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


def anonymous(client: Client) -> Rater:
    """The rater whose session this client now has."""
    session = SessionStore()
    rater = services.identify_rater(user=AnonymousUser(), session=session)
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    return rater


def test_an_anonymous_rater_is_known_again_and_leaves_no_row(client: Client) -> None:
    rater = anonymous(client)
    found = SessionStore(cookie(client))
    assert services.identify_rater(user=AnonymousUser(), session=found) == rater
    assert not found.modified
    assert not Session.objects.exists()
    assert async_to_sync(SessionStore(cookie(client)).aget)("rater")[0] == rater.pk


@pytest.mark.parametrize(
    "key", ["rater-", "rater-eyJyYXRlciI6MX0:1xY0Ye:forged", "rater-" + "x" * 5000, "x" * 32, "é"]
)
def test_a_key_that_we_did_not_give_is_no_session(key: str) -> None:
    session = SessionStore(key)
    assert session.get("rater") is None
    session["rater"] = 7
    session.save()
    assert session.session_key != key
    assert SessionStore(session.session_key).get("rater") == 7


def test_another_number_in_a_signed_key_is_no_session(client: Client) -> None:
    anonymous(client)
    name, moment, signature = cookie(client).removeprefix("rater-").split(":")
    other = SessionStore()
    other["rater"] = 999
    other.save()
    assert other.session_key is not None
    swapped = other.session_key.split(":")[0] + f":{moment}:{signature}"
    assert name not in swapped
    assert SessionStore(swapped).get("rater") is None


def test_the_same_number_in_another_database_is_somebody_else(client: Client) -> None:
    """As after a restored backup: the cookie is sound, the rater it meant is gone."""
    rater = anonymous(client)
    battle = Battle.objects.create(rater=rater)
    Rater.objects.update(created_at=timezone.now())
    session = SessionStore(cookie(client))
    with pytest.raises(NotFound):
        own_battle(battle.pk, user=AnonymousUser(), session=session)
    assert services.identify_rater(user=AnonymousUser(), session=session) != rater


def test_a_session_begun_before_raters_were_marked_keeps_its_rater() -> None:
    rater = Rater.objects.create()
    session = SessionStore()
    session["rater"] = rater.pk
    session.create()
    assert services.identify_rater(user=AnonymousUser(), session=session) == rater
    assert rater_ids(user=AnonymousUser(), session=session) == {rater.pk}


def test_a_session_ends_after_its_year(client: Client, settings: Any) -> None:
    anonymous(client)
    settings.SESSION_COOKIE_AGE = -1
    assert SessionStore(cookie(client)).get("rater") is None


def test_signing_in_takes_the_battles_along_and_signing_out_ends_the_session(
    client: Client,
) -> None:
    rater = anonymous(client)
    User.objects.create_user("ada", password="engine-1843")
    client.post(reverse("login"), {"username": "ada", "password": "engine-1843"})
    signed_in = cookie(client)
    assert not signed_in.startswith("rater-")
    assert Session.objects.get().session_key == signed_in
    assert not Rater.objects.filter(pk=rater.pk).exists()  # its battles are now the user's
    client.post(reverse("logout"))
    assert not Session.objects.exists()
    client.cookies[settings.SESSION_COOKIE_NAME] = signed_in
    assert not client.get("/").wsgi_request.user.is_authenticated


def test_a_session_from_the_database_stays_there(client: Client) -> None:
    """Those begun before cookies held them, and what else a session may hold."""
    session = SessionStore()
    session["rater"] = 3
    session.create()
    kept = SessionStore(session.session_key)
    kept["rater"] = 4
    kept.save()
    assert kept.session_key == session.session_key == Session.objects.get().session_key
    assert SessionStore(session.session_key)["rater"] == 4


def test_what_is_not_a_rater_s_number_goes_to_the_database(client: Client) -> None:
    anonymous(client)
    session = SessionStore(cookie(client))
    session["secret"] = "not for the cookie"
    session.save()
    assert session.session_key == Session.objects.get().session_key
    assert SessionStore(session.session_key)["secret"] == "not for the cookie"


def test_forgetting_a_session_forgets_the_rater(client: Client) -> None:
    anonymous(client)
    session = SessionStore(cookie(client))
    session.flush()
    assert session.is_empty()
    assert session.get("rater") is None
