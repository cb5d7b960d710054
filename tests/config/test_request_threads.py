"""Requests share threads and database connections, one at a time."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.handlers.asgi import ASGIHandler
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path

from config import request_threads
from config.request_threads import RequestThreads

together = threading.Barrier(2)


def alone(request: HttpRequest) -> HttpResponse:
    """Names the thread and the database's own connection in it."""
    User.objects.exists()
    return HttpResponse(f"{threading.get_ident()} {id(connection.connection)}")


def in_company(request: HttpRequest) -> HttpResponse:
    together.wait(10)
    return alone(request)


urlpatterns = [path("alone", alone), path("in_company", in_company)]
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("addresses"),
]


@pytest.fixture
def addresses() -> Any:
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[]):
        yield


@pytest.fixture
async def requests(addresses: None) -> AsyncIterator[RequestThreads]:
    lent = RequestThreads(ASGIHandler())
    yield lent
    await lent.close()


async def ask(requests: RequestThreads, address: str) -> str:
    body = b""

    async def receive() -> dict[str, Any]:
        asked.append(1)
        if len(asked) > 1:
            await asyncio.Event().wait()  # the client stays
        return {"type": "http.request"}

    async def send(message: dict[str, Any]) -> None:
        nonlocal body
        body += message.get("body", b"")
        assert message.get("status", 200) == 200

    asked: list[int] = []
    scope = {"type": "http", "method": "GET", "path": f"/{address}", "headers": []}
    scope |= {"query_string": b"", "server": ("testserver", 80)}
    await requests(scope, receive, send)
    return body.decode()


async def test_one_after_the_other_has_the_same_thread_and_connection(
    requests: RequestThreads,
) -> None:
    requests.open()
    assert len({await ask(requests, "alone") for _ in range(3)}) == 1


async def test_requests_at_once_have_a_thread_each(requests: RequestThreads) -> None:
    requests.open()
    both = await asyncio.gather(ask(requests, "in_company"), ask(requests, "in_company"))
    threads = {told.split()[0] for told in both}
    assert len(threads) == 2
    assert (await ask(requests, "alone")).split()[0] in threads


async def test_no_more_are_kept_than_wanted(
    requests: RequestThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_threads, "KEPT", 1)
    requests.open()
    await asyncio.gather(ask(requests, "in_company"), ask(requests, "in_company"))
    kept = await ask(requests, "alone")
    assert {await ask(requests, "alone") for _ in range(2)} == {kept}


async def test_closing_ends_them_and_their_connections(requests: RequestThreads) -> None:
    age = connection.settings_dict["CONN_MAX_AGE"]
    requests.open()
    ident = int((await ask(requests, "alone")).split()[0])
    (thread,) = [one for one in threading.enumerate() if one.ident == ident]
    await requests.close()
    thread.join(10)
    assert not thread.is_alive()
    assert connection.settings_dict["CONN_MAX_AGE"] == age
