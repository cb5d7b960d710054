"""What stands before the sockets: who may open one, and as whom."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.request import validate_host
from django.utils import translation

from arena import live
from arena.selectors import user_of_token
from arena.threads import in_thread

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


class TokenMiddleware:
    """Makes the owner of `Authorization: Bearer TOKEN` the user; 4401 when nobody owns it.

    Goes inside the session's middleware, whose user it replaces.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        header = _header(scope, b"authorization")
        if header is not None:
            kind, _, token = header.partition(" ")
            known = kind.lower() == "bearer"
            user = await in_thread(user_of_token, token.strip()) if known else None
            if user is None:
                await receive()
                await send({"type": "websocket.accept"})
                reason = "The API token is not valid."
                await send({"type": "websocket.close", "code": live.BAD_TOKEN, "reason": reason})
                return
            scope = scope | {"user": user}
        await self._application(scope, receive, send)


class LanguageMiddleware:
    """A socket in its reader's language, found as for a page; goes inside the cookies."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = HttpRequest()
        request.COOKIES = scope.get("cookies", {})
        request.META["HTTP_ACCEPT_LANGUAGE"] = _header(scope, b"accept-language") or ""
        with translation.override(translation.get_language_from_request(request)):
            await self._application(scope, receive, send)


def _header(scope: Scope, name: bytes) -> str | None:
    for key, value in scope.get("headers", []):
        if key == name:
            return bytes(value).decode("latin-1")
    return None
