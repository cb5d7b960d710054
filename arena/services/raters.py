"""Who is it? A rater stands for a signed-in user, an anonymous session, or a simulation."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext

from arena.errors import Forbidden
from arena.models import Battle, Population, Rater
from arena.selectors import SESSION_KEYS, mark_of, marked, simulated_id

# First requests of one browser that are so close are one rater's, also without a session.
TOGETHER_WITHIN = timedelta(minutes=1)


def identify_rater(
    *,
    user: AbstractBaseUser | AnonymousUser,
    session: SessionBase | None,
    simulated: bool = False,
    browser: str = "",
) -> Rater:
    """The rater of this user or session, created when new.

    A signed-in user takes over the battles of the anonymous rater of the same session. A
    simulated rater is a separate one, of population simulated, so that its votes stay apart.
    `browser` is a secret that an anonymous visitor's browser had before its session: requests that
    begin a session at the same time, from two tabs say, then begin the same one.
    Forbidden when there is neither a user nor a session.
    """
    return rater_of(user=user, session=session, simulated=simulated, browser=browser)[0]


def rater_of(
    *,
    user: AbstractBaseUser | AnonymousUser,
    session: SessionBase | None,
    simulated: bool = False,
    browser: str = "",
) -> tuple[Rater, bool]:
    """As `identify_rater`; and whether the rater is new, so that nothing can be known of them.

    If the transaction is taken back, the session remembers a rater whom nobody knows, and gets
    another one the next time.
    """
    population = Population.SIMULATED if simulated else Population.PEOPLE
    if not user.is_authenticated:
        if session is None:
            raise Forbidden(gettext("Sign in, accept the session cookie, or send an API token."))
        return _anonymous(session, population, browser)
    if simulated:
        return Rater.objects.get_or_create(
            external_id=simulated_id(user.pk), defaults={"population": Population.SIMULATED}
        )
    return _of_user(user, session)


def _anonymous(session: SessionBase, population: Population, browser: str) -> tuple[Rater, bool]:
    key = SESSION_KEYS[population]
    known = session.get(key)
    rater = (
        Rater.objects.filter(marked(known), population=population).first()
        if known is not None
        else None
    )
    if rater is not None:
        return rater, False
    rater, new = _new(population, browser)
    session[key] = mark_of(rater)
    return rater, new


def _new(population: Population, browser: str) -> tuple[Rater, bool]:
    if browser:
        digest = salted_hmac(f"arena.rater.{population}", browser, algorithm="sha256").hexdigest()
        rater, new = Rater.objects.get_or_create(
            browser=digest, defaults={"population": population}
        )
        # Later the secret alone, which scripts can read, must not open what a session holds.
        if rater.user_id is None and timezone.now() - rater.created_at < TOGETHER_WITHIN:
            return rater, new
    return Rater.objects.create(population=population), True


def _of_user(user: AbstractBaseUser, session: SessionBase | None) -> tuple[Rater, bool]:
    rater, new = Rater.objects.get_or_create(user_id=user.pk)
    earlier = session.pop(SESSION_KEYS[Population.PEOPLE], None) if session is not None else None
    if earlier is not None:
        _adopt(earlier, rater)
        return rater, False
    return rater, new


@transaction.atomic
def _adopt(mark: Any, rater: Rater) -> None:
    adopted = Rater.objects.filter(marked(mark)).first()
    if adopted is not None:
        Battle.objects.filter(rater=adopted).update(rater=rater)
        adopted.delete()
