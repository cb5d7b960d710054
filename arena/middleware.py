"""What stands before the sockets: who may open one, and as whom."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, parse_cookie
from django.http.request import validate_host
from django.utils import translation

from arena import live
from arena.selectors import user_of_token

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class OriginMiddleware:
    """Refuses sockets that a page of another site opens.

    Without an Origin header it is no browser, so no foreign page can ride on its cookies.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = _header(scope, b"origin")
        if origin is None or self._allows(origin):
            await self._application(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close"})  # before the accept: HTTP 403

    def _allows(self, origin: str) -> bool:
        try:
            host = urlsplit(origin).hostname
        except ValueError:
            return False
        if host is None:
            return False
        return validate_host(f"[{host}]" if ":" in host else host, settings.ALLOWED_HOSTS)


class BadToken(Exception):
    """Nobody owns the API token with which a socket was opened."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who opens a socket: the owner of `Authorization: Bearer TOKEN`; without that header, whom
    the session's cookie knows."""

    session: SessionBase
    authorization: str | None

    def user(self) -> AbstractBaseUser | AnonymousUser:
        """Uses the database. Raises BadToken."""
        if self.authorization is None:
            request = HttpRequest()
            request.session = self.session
            return get_user(request)
        kind, _, token = self.authorization.partition(" ")
        user = user_of_token(token.strip()) if kind.lower() == "bearer" else None
        if user is None:
            raise BadToken
        return user


class VisitorMiddleware:
    """Adds the visitor, and closes with 4401 when an accepted socket asks for one whose token
    nobody owns.

    A socket asks in the same step in which it reads what it shows. Channels' own stack opens two
    database connections for it, and looks at the session again whenever an event is sent.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._session_of = import_module(settings.SESSION_ENGINE).SessionStore

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        cookies = parse_cookie(_header(scope, b"cookie") or "")
        session = self._session_of(cookies.get(settings.SESSION_COOKIE_NAME))
        visitor = Visitor(session, _header(scope, b"authorization"))
        try:
            await self._application(scope | {"cookies": cookies, "visitor": visitor}, receive, send)
        except BadToken:
            reason = "The API token is not valid."
            await send({"type": "websocket.close", "code": live.BAD_TOKEN, "reason": reason})


class LanguageMiddleware:
    """A socket in its reader's language, found as for a page; goes inside the visitor's."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = HttpRequest()
        request.COOKIES = scope["cookies"]
        request.META["HTTP_ACCEPT_LANGUAGE"] = _header(scope, b"accept-language") or ""
        with translation.override(translation.get_language_from_request(request)):
            await self._application(scope, receive, send)


def _header(scope: Scope, name: bytes) -> str | None:
    for key, value in scope.get("headers", []):
        if key == name:
            return bytes(value).decode("latin-1")
    return None
