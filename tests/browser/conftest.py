"""A real server on a free port, scripted contenders, and Debian's Chromium."""

import asyncio
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
import uvicorn
from django.db import connections
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from arena.models import Contender
from tests.openai_server import OpenAIServer

T = TypeVar("T")
PATIENCE_MS = 20_000
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]


class LiveArena:
    """The arena behind uvicorn and a scripted endpoint, both in a thread of their own."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.endpoint = OpenAIServer()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(30), "The server did not start."

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(30)
        assert not self._thread.is_alive(), "The server did not stop."

    async def _run(self) -> None:
        from config.asgi import application

        self._loop = asyncio.get_running_loop()
        await self.endpoint.start()
        config = uvicorn.Config(
            application, log_level="warning", timeout_graceful_shutdown=2, ws_ping_interval=None
        )
        self._server = uvicorn.Server(config)
        self._loop.call_soon(self._ready.set)
        await self._server.serve(sockets=[self._listener])
        await self.endpoint.stop()

    def add(self, *models: str) -> list[Contender]:
        """Contenders that behave as `tests.openai_server` says of their models."""
        return [
            Contender.objects.create(
                slug=f"who-{number}-{model}",
                name=f"Contender {name} of {model}",
                backend="openai",
                base_url=self.endpoint.url,
                model=model,
            )
            for number, (model, name) in enumerate(
                zip(models, ["One", "Two", "Three"], strict=False)
            )
        ]

    def go_on(self) -> None:
        """Lets the contenders that wait finish."""
        self._loop.call_soon_threadsafe(self.endpoint.go_on)


class Visitor:
    """One person's browser. Whatever its console complains about fails the test."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.url = url
        self.complaints: list[str] = []
        # Parts of complaints that the test provokes; the first comes when a page is left early.
        self.expected = ["WebSocket is closed before the connection is established"]

    def open(self, path: str = "/") -> Page:
        page = self.context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self._hear("error", str(error)))
        page.on("dialog", lambda dialog: self._hear("error", f"dialog: {dialog.message}"))
        page.goto(self.url + path)
        return page

    def begin(self, *, size: int = 2, prompt: str = "Why is the sky blue?") -> Page:
        """A page on which a battle has just begun."""
        page = self.open("/?focus=1")
        page.get_by_label("Your prompt").fill(prompt)
        page.get_by_role("radio", name="Three" if size == 3 else "Two").check()
        page.get_by_role("button", name="Start the battle").click()
        page.wait_for_url("**/battles/*/")
        return page

    def _hear(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not any(part in text for part in self.expected):
            self.complaints.append(text)


@pytest.fixture(scope="module")
def chromium(django_db_setup: None) -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.fail("There is no chromium: apt-get install chromium, or deselect -m 'not browser'.")
    # While Playwright runs, this thread has an event loop: so by module, because async tests can't
    # have that, and with Django's guard off, because the loop rests while a test reads a table.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
        connections.close_all()  # those of the thread without a loop are others


@pytest.fixture
def arena(chromium: Browser, transactional_db: None) -> Iterator[LiveArena]:
    live = LiveArena()
    live.start()
    yield live
    live.stop()


@pytest.fixture
def newcomer(arena: LiveArena, chromium: Browser) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors; keyword arguments are Playwright's for a context."""
    visitors: list[Visitor] = []

    def come(**options: object) -> Visitor:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        visitors.append(Visitor(context, arena.url))
        return visitors[-1]

    yield come
    for visitor in visitors:
        visitor.context.close()
    assert [visitor.complaints for visitor in visitors] == [[] for _ in visitors]


@pytest.fixture
def visitor(newcomer: Callable[..., Visitor]) -> Visitor:
    return newcomer()


def elsewhere(work: Callable[[], T]) -> T:
    """Runs `work` in a thread without an event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(30)
