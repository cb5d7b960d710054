"""The leaderboard's pages in a real browser: desk and phone, light and dark, with and without
JavaScript."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from arena.models import Contender
from ranking.selectors.slices import VOTES
from ranking.tasks import refresh
from ranking.views.plots import PLOTS
from tests.browser.conftest import PATIENCE_MS, LiveArena, Visitor, elsewhere
from tests.ranking.ballots import cast
from tests.ranking.pages import nothing_kept  # noqa: F401

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.usefixtures("nothing_kept", "board"),
]

expect.set_options(timeout=PATIENCE_MS)
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
PAGES = ["/leaderboard/", "/leaderboard/?significant=1&cluster=rater", "/contenders/heron/"]


@pytest.fixture
def board(arena: object) -> None:
    """Four contenders with prices, of whom one is clearly the best and another the worst."""

    def vote() -> None:
        for lineup in (["heron", "otter"], ["otter", "wren"], ["wren", "newt"], ["heron", "newt"]):
            for _ in range(8):
                cast(lineup, [1, 2], category="coding")
            cast(lineup, [2, 1])
            refresh()
        Contender.objects.update(price=2)

    elsewhere(vote)


def overflow(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def order(page: Page) -> list[str]:
    return page.locator(".table--standings tbody th[scope=row]").all_inner_texts()


def see(image: Locator) -> None:
    """Scrolls to an image and waits until it is drawn."""
    image.scroll_into_view_if_needed()
    expect(image).to_have_js_property("complete", True)
    assert image.evaluate("image => image.naturalWidth") > 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESK, PHONE], ids=["desk", "phone"])
def test_plots_load_in_the_right_look_and_nothing_is_too_wide(
    newcomer: Callable[..., Visitor], viewport: dict[str, int], scheme: str
) -> None:
    visitor = newcomer(viewport=viewport, color_scheme=scheme)
    size = "wide" if viewport == DESK else "narrow"
    for path in PAGES:
        asked: list[str] = []
        page = visitor.open("/leaderboard/methodology/")
        assert overflow(page) <= 0
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.goto(visitor.url + path)
        assert overflow(page) <= 0
        shown = page.locator(f".plot--{scheme} img")
        assert shown.count() >= 1
        for image in shown.all():
            see(image)
        plots = [url for url in asked if ".svg?" in url]
        assert len(plots) == shown.count()
        assert all(f"theme={scheme}&size={size}" in url for url in plots)
        page.close()


def test_the_theme_switch_changes_the_plots(newcomer: Callable[..., Visitor]) -> None:
    page = newcomer(color_scheme="light").open("/leaderboard/")
    see(page.locator("#ratings .plot--light img"))
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(page.locator("#ratings .plot--light img")).to_be_hidden()
    see(page.locator("#ratings .plot--dark img"))


def test_heads_sort_without_a_new_page_and_a_refresh_keeps_the_order(visitor: Visitor) -> None:
    page = visitor.open("/leaderboard/")
    page.evaluate("window.stayed = true")
    assert order(page)[0] == "Heron"
    page.get_by_role("link", name="Lost", exact=True).click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Lost")
    assert page.url.endswith("/leaderboard/?sort=lost")
    assert order(page)[-1] == "Heron"
    expect(page.get_by_role("link", name="Lost", exact=True)).to_be_focused()
    elsewhere(lambda: (cast(["otter", "heron"], [2, 1]), refresh()))
    expect(page.get_by_text("37 votes ·")).to_be_visible()
    assert order(page)[-1] == "Heron"
    assert page.evaluate("window.stayed")


def test_figures_follow_the_table(visitor: Visitor) -> None:
    page = visitor.open("/leaderboard/")
    see(page.locator("#ratings .plot--light img"))
    page.locator("#ratings summary").click()
    page.get_by_role("heading", name="Leaderboard", exact=True).click()  # the focus leaves
    first = page.get_by_role("region", name="How sure is the first place?")
    expect(first).to_contain_text("by 36 votes:")
    top = page.locator("#ratings").bounding_box()

    def vote() -> None:
        cast(["otter", "heron"], [1, 2])
        PLOTS.clear()  # what time does outside of a test
        refresh()

    elsewhere(vote)
    expect(page.get_by_text("37 votes ·")).to_be_visible()
    expect(first).to_contain_text("by 37 votes:")
    digest = page.locator("#standings").get_attribute("data-of")
    expect(page.locator("#figures")).to_have_attribute("data-of", str(digest))
    image = page.locator("#ratings .plot--light img")
    assert image.evaluate("image => image.naturalWidth") > 0
    assert f"of={str(digest)[:12]}" in image.evaluate("image => image.currentSrc")
    expect(page.get_by_role("region", name="Data of the plot: Ratings")).to_be_visible()
    assert page.locator("#ratings").bounding_box() == top


def test_figures_come_with_the_first_vote(arena: LiveArena, visitor: Visitor) -> None:
    page = visitor.open("/leaderboard/?population=simulated")
    expect(page.get_by_role("heading", name="No votes yet")).to_be_visible()

    def vote() -> None:
        cast(["otter", "heron"], [1, 2], population="simulated")
        PLOTS.clear()
        refresh()

    elsewhere(vote)
    expect(page.get_by_role("heading", name="Plots")).to_be_visible()


def test_the_menu_of_categories_follows_unless_somebody_chooses(visitor: Visitor) -> None:
    page = visitor.open("/leaderboard/")
    menu = page.get_by_label("Category")
    expect(menu.locator("option[value=coding]")).to_contain_text("(32)")

    def vote() -> None:
        cast(["otter", "heron"], [1, 2], category="coding")
        VOTES.clear()
        refresh()

    menu.focus()
    elsewhere(vote)
    expect(page.get_by_text("37 votes ·")).to_be_visible()
    expect(menu).to_be_focused()
    page.get_by_role("link", name="Vote in a battle").focus()
    elsewhere(vote)
    expect(menu.locator("option[value=coding]")).to_contain_text("(34)")


def test_a_chosen_category_shows_at_once(visitor: Visitor) -> None:
    page = visitor.open("/leaderboard/?method=plackett-luce")
    page.get_by_label("Category").select_option("coding")
    expect(page.get_by_text("32 votes ·")).to_be_visible()
    assert "method=plackett-luce" in page.url
    assert "category=coding" in page.url


def test_it_works_without_javascript(newcomer: Callable[..., Visitor]) -> None:
    page = newcomer(java_script_enabled=False).open("/leaderboard/")
    page.get_by_label("Category").select_option("coding")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("32 votes ·")).to_be_visible()
    page.get_by_role("link", name="Won", exact=True).click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Won")
    page.get_by_role("link", name="Significant differences").click()
    expect(
        page.get_by_text("1 plus the number of contenders that are significantly better")
    ).to_be_visible()
    assert page.url.endswith("?category=coding&significant=1&sort=won")
    page.locator("#ratings summary").click()
    table = page.get_by_role("region", name="Data of the plot: Ratings")
    expect(table.get_by_role("rowheader", name="Heron")).to_be_visible()


def test_a_phone_has_a_list_to_sort_by(newcomer: Callable[..., Visitor]) -> None:
    page = newcomer(viewport=PHONE).open("/leaderboard/")
    page.get_by_label("Sort by").select_option("lost")
    expect(page).to_have_url(re.compile("sort=lost"))
    assert order(page)[-1] == "Heron"


def test_from_the_board_to_a_contender_and_its_opponents(visitor: Visitor) -> None:
    page = visitor.open("/leaderboard/")
    page.get_by_role("link", name="Heron", exact=True).click()
    expect(page.get_by_role("heading", name="Heron", level=1)).to_be_visible()
    expect(page.get_by_role("heading", name="Wins most against")).to_be_visible()
    opponents = page.get_by_role("region", name="Table of opponents")
    opponents.get_by_role("link", name="Newt").click()
    expect(page.get_by_role("heading", name="Newt", level=1)).to_be_visible()
