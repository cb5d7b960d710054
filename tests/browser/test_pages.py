"""Every page in a real browser: phone width, light and dark, the live leaderboard."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from arena.models import Prompt
from ranking.tasks import refresh
from tests.browser.conftest import PATIENCE_MS, LiveArena, Visitor, elsewhere

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("arena")]

expect.set_options(timeout=PATIENCE_MS)
PHONE = {"width": 360, "height": 740}


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def voted(visitor: Visitor) -> Page:
    page = visitor.begin()
    expect(page.locator("[data-ballot] fieldset:not([disabled])")).to_be_visible()
    page.get_by_role("button", name="Both bad").click()
    expect(page.locator("#reveal")).to_be_visible()
    return page


@pytest.mark.parametrize("width", [360, 390, 768, 1440])
def test_nothing_is_wider_than_the_window(
    arena: LiveArena, newcomer: Callable[..., Visitor], width: int
) -> None:
    arena.add("markdown", "script", "fast")
    Prompt.objects.create(slug="long", category="writing", text="long " * 100 + "x" * 200)
    visitor = newcomer(viewport={"width": width, "height": 800})
    page = visitor.begin(size=3, prompt="w" * 400)
    expect(page.locator("[data-ballot] fieldset:not([disabled])")).to_be_visible()
    assert overflow(page) <= 0
    page.get_by_role("button", name="All bad").click()
    expect(page.locator("#reveal")).to_be_visible()
    assert overflow(page) <= 0
    elsewhere(refresh)
    visitor.expected.append("404")
    for path in ("/", "/battles/", "/leaderboard/", "/login/", "/signup/", "/components/", "/no"):
        page.goto(visitor.url + path)
        assert overflow(page) <= 0, path


def test_three_responses_are_readable_on_a_phone(
    arena: LiveArena, newcomer: Callable[..., Visitor]
) -> None:
    arena.add("fast", "fast", "fast")
    page = newcomer(viewport=PHONE).begin(size=3)
    for letter in "ABC":
        text = page.locator(f"#response-1-{letter} [data-text]")
        expect(text).to_contain_text("99")
        box = text.bounding_box()
        assert box is not None
        assert box["width"] > 250


def test_the_chosen_theme_is_kept_and_there_from_the_first_paint(visitor: Visitor) -> None:
    page = visitor.open("/")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_role("button", name="Switch between light and dark").click()
    dark = page.evaluate(ground)
    assert light != dark
    page.route(
        "**/*.js",
        lambda route: route.abort() if "theme" not in route.request.url else route.continue_(),
    )
    visitor.expected.append("ERR_FAILED")
    page.reload()
    assert page.evaluate(ground) == dark


def test_without_a_choice_the_system_decides(newcomer: Callable[..., Visitor]) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = newcomer(color_scheme="dark").open("/").evaluate(ground)
    light = newcomer(color_scheme="light").open("/").evaluate(ground)
    assert dark != light


def test_an_open_leaderboard_refreshes_when_a_vote_is_counted(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("echo", "echo")
    board = visitor.open("/leaderboard/")
    expect(board.get_by_role("heading", name="No votes yet")).to_be_visible()
    voted(visitor)
    elsewhere(refresh)
    expect(board.get_by_role("table")).to_contain_text("Contender One of echo")
    expect(board.get_by_text("1 vote ·")).to_be_visible()


def test_the_method_and_whose_votes_are_links(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo")
    voted(visitor)
    elsewhere(refresh)
    page = visitor.open("/leaderboard/")
    page.get_by_role("link", name="Online Elo").click()
    expect(page.get_by_role("columnheader", name="Online Elo")).to_be_visible()
    assert page.url.endswith("?method=elo")
    page.get_by_role("link", name="Simulated raters").click()
    expect(page.get_by_text("cast by simulated raters, not by people")).to_be_visible()
    expect(page.get_by_role("heading", name="No votes yet")).to_be_visible()
    assert page.url.endswith("?method=elo&population=simulated")


def test_suggestions_change_without_a_reload_and_fill_the_box(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("echo", "echo")
    Prompt.objects.create(slug="sums", category="maths", text="What is 2\n+ 2?")
    Prompt.objects.create(slug="rhyme", category="writing", text="Rhyme on moon.")
    page = visitor.open("/")
    page.get_by_label("Your prompt").fill("half typed")
    page.get_by_role("link", name="Maths", exact=True).click()
    expect(page.get_by_text("Rhyme on moon.")).to_have_count(0)
    expect(page.get_by_label("Your prompt")).to_have_value("half typed")
    page.get_by_role("link", name="What is 2 + 2?").click()
    expect(page.get_by_label("Your prompt")).to_have_value("What is 2\n+ 2?")
    page.keyboard.press("Control+z")
    expect(page.get_by_label("Your prompt")).to_have_value("half typed")


def test_a_long_prompt_is_counted_and_held_back(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo")
    page = visitor.open("/")
    box = page.get_by_label("Your prompt")
    box.fill("x" * 16_001)
    expect(page.get_by_text("16,001 of 16,000 characters")).to_be_visible()
    page.get_by_role("button", name="Start the battle").click()
    assert page.url == visitor.url + "/"
    box.fill("short")
    expect(page.get_by_text("of 16,000 characters")).to_have_count(0)


def test_an_account_is_made_and_the_battles_come_along(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo")
    old = voted(visitor)
    page = visitor.open("/signup/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password", exact=True).fill("engine-1843")
    page.get_by_label("Password confirmation").fill("engine-1843")
    page.get_by_role("button", name="Make the account").click()
    page.get_by_role("link", name="My battles").click()
    expect(page.get_by_text("Both were bad")).to_be_visible()
    visitor.expected.append("404")  # the battle is no longer theirs who look at it in the old tab
    page.get_by_role("button", name="Sign out").click()
    expect(old.get_by_role("heading", name="This battle is not open to you")).to_be_visible()
    old.get_by_role("link", name="Sign in again").click()
    old.get_by_label("Username").fill("ada")
    old.get_by_label("Password").fill("engine-1843")
    old.get_by_role("button", name="Sign in").click()
    expect(old.get_by_role("region", name="Both were bad")).to_be_visible()
    old.get_by_role("button", name="Sign out").click()
    old.wait_for_url("**/")
    page.get_by_role("link", name="My battles").click()
    expect(page.get_by_text("No battles yet")).to_be_visible()
    assert User.objects.get().username == "ada"
