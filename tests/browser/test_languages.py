"""German and Arabic in a real browser: the choice, the mirrored page, nothing cut off."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.browser.conftest import PATIENCE_MS, LiveArena, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("arena")]

expect.set_options(timeout=PATIENCE_MS)
PHONE = {"width": 390, "height": 800}
PAGES = ("/", "/leaderboard/", "/battles/", "/login/", "/signup/", "/no")
LAB = ("/lab/", "/lab/datasets/")


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def left_edge(page: Page, selector: str) -> float:
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return box["x"]


def test_the_language_is_chosen_without_javascript(newcomer: Callable[..., Visitor]) -> None:
    page = newcomer(java_script_enabled=False, locale="en-GB").open("/leaderboard/?method=elo")
    page.get_by_role("button", name="Deutsch").click()
    expect(page.get_by_role("link", name="Rangliste")).to_be_visible()
    assert page.url.endswith("/leaderboard/?method=elo")
    page.get_by_role("link", name="Anmelden").click()
    expect(page.get_by_role("heading", name="Anmelden")).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("language", ["de", "ar"])
@pytest.mark.parametrize("width", [390, 1440])
def test_every_page_fits(
    arena: LiveArena, newcomer: Callable[..., Visitor], language: str, width: int
) -> None:
    arena.add("markdown", "fast", "fast")
    User.objects.create_superuser("boss", password="correct-horse-42")
    visitor = newcomer(viewport={"width": width, "height": 900}, locale=language)
    visitor.expected.append("404")
    page = visitor.open("/")
    direction = "rtl" if language == "ar" else "ltr"
    for path in PAGES:
        page.goto(visitor.url + path)
        expect(page.locator("html")).to_have_attribute("dir", direction)
        assert overflow(page) <= 0, path
    page.goto(visitor.url + "/login/?next=/lab/")
    page.locator("#id_username").fill("boss")
    page.locator("#id_password").fill("correct-horse-42")
    page.locator("form .button--primary").click()
    page.wait_for_url("**/lab/")
    for path in LAB:
        page.goto(visitor.url + path)
        assert overflow(page) <= 0, path


def test_right_to_left_mirrors_the_page(newcomer: Callable[..., Visitor]) -> None:
    page = newcomer(locale="ar").open("/")
    assert left_edge(page, ".brand") > left_edge(page, ".site-tools")
    english = newcomer(locale="en-GB").open("/")
    assert left_edge(english, ".brand") < left_edge(english, ".site-tools")


def test_a_battle_is_held_from_right_to_left(
    arena: LiveArena, newcomer: Callable[..., Visitor]
) -> None:
    arena.add("fast", "fast")
    visitor = newcomer(viewport={"width": 1280, "height": 900}, locale="ar")
    page = visitor.open("/?focus=1")
    page.locator("#prompt").fill("لماذا السماء زرقاء؟")
    page.locator(".composer .button--primary").click()
    page.wait_for_url("**/battles/*/")
    expect(page.locator("[data-ballot] fieldset:not([disabled])")).to_be_visible()
    # A comes first, where reading begins, and so do its panel and its button.
    assert left_edge(page, "#response-1-A") > left_edge(page, "#response-1-B")
    assert left_edge(page, "[value=a]") > left_edge(page, "[value=b]")
    # What a contender wrote in English still runs from left to right.
    text = page.locator("#response-1-A [data-text]")
    assert text.evaluate("node => getComputedStyle(node.children[0] ?? node).direction") == "ltr"
    assert overflow(page) <= 0
    page.locator("[value=tie]").click()
    expect(page.locator("#reveal")).to_be_visible()
    assert overflow(page) <= 0
