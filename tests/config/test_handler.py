"""What is synchronous of a request runs in one go, and static files need no thread."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware import security
from django.test import override_settings
from django.urls import path
from django.utils.decorators import async_only_middleware

from config.asgi import application
from config.handler import OneThreadHandler
from config.request_threads import RequestThreads

Handler = Callable[[HttpRequest], HttpResponseBase]
through = threading.Event()
loops: list[asyncio.AbstractEventLoop] = []
in_time: list[bool] = []


def busy(request: HttpRequest) -> HttpResponse:
    """Gives the loop something to do that lasts until the middlewares have had the response."""
    loops[0].call_soon_threadsafe(lambda: in_time.append(through.wait(10)))
    return HttpResponse(b"busy")


async def waiting(request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(0)
    return HttpResponse(b"waited")


def around(get_response: Handler) -> Handler:
    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        through.set()
        return response

    return answer


@async_only_middleware
def without_thread(get_response: Any) -> Callable[[HttpRequest], Awaitable[HttpResponseBase]]:
    async def answer(request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = await get_response(request)
        return response

    return answer


urlpatterns = [path("busy", busy), path("waiting", waiting)]


async def ask(asked: Any, address: str) -> tuple[bytes, dict[bytes, bytes]]:
    """Body and headers of a GET."""
    body, headers = b"", {}
    gone = asyncio.Event()
    begun = False

    async def receive() -> dict[str, Any]:
        nonlocal begun
        if begun:
            await gone.wait()  # the client stays
        begun = True
        return {"type": "http.request"}

    async def send(message: dict[str, Any]) -> None:
        nonlocal body
        body += message.get("body", b"")
        headers.update(message.get("headers", []))

    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": address, "headers": []}
    scope |= {"query_string": b"", "server": ("127.0.0.1", 80)}
    await asked(scope, receive, send)
    return body, headers


@pytest.mark.parametrize("outermost", [[], [f"{__name__}.without_thread"]])
async def test_a_response_does_not_wait_for_what_the_loop_does_meanwhile(
    transactional_db: None, outermost: list[str]
) -> None:
    through.clear()
    in_time.clear()
    loops[:] = [asyncio.get_running_loop()]
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[*outermost, f"{__name__}.around"]):
        requests = RequestThreads(OneThreadHandler())
        assert (await ask(requests, "/busy"))[0] == b"busy"
        assert (await ask(requests, "/waiting"))[0] == b"waited"
    assert in_time == [True]


async def test_static_files_are_as_safe_as_pages_and_need_no_thread(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = set()
    change = security.SecurityMiddleware.process_response

    def noting(self: Any, request: HttpRequest, response: HttpResponse) -> Any:
        threads.add(threading.get_ident())
        return change(self, request, response)

    monkeypatch.setattr(security.SecurityMiddleware, "process_response", noting)
    for address in ("/healthz", "/static/css/base.css"):
        body, headers = await ask(application, address)
        assert body
        assert headers[b"X-Content-Type-Options"] == b"nosniff"
        assert headers[b"Referrer-Policy"] == b"same-origin"
    assert threads == {threading.get_ident()}
