"""Who asks, and which battles are theirs."""

import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db.models import Q
from django.utils.translation import gettext

from arena.errors import NotYours
from arena.models import Battle, Population, Rater

# Under which key a session remembers its anonymous rater of each population.
SESSION_KEYS = {Population.PEOPLE: "rater", Population.SIMULATED: "simulated_rater"}


def simulated_id(user_id: int) -> str:
    """The external id of the simulated rater that belongs to a user."""
    return f"simulated:user:{user_id}"


def rater_ids(
    *, user: AbstractBaseUser | AnonymousUser, session: Mapping[str, Any] | None
) -> set[int]:
    """The raters that this user and session stand for; possibly none. Creates nothing."""
    condition = _stand_for(user, session)
    return set(Rater.objects.filter(condition).values_list("pk", flat=True)) if condition else set()


def own_battle(
    battle_id: UUID | str,
    *,
    user: AbstractBaseUser | AnonymousUser,
    session: Mapping[str, Any] | None,
) -> Battle:
    """The battle, if it belongs to this user or session; else NotYours, whoever's it is."""
    condition = _stand_for(user, session, prefix="rater__")
    battle = Battle.objects.filter(condition, pk=battle_id).first() if condition else None
    if battle is None:
        raise NotYours(gettext("There is no such battle, or it is not yours."))
    return battle


def _stand_for(
    user: AbstractBaseUser | AnonymousUser, session: Mapping[str, Any] | None, prefix: str = ""
) -> Q:
    """The condition for a rater of this user or session; empty when there is none."""
    found = Q()
    if user.is_authenticated:
        found |= Q(**{f"{prefix}user_id": user.pk})
        found |= Q(**{f"{prefix}external_id": simulated_id(user.pk)})
    kept = [session.get(key) for key in SESSION_KEYS.values()] if session is not None else []
    for mark in kept:
        if mark is not None:
            found |= marked(mark, prefix)
    return found


def mark_of(rater: Rater) -> list[Any]:
    """What a session remembers of its anonymous rater: the number, and the moment it was given.

    In a database that was restored or made anew, the number alone may be somebody else's.
    """
    return [rater.pk, rater.created_at.isoformat()]


def marked(mark: Any, prefix: str = "") -> Q:
    """The condition for the anonymous rater of a mark. Older sessions hold the number alone."""
    number, made = (mark, None) if isinstance(mark, int) else mark
    found = Q(**{f"{prefix}pk": number, f"{prefix}user": None})
    return found if made is None else found & Q(**{f"{prefix}created_at": made})


def token_digest(token: str) -> str:
    """What the database keeps of an API token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def user_of_token(token: str) -> User | None:
    """The active user whose API token this is."""
    return User.objects.filter(api_tokens__digest=token_digest(token), is_active=True).first()
