"""The panels of the responses in a real browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from arena.models import Contender, Placement
from tests.browser.conftest import PATIENCE_MS, LiveArena, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("arena")]

expect.set_options(timeout=PATIENCE_MS)
WATCH_SHIFTS = """
window.shifts = [];
const describe = (node) => node?.outerHTML?.slice(0, 120) ?? node?.textContent;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries())
    if (!entry.hadRecentInput)
      window.shifts.push([entry.value, ...entry.sources.map((one) => describe(one.node))]);
}).observe({ type: "layout-shift", buffered: true });
"""


def finished(page: Page) -> None:
    expect(page.locator("[data-ballot] > fieldset:not([disabled])")).to_be_visible()


def panel(page: Page, letter: str) -> Locator:
    return page.locator(f"#response-1-{letter} [data-scroller]")


def top(panel: Locator) -> float:
    return float(panel.evaluate("(one) => one.scrollTop"))


def from_end(panel: Locator) -> float:
    return float(panel.evaluate("(one) => one.scrollHeight - one.clientHeight - one.scrollTop"))


def to_end(panel: Locator) -> None:
    """At once: what is written before the browser tells of it would move the end."""
    panel.evaluate(
        "(one) => { one.scrollTo(0, one.scrollHeight); one.dispatchEvent(new Event('scroll')); }"
    )


def settled(page: Page) -> None:
    """Until scroll events have been handled: they come with the next frame."""
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


@pytest.mark.parametrize("viewport", [(1440, 900), (390, 844), (640, 450)])
def test_nothing_moves_while_responses_are_written(
    arena: LiveArena, newcomer: Callable[..., Visitor], viewport: tuple[int, int]
) -> None:
    arena.add("long", "rich", "error-500")
    width, height = viewport
    visitor = newcomer(viewport={"width": width, "height": height})
    visitor.context.add_init_script(WATCH_SHIFTS)
    page = visitor.begin(size=3)
    finished(page)
    settled(page)
    assert page.evaluate("PerformanceObserver.supportedEntryTypes.includes('layout-shift')")
    shifts = page.evaluate("window.shifts")
    assert sum(shift[0] for shift in shifts) < 0.01, shifts


def test_on_a_phone_no_button_of_the_ballot_moves_when_the_last_answer_ends(
    arena: LiveArena, newcomer: Callable[..., Visitor]
) -> None:
    arena.add("slow", "slow")
    page = newcomer(viewport={"width": 390, "height": 844}).begin()
    expect(page.locator("#response-1-A [data-text]")).to_have_text("first")
    place = page.locator(".verdicts").bounding_box()
    arena.go_on()
    finished(page)
    assert page.locator(".verdicts").bounding_box() == pytest.approx(place, abs=0.5)


@pytest.mark.parametrize("viewport", [(1440, 900), (390, 844)])
def test_a_panel_stays_at_its_start_or_follows_the_end_if_the_reader_goes_there(
    arena: LiveArena, newcomer: Callable[..., Visitor], viewport: tuple[int, int]
) -> None:
    arena.add("long", "long")
    width, height = viewport
    page = newcomer(viewport={"width": width, "height": height}).begin()
    first, second = panel(page, "A"), panel(page, "B")
    expect(first).to_contain_text("end of 9.")
    assert (top(first), top(second)) == (0, 0)
    assert from_end(first) > 100
    to_end(first)
    expect(first).to_contain_text("end of 19.")
    settled(page)
    assert from_end(first) < 30
    first.hover()
    page.mouse.wheel(0, -150)
    page.wait_for_function(
        "(one) => one.scrollHeight - one.clientHeight - one.scrollTop > 100",
        arg=first.element_handle(),
    )
    settled(page)
    held = top(first)
    finished(page)
    assert top(first) == held
    assert top(second) == 0


def test_an_answer_that_is_written_again_begins_at_its_start(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("long", "long")
    page = visitor.begin()
    finished(page)
    first = panel(page, "A")
    to_end(first)
    settled(page)
    page.get_by_role("button", name="Write A again").click()
    expect(page.locator("#response-1-A")).not_to_have_attribute("data-state", "done")
    finished(page)
    assert top(first) == 0


def test_panels_scroll_together_or_apart_and_the_choice_is_kept(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("long", "long")
    page = visitor.begin()
    finished(page)
    first, second = panel(page, "A"), panel(page, "B")
    first.evaluate("(one) => one.scrollTo(0, 200)")
    settled(page)
    assert top(second) == 0
    together = page.get_by_role("button", name="Scroll together")
    together.click()
    expect(together).to_have_attribute("aria-pressed", "true")
    second.evaluate("(one) => one.scrollTo(0, 600)")
    settled(page)
    assert abs(top(first) - 600) < 3
    page.reload()
    expect(together).to_have_attribute("aria-pressed", "true")
    first.evaluate("(one) => one.scrollTo(0, 300)")
    settled(page)
    assert abs(top(second) - 300) < 3
    together.click()
    expect(together).to_have_attribute("aria-pressed", "false")


def test_panels_that_scroll_together_stop_following_together(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("long", "long")
    page = visitor.begin()
    first, second = panel(page, "A"), panel(page, "B")
    page.get_by_role("button", name="Scroll together").click()
    for one in (first, second):
        expect(one).to_contain_text("end of 9.")
    to_end(first)
    for one in (first, second):
        expect(one).to_contain_text("end of 14.")
    settled(page)
    assert from_end(second) < 30
    first.hover()
    page.mouse.wheel(0, -300)
    finished(page)
    assert from_end(first) > 200
    assert from_end(second) > 200
    to_end(first)
    settled(page)
    assert from_end(second) < 30


def test_the_reader_stays_where_they_were_when_they_vote(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("long", "long")
    page = visitor.begin()
    finished(page)
    panel(page, "A").evaluate("(one) => one.scrollTo(0, 500)")
    settled(page)
    page.get_by_role("button", name="Tie").click()
    expect(page.locator("#reveal")).to_be_visible()
    assert top(panel(page, "A")) == 500


def test_a_panel_can_be_enlarged(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("long", "rich", "echo")
    page = visitor.begin(size=3)
    finished(page)
    card = page.locator("#response-1-B")
    before = card.bounding_box()
    button = page.get_by_role("button", name="Enlarge response B")
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    after = card.bounding_box()
    assert before
    assert after
    assert after["width"] > 2.5 * before["width"]
    assert from_end(panel(page, "B")) <= 0
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "false")
    assert card.bounding_box() == before


@pytest.mark.parametrize("viewport", [(390, 844), (640, 450)])
def test_on_a_narrow_screen_tabs_choose_a_panel(
    arena: LiveArena, newcomer: Callable[..., Visitor], viewport: tuple[int, int]
) -> None:
    arena.add("echo", "echo", "echo")
    width, height = viewport
    page = newcomer(viewport={"width": width, "height": height}).begin(size=3)
    finished(page)
    tabs = page.get_by_role("navigation", name="Responses of turn 1")
    expect(tabs.get_by_role("link", name="Response A")).to_have_attribute("aria-current", "true")
    tabs.get_by_role("link", name="Response C").click()
    expect(page.locator("#response-1-C .response__title")).to_be_in_viewport()
    expect(page.locator("#response-1-A .response__title")).not_to_be_in_viewport()
    expect(tabs.get_by_role("link", name="Response C")).to_have_attribute("aria-current", "true")
    box = page.locator("#response-1-C").bounding_box()
    assert box is not None
    assert box["width"] > 0.85 * width
    ballot = page.locator("[data-ballot]").bounding_box()
    assert ballot is not None
    assert ballot["y"] < 2 * height  # within one more screen


def test_on_a_phone_only_what_is_cut_short_can_be_enlarged(
    arena: LiveArena, newcomer: Callable[..., Visitor]
) -> None:
    arena.add("echo", "long")
    page = newcomer(viewport={"width": 390, "height": 844}).begin()
    finished(page)
    short, long = (
        Placement.objects.get(contender__model=model).label for model in ("echo", "long")
    )
    enlarge = page.get_by_role("button", name=f"Enlarge response {long}")
    expect(page.locator(f"#expand-1-{short}")).to_be_hidden()
    enlarge.click()
    expect(enlarge).to_have_attribute("aria-pressed", "true")
    enlarge.click()
    expect(enlarge).to_have_attribute("aria-pressed", "false")
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(page.locator(f"#expand-1-{short}")).to_be_visible()  # it gets all of the width


def test_on_a_phone_a_swipe_over_the_text_goes_to_the_next_panel(
    arena: LiveArena, newcomer: Callable[..., Visitor]
) -> None:
    arena.add("rich", "rich")
    phone = newcomer(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = phone.begin()
    finished(page)
    first = page.locator("#response-1-A")
    wide = first.locator("pre")
    swipe(page, wide)
    settled(page)
    assert wide.evaluate("(one) => one.scrollLeft") > 0
    expect(first.locator(".response__title")).to_be_in_viewport()
    swipe(page, first.locator(".prose > p").first)
    expect(page.locator("#response-1-B .response__title")).to_be_in_viewport()
    expect(page.locator("[data-panel=B]")).to_have_attribute("aria-current", "true")


@pytest.mark.parametrize("locale", ["en", "ar"])
def test_on_a_phone_a_follow_up_is_read_in_the_panel_that_was_in_view(
    arena: LiveArena, newcomer: Callable[..., Visitor], locale: str
) -> None:
    arena.add("long", "long", "long")
    phone = newcomer(
        locale=locale, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    page = phone.open("/")
    page.locator("#prompt").fill("Why?")
    page.locator("[name=size][value='3']").check()
    page.locator("main form button:not([type=button])").click()
    page.wait_for_url("**/battles/*/")
    finished(page)
    page.locator("[data-panel=C]").tap()
    expect(page.locator("[data-panel=C]")).to_have_attribute("aria-current", "true")
    page.locator("#followup").fill("And at night?")
    page.locator("[data-followup] button").tap()
    new = page.locator(".turn--last")
    expect(new.locator(".prompt__text")).to_have_text("And at night?")
    expect(page.locator("#response-2-C [data-scroller]")).to_be_focused()
    expect(page.locator("#response-2-C [data-text]")).to_contain_text("word3")
    for part in (".turn--last .prompt", "#response-2-C [data-text] p"):
        # In one step: a paragraph that is being written is another element from word to word.
        box = page.evaluate(
            "(part) => document.querySelector(part).getBoundingClientRect().toJSON()", part
        )
        assert 0 <= box["x"] < 390
        assert 0 <= box["y"] < 400
    finished(page)
    page.locator("[data-panel=B]").last.tap()
    expect(page.locator("[data-panel=B]").last).to_have_attribute("aria-current", "true")
    expect(page.locator("#response-2-B .response__title")).to_be_in_viewport(ratio=1)
    page.reload()
    for panel, tab in (("#response-1-C", "[data-panel=C]"), ("#response-2-B", "[data-panel=B]")):
        box = page.locator(panel).bounding_box()
        assert box
        assert 0 <= box["x"] < 40
        current = page.locator(".turn", has=page.locator(panel)).locator(tab)
        expect(current).to_have_attribute("aria-current", "true")


def test_on_a_phone_what_is_written_again_comes_into_view(
    arena: LiveArena, newcomer: Callable[..., Visitor]
) -> None:
    arena.add("long", "long", "error-500")
    phone = newcomer(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = phone.begin(size=3)
    finished(page)
    failed = page.locator('.response[data-state="error"]')
    letter = failed.get_attribute("data-position")
    other = "A" if letter == "C" else "C"
    page.locator(f"[data-panel={other}]").tap()
    expect(page.locator(f"#response-1-{other} .response__title")).to_be_in_viewport(ratio=1)
    Contender.objects.filter(model="error-500").update(model="long")
    page.get_by_role("button", name="Retry", exact=True).tap()
    expect(page.locator(f"#response-1-{letter} .response__title")).to_be_in_viewport(ratio=1)
    expect(page.locator(f"[data-panel={letter}]")).to_have_attribute("aria-current", "true")
    finished(page)
    page.locator("[data-panel=B]").tap()
    expect(page.locator("#response-1-B .response__title")).to_be_in_viewport(ratio=1)
    page.get_by_role("button", name="Write all three again").tap()
    expect(page.locator('[data-state="pending"], [data-state="streaming"]')).to_have_count(3)
    expect(page.locator("#response-1-B .response__title")).to_be_in_viewport(ratio=1)
    expect(page.locator("#response-1-B [data-scroller]")).to_be_focused()


def test_a_window_that_becomes_wide_and_narrow_again_shows_the_panel_that_was_turned_to(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("echo", "echo")
    page = visitor.begin()
    finished(page)
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("[data-panel=B]").click()
    expect(page.locator("[data-panel=B]")).to_have_attribute("aria-current", "true")
    expect(page.locator("#response-1-B .response__title")).to_be_in_viewport(ratio=1)
    page.set_viewport_size({"width": 1280, "height": 844})
    settled(page)
    page.reload()
    page.set_viewport_size({"width": 390, "height": 844})
    page.reload()
    expect(page.locator("#response-1-B .response__title")).to_be_in_viewport(ratio=1)


def swipe(page: Page, over: Locator) -> None:
    """A finger's way from the right to the left."""
    over.evaluate("(one) => one.scrollIntoView({block: 'nearest'})")  # also where it is drawn anew
    box = over.bounding_box()
    assert box
    x, y = box["x"] + 0.8 * box["width"], box["y"] + box["height"] / 2
    fingers = page.context.new_cdp_session(page)

    def touch(kind: str, *points: dict[str, float]) -> None:
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    touch("touchStart", {"x": x, "y": y})
    for step in range(1, 11):
        touch("touchMove", {"x": x - 20 * step, "y": y})
    touch("touchEnd")


@pytest.mark.parametrize("locale", ["en", "ar"])
def test_a_panel_that_is_chosen_by_keyboard_is_read_next(
    arena: LiveArena, newcomer: Callable[..., Visitor], locale: str
) -> None:
    arena.add("echo", "echo", "echo")
    visitor = newcomer(locale=locale, viewport={"width": 390, "height": 844})
    page = visitor.open("/")
    page.locator("#prompt").fill("Why?")
    page.locator("[name=size][value='3']").check()
    page.locator("main form button:not([type=button])").click()
    page.wait_for_url("**/battles/*/")
    finished(page)
    page.locator("[data-panel=B]").press("Enter")
    expect(panel(page, "B")).to_be_focused()
    expect(page.locator("[data-panel=B]")).to_have_attribute("aria-current", "true")
    expect(page.locator("#response-1-B .response__title")).to_be_in_viewport()
    page.keyboard.press("Tab")
    expect(page.locator("[id='up-1-B']")).to_be_focused()


def test_on_a_narrow_screen_the_tabs_are_links_without_javascript(
    arena: LiveArena, newcomer: Callable[..., Visitor]
) -> None:
    arena.add("echo", "echo")
    visitor = newcomer(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = visitor.begin()
    page.get_by_role("link", name="Response B").click()
    expect(page.locator("#response-1-B .response__title")).to_be_in_viewport()


def test_three_columns_stand_side_by_side_where_there_is_room(
    arena: LiveArena, newcomer: Callable[..., Visitor]
) -> None:
    arena.add("echo", "echo", "echo")
    page = newcomer(viewport={"width": 1920, "height": 1080}).begin(size=3)
    finished(page)
    boxes = [page.locator(f"#response-1-{letter}").bounding_box() for letter in "ABC"]
    assert len({box["y"] for box in boxes if box}) == 1
    assert all(box and box["width"] > 450 for box in boxes)


def test_code_is_copied_and_said_so(arena: LiveArena, newcomer: Callable[..., Visitor]) -> None:
    arena.add("rich", "echo")
    visitor = newcomer(permissions=["clipboard-read", "clipboard-write"])
    page = visitor.begin()
    finished(page)
    page.get_by_role("button", name="Copy the code").click()
    expect(page.locator("#announcements")).to_have_text("The code is copied.")
    assert "return (reference / wavelength) ** 4" in page.evaluate("navigator.clipboard.readText()")


def test_mathematics_and_directions_are_the_browsers_own(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("rich", "rich")
    page = visitor.begin()
    finished(page)
    before = page.locator("#response-1-A [data-text]").inner_text()
    assert page.locator("#response-1-A math[display=block] munderover").count() == 1
    hebrew = page.locator("#response-1-A p", has_text="השמיים")
    assert hebrew.evaluate("(one) => getComputedStyle(one).direction") == "rtl"
    page.reload()
    expect(page.locator("#response-1-A [data-copy]")).to_be_attached()
    assert page.locator("#response-1-A [data-text]").inner_text() == before


def test_tabs_and_dragging_work_from_right_to_left(
    arena: LiveArena, newcomer: Callable[..., Visitor]
) -> None:
    arena.add("echo", "rich", "echo")
    visitor = newcomer(locale="ar", viewport={"width": 390, "height": 844})
    page = visitor.open("/")
    page.locator("#prompt").fill("Why?")
    page.locator("[name=size][value='3']").check()
    page.locator("main form button:not([type=button])").click()
    page.wait_for_url("**/battles/*/")
    finished(page)
    assert page.evaluate("document.documentElement.dir") == "rtl"
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    page.locator("[data-panel=C]").click()
    expect(page.locator("[data-panel=C]")).to_have_attribute("aria-current", "true")
    expect(page.locator("#response-1-C .response__title")).to_be_in_viewport()
    page.locator('[data-letter="A"] .slot').nth(2).scroll_into_view_if_needed()
    start = page.locator('[data-letter="A"] [data-token]').bounding_box()
    end = page.locator('[data-letter="A"] .slot').nth(2).bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] + 10, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(end["x"] + 20, end["y"] + 10, steps=4)
    page.mouse.up()
    expect(page.locator('[name="rank_A"][value="3"]')).to_be_checked()


def test_retry_stands_level_with_the_thumbs(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo")
    page = visitor.begin()
    finished(page)
    foot = page.locator("#response-1-A .response__foot")
    middle = (
        "(one) => { const { y, height } = one.getBoundingClientRect(); return y + height / 2; }"
    )
    retry, thumb = foot.locator("#retry-1-A"), foot.locator(".thumb").first
    assert abs(retry.evaluate(middle) - thumb.evaluate(middle)) < 1
