"""German and Arabic in a real browser: the choice, the mirrored page, nothing cut off."""

import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PATIENCE_MS, LiveArena, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("arena")]

expect.set_options(timeout=PATIENCE_MS)
PHONE = {"width": 390, "height": 800}
PAGES = ("/", "/leaderboard/", "/battles/", "/login/", "/signup/", "/no")
LAB = ("/lab/", "/lab/datasets/")


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def cut_off(page: Page, selector: str) -> list[str]:
    """The texts that are wider than their box."""
    found: list[str] = page.locator(selector).evaluate_all(
        "boxes => boxes.filter(box => box.scrollWidth > box.clientWidth)"
        ".map(box => box.textContent)"
    )
    return found


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


def test_an_empty_box_begins_where_its_page_does(
    arena: LiveArena, newcomer: Callable[..., Visitor]
) -> None:
    arena.add("echo", "echo")
    page = newcomer(locale="ar").open("/")
    box = page.locator("#prompt")
    expect(box).to_have_css("direction", "rtl")
    box.fill("Why?")
    expect(box).to_have_css("direction", "ltr")


def begin(page: Page, prompt: str, *, size: int = 2) -> None:
    page.locator("#prompt").fill(prompt)
    page.locator(f"[name=size][value='{size}']").check()
    page.locator(".composer .button--primary").click()
    page.wait_for_url("**/battles/*/")


def open_ballot(page: Page) -> Locator:
    return page.locator("[data-ballot] > fieldset:not([disabled])")


def test_a_whole_battle_in_german(arena: LiveArena, newcomer: Callable[..., Visitor]) -> None:
    arena.add("rich", "waits", "error-500")
    visitor = newcomer(viewport={"width": 1440, "height": 900}, locale="de")
    page = visitor.open("/?focus=1")
    begin(page, "Warum ist der Himmel blau?", size=3)
    expect(page.get_by_role("heading", name="Ordnen Sie die drei")).to_be_visible()
    expect(page.locator("[data-why]")).to_have_text("Öffnet, sobald die Antworten fertig sind.")
    announced = page.locator("#announcements")
    expect(announced).not_to_be_empty()
    arena.go_on()
    expect(announced).to_contain_text("Alle Antworten sind fertig. Sie können abstimmen.")
    expect(open_ballot(page)).to_be_visible()
    failed = page.locator(".response[data-state=error]")
    expect(failed.locator("[data-error]")).to_have_text(
        "Es kam keine Antwort. Versuchen Sie es noch einmal."
    )
    page.get_by_role("button", name="Kopieren").first.click()
    expect(announced).to_have_text("Der Code ist kopiert.")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Tastenkürzel")).to_be_visible()
    page.get_by_role("button", name="Schließen").click()
    for row in page.locator(".ranking__row:not([data-out])").all():
        row.locator("label").first.click()
    page.get_by_role("button", name="Abstimmen").click()
    expect(page.get_by_role("heading", name="Ihr Urteil: gleich gut")).to_be_visible()
    expect(page.locator("[data-left]")).to_have_text(re.compile(r"^\d+ s$"))
    assert overflow(page) <= 0
    page.get_by_role("button", name="Zurücknehmen").click()
    expect(page.locator(".dock .notice")).to_contain_text("Sie haben Ihre Stimme zurückgenommen")
    page.get_by_role("link", name="Meine Vergleiche").first.click()
    expect(page.get_by_text("3 Antworten")).to_be_visible()
    expect(page.get_by_text("noch keine Stimme")).to_be_visible()


@pytest.mark.parametrize("locale", ["en", "de", "ar"])
def test_the_header_s_links_stand_in_one_row_on_a_phone(
    newcomer: Callable[..., Visitor], locale: str
) -> None:
    page = newcomer(viewport={"width": 390, "height": 844}, locale=locale).open("/")
    tops = page.locator(".site-nav a").evaluate_all(
        "(links) => links.map((link) => link.getBoundingClientRect().top)"
    )
    assert len(tops) == 3
    assert len(set(tops)) == 1


@pytest.mark.parametrize("language", ["de", "ar"])
def test_no_word_is_cut_off_on_a_phone(
    arena: LiveArena, newcomer: Callable[..., Visitor], language: str
) -> None:
    arena.add("fast", "fast", "fast")
    visitor = newcomer(viewport={"width": 360, "height": 800}, locale=language)
    for size in (2, 3):
        page = visitor.open("/?focus=1")
        assert cut_off(page, ".mode, .button, .segmented label") == []
        begin(page, "Warum ist der Himmel blau?", size=size)
        expect(open_ballot(page)).to_be_visible()
        page.locator(".ballot__more summary").click()
        assert cut_off(page, ".button, .slot span, .chip-check span, .response__head") == []
        assert overflow(page) <= 0


@pytest.mark.parametrize("size", [2, 3])
def test_a_whole_battle_from_right_to_left_on_a_phone(
    arena: LiveArena, newcomer: Callable[..., Visitor], size: int
) -> None:
    arena.add("rich", "rich", "rich")
    visitor = newcomer(viewport=PHONE, locale="ar")
    page = visitor.open("/?focus=1")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    assert overflow(page) <= 0
    begin(page, "لماذا السماء زرقاء؟", size=size)
    expect(open_ballot(page)).to_be_visible()
    assert overflow(page) <= 0
    if size == 2:
        page.get_by_role("button", name="تعادل").click()
    else:
        for row in page.locator(".ranking__row").all():
            row.locator("label").first.click()
        page.get_by_role("button", name="صوّت", exact=True).click()
    expect(page.get_by_role("heading", name="حكمت بالتعادل")).to_be_visible()
    assert overflow(page) <= 0
    page.goto(visitor.url + "/battles/")
    expect(page.locator(".battle-list__item")).to_have_count(1)
    assert overflow(page) <= 0


def test_a_battle_is_held_from_right_to_left(
    arena: LiveArena, newcomer: Callable[..., Visitor]
) -> None:
    arena.add("fast", "fast")
    visitor = newcomer(viewport={"width": 1280, "height": 900}, locale="ar")
    page = visitor.open("/?focus=1")
    begin(page, "لماذا السماء زرقاء؟")
    expect(open_ballot(page)).to_be_visible()
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
