"""Who calls the API: a script with a token, or a browser with its session and CSRF token."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext
from ninja.security.http import HttpAuthBase
from ninja.utils import check_csrf

from arena.errors import Forbidden, Unauthorized
from arena.selectors import user_of_token

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


class Credentials(HttpAuthBase):
    """`Authorization: Bearer TOKEN`, or the session cookie with X-CSRFToken.

    Sets `request.user` and returns it; it may be anonymous. Whoever needs more than that, such
    as staff, checks it. Unauthorized and Forbidden say what is missing.
    """

    openapi_scheme = "bearer"
    openapi_description = (
        "`manage.py create_token USERNAME` prints a token. Browsers send their session cookie "
        "and X-CSRFToken instead."
    )
    csrf = True  # the documentation page then sends the header too

    def __call__(self, request: HttpRequest) -> Any:
        header = request.headers.get("Authorization")
        if header is None:
            _check_csrf(request)
            bool(request.user)  # read from the session here, in a thread that may
            return request.user
        kind, _, token = header.partition(" ")
        if kind.lower() != "bearer":
            raise Unauthorized(gettext("Send the API token as “Authorization: Bearer TOKEN”."))
        user = user_of_token(token.strip())
        if user is None:
            raise Unauthorized(
                gettext("The API token is not valid. `manage.py create_token` makes one.")
            )
        request.user = user
        return user


def _check_csrf(request: HttpRequest) -> None:
    if request.method not in SAFE_METHODS and check_csrf(request) is not None:
        raise Forbidden(
            gettext(
                "A request that changes something needs an API token (Authorization: Bearer TOKEN) "
                "or, from a browser, the session's CSRF token in the header X-CSRFToken."
            )
        )
