"""API tokens: shown once, kept as a digest."""

import secrets

from django.contrib.auth.models import AbstractBaseUser

from arena.models import ApiToken
from arena.selectors import token_digest

PREFIX = "arena_"


def create_token(*, user: AbstractBaseUser) -> str:
    """A new API token of `user`. It cannot be read again later."""
    token = PREFIX + secrets.token_urlsafe(32)
    ApiToken.objects.create(user_id=user.pk, digest=token_digest(token))
    return token
