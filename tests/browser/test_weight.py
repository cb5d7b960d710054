"""How much a first visit loads."""

import gzip
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Response, expect

from tests.browser.conftest import PATIENCE_MS, LiveArena, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("arena")]

expect.set_options(timeout=PATIENCE_MS)
MOST = 150_000  # bytes of the page with its styles and scripts, htmx included, uncompressed
MOST_COMPRESSED = 50_000


def loaded(page: Page, path: str) -> list[bytes]:
    """The bodies of a page and of all that it loads, as they are before compression."""
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(path, wait_until="networkidle")
    return [answer.body() for answer in answers if answer.request.method == "GET"]


@pytest.mark.parametrize("size", [2, 3])
def test_the_first_load_is_small(
    arena: LiveArena, newcomer: Callable[..., Visitor], size: int
) -> None:
    arena.add("echo", "echo", "echo")
    visitor = newcomer()
    battle = visitor.begin(size=size)
    expect(battle.locator("[data-ballot] > fieldset:not([disabled])")).to_be_visible()
    cookies = visitor.context.storage_state()
    for path in (visitor.url, battle.url):
        first_visit = newcomer(storage_state=cookies)
        first_visit.expected.append("404")  # the text page's icon
        first = first_visit.open("/healthz")
        bodies = loaded(first, path)
        assert len(bodies) > 5
        assert sum(map(len, bodies)) <= MOST, path
        assert sum(len(gzip.compress(body)) for body in bodies) <= MOST_COMPRESSED, path
