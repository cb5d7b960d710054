"""For everyone: axe-core on every page, a battle by keyboard alone, what a screen reader hears."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from arena.models import Battle, Prompt
from ranking.tasks import refresh
from tests.browser.conftest import PATIENCE_MS, LiveArena, Visitor, elsewhere

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("arena")]

expect.set_options(timeout=PATIENCE_MS)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def found(page: Page, name: str) -> list[str]:
    """What axe-core objects to on a page, in its state of now."""
    page.evaluate(
        "Promise.all(document.getAnimations().map((one) => one.finished.catch(() => {})))"
    )
    results = Axe().run(page, options={"runOnly": RULES}).response
    return [
        f"{name}: {violation['id']}: {node['html'][:150]} {node['failureSummary']}"
        for violation in results["violations"]
        for node in violation["nodes"]
    ]


def finished(page: Page) -> None:
    expect(page.locator("[data-ballot] > fieldset:not([disabled])")).to_be_visible()


@pytest.fixture(params=["light", "dark"])
def someone(request: pytest.FixtureRequest, newcomer: Callable[..., Visitor]) -> Visitor:
    # axe is put into the page from outside; the pages' own policy would refuse it.
    return newcomer(color_scheme=request.param, bypass_csp=True, reduced_motion="reduce")


def test_a_battle_has_no_barrier_in_any_state(arena: LiveArena, someone: Visitor) -> None:
    arena.add("slow", "rich", "error-500")
    page = someone.begin(size=3)
    expect(page.locator('[data-state="streaming"]')).to_have_count(1)
    objections = found(page, "streaming")
    arena.go_on()
    finished(page)
    page.get_by_role("button", name="Good response A").click()
    page.locator("#response-1-A").get_by_text("Say why").click()
    page.locator("[data-ballot]").get_by_text("Say why").click()
    page.locator(".ranking__row:not([data-out]) .slot").first.click()
    page.get_by_role("checkbox", name="Harmful").check()
    page.get_by_role("button", name="Enlarge response B").click()
    page.emulate_media(forced_colors="active")
    objections += found(page, "high contrast")
    page.emulate_media(forced_colors="none")
    objections += found(page, "ballot")
    page.get_by_role("button", name="Shortcuts").click()
    objections += found(page, "sheet")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="All bad").click()
    expect(page.locator("#reveal")).to_be_visible()
    objections += found(page, "reveal")
    assert objections == []


def test_a_battle_of_two_has_no_barrier_on_a_phone(
    arena: LiveArena, newcomer: Callable[..., Visitor]
) -> None:
    arena.add("rich", "echo")
    visitor = newcomer(bypass_csp=True, viewport={"width": 390, "height": 844})
    page = visitor.begin()
    finished(page)
    objections = found(page, "phone")
    page.get_by_label("Follow-up prompt").fill("And now?")
    page.get_by_role("button", name="Send to both").click()
    expect(page.locator("#response-2-B")).to_have_attribute("data-state", "done")
    objections += found(page, "second turn")
    assert objections == []


def test_what_is_too_wide_in_an_answer_is_reached_and_scrolled_by_keyboard(
    arena: LiveArena, newcomer: Callable[..., Visitor]
) -> None:
    arena.add("wide", "wide")
    page = newcomer(bypass_csp=True, viewport={"width": 390, "height": 844}).begin()
    finished(page)
    answer = page.locator("#response-1-A")
    for name, inside in [("Table", "table"), ("Formula", "math"), ("Code", "code")]:
        box = answer.get_by_role("group", name=name, exact=True)
        expect(box.locator(inside)).to_be_attached()
        box.focus()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("(one) => one.scrollLeft > 0", arg=box.element_handle())
    page.locator("#response-1-A [data-scroller]").focus()
    for _ in "TFC":
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('[data-copy]')"):
            page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.role") == "group"
    assert found(page, "wide") == []
    page.set_viewport_size({"width": 2400, "height": 844})
    for name in ["Table", "Formula", "Code"]:
        expect(answer.get_by_role("group", name=name, exact=True)).to_have_count(0)
    assert answer.locator(".prose [tabindex]").count() == 0
    assert found(page, "wide enough") == []


def test_formulas_have_no_barrier_on_a_phone(newcomer: Callable[..., Visitor]) -> None:
    page = newcomer(bypass_csp=True, viewport={"width": 390, "height": 844}).open(
        "/leaderboard/methodology/"
    )
    overflowing = "(all) => all.filter((one) => one.scrollWidth > one.clientWidth).length"
    assert page.locator(".formula").evaluate_all(overflowing)
    assert found(page, "methodology") == []


def test_axe_would_object(arena: LiveArena, someone: Visitor) -> None:
    arena.add("echo", "echo")
    page = someone.open("/")
    page.evaluate("document.documentElement.removeAttribute('lang')")
    page.locator(".lede").evaluate("(one) => (one.style.color = 'rgb(128 128 128 / 40%)')")
    objections = " ".join(found(page, "broken"))
    assert "html-has-lang" in objections
    assert "color-contrast" in objections


def test_no_page_has_a_barrier(arena: LiveArena, someone: Visitor) -> None:
    contender = arena.add("echo", "echo", "echo")[0]
    Prompt.objects.create(slug="sums", category="maths", text="What is 2 + 2?")
    page = someone.begin()
    finished(page)
    page.get_by_role("button", name="A is better").click()
    expect(page.locator("#reveal")).to_be_visible()
    elsewhere(refresh)
    User.objects.create_superuser("ada", password="engine-1843")
    someone.expected += ["404", "400"]
    paths = ["/", "/battles/", "/leaderboard/", "/leaderboard/methodology/", "/components/"]
    paths += [f"/contenders/{contender.slug}/", "/login/", "/signup/", "/no-such-page/"]
    objections: list[str] = []
    for path in paths:
        page.goto(someone.url + path)
        objections += found(page, path)
    page.goto(someone.url + "/login/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("The name or the password is wrong.")).to_be_visible()
    objections += found(page, "/login/ refused")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("engine-1843")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
    for path in ["/lab/", "/lab/datasets/", "/lab/gate/", "/lab/runs/"]:
        answer = page.goto(someone.url + path)
        assert answer is not None
        assert answer.ok, path
        objections += found(page, path)
    assert objections == []


def test_a_whole_battle_of_three_by_keyboard_alone(arena: LiveArena, visitor: Visitor) -> None:
    """Tab, arrows, Space and Enter only, with the single keys switched off."""
    arena.add("rich", "echo", "echo")
    visitor.context.add_init_script("localStorage.setItem('shortcuts', 'off')")
    page = visitor.open("/")
    keys = page.keyboard

    def reach(selector: str) -> None:
        for _ in range(80):
            keys.press("Tab")
            focus = page.evaluate(
                """(selector) => {
                  const one = document.activeElement;
                  const box = one.getBoundingClientRect();
                  const seen = box.bottom > 0 && box.top < innerHeight && box.width > 0;
                  return [one.matches(selector), seen];
                }""",
                selector,
            )
            assert focus[1], "the focus is out of sight"
            if focus[0]:
                return
        raise AssertionError(f"{selector} cannot be reached with Tab")

    reach("#prompt")
    keys.type("Rank these")
    reach("[name=size]")
    keys.press("ArrowRight")
    reach("main form button:not([type=button])")
    keys.press("Enter")
    page.wait_for_url("**/battles/*/")
    finished(page)
    reach("#response-1-A [data-scroller]")
    reach("[id='up-1-B']")
    keys.press("Enter")
    expect(page.get_by_role("button", name="Good response B")).to_be_focused()
    reach("#why-1-B > summary")
    keys.press("Enter")
    reach("#why-1-B-clear")
    keys.press("Space")
    reach("#save-1-B")
    keys.press("Enter")
    expect(page.locator("#thumbs-1-B .badge")).to_have_text("Clear")
    page.evaluate("document.activeElement.blur()")
    for letter, press in [("A", "ArrowRight"), ("B", None), ("C", "ArrowLeft")]:
        reach(f"[name=rank_{letter}]")
        keys.press("Space")
        if press:
            keys.press(press)
    reach("[data-submit]")
    keys.press("Enter")
    expect(page.get_by_role("heading", name="You ranked B > A > C")).to_be_visible()
    expect(page.locator("#reveal")).to_be_focused()
    placements = Battle.objects.get().placements.order_by("position")
    assert list(placements.values_list("rank", flat=True)) == [2, 1, 3]
    reach("#reveal [data-key=n]")
    keys.press("Enter")
    expect(page.get_by_label("Your prompt")).to_be_focused()


def test_a_screen_reader_hears_starts_ends_and_errors_but_not_each_word(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("slow", "slow", "error-500")
    visitor.context.add_init_script(
        """
        window.heard = [];
        addEventListener("DOMContentLoaded", () => {
          const kinds = "[aria-live], [role=status], [role=alert], output";
          for (const region of document.querySelectorAll(kinds)) {
            const hear = () => {
              if (region.textContent.trim()) heard.push(region.textContent.trim());
            };
            if (region.id === "announcements") hear(); // the socket may be sooner than this event
            const what = { childList: true, characterData: true, subtree: true };
            new MutationObserver(hear).observe(region, what);
          }
        });
        """
    )
    page = visitor.begin(size=3)
    expect(page.locator('[data-state="streaming"] [data-text]')).to_have_text(["first", "first"])
    expect(page.locator("#announcements")).not_to_be_empty()  # the begin, or then the error
    assert page.locator("[data-text]").first.evaluate(
        "(one) => !one.closest('[aria-live], [role=status], [role=alert], [role=log]')"
    )
    expect(page.locator('[data-state="streaming"] [data-text]').first).to_have_attribute(
        "aria-busy", "true"
    )
    arena.go_on()
    finished(page)
    heard = page.evaluate("window.heard")
    assert any("The responses are being written." in sentence for sentence in heard), heard
    assert sum("is finished." in sentence for sentence in heard) == 2
    assert sum("failed:" in sentence for sentence in heard) == 1
    assert heard[-1].endswith("All responses are finished. You can vote.")
    assert not any("second" in sentence for sentence in heard)
    assert len(heard) <= 8


def test_targets_are_large_enough_to_be_hit(
    arena: LiveArena, newcomer: Callable[..., Visitor]
) -> None:
    arena.add("rich", "rich", "rich")
    page = newcomer(viewport={"width": 390, "height": 844}).begin(size=3)
    finished(page)
    page.get_by_role("button", name="Good response A").click()
    expect(page.get_by_role("button", name="Good response A")).to_have_attribute(
        "aria-pressed", "true"
    )
    small = page.evaluate(
        """() => [...document.querySelectorAll("a, button, summary, label:has(input), input")]
          .filter((one) => one.checkVisibility({ visibilityProperty: true }))
          .filter((one) => !one.closest(".prose, .skip-link, p") || one.matches("button"))
          .map((one) => [one.outerHTML.slice(0, 90), one.getBoundingClientRect()])
          .filter(([, box]) => box.width > 0 && (box.width < 24 || box.height < 24))
          .map(([html, box]) => `${html} ${box.width}x${box.height}`)"""
    )
    assert small == []


def test_nothing_moves_for_those_who_asked_for_stillness(
    arena: LiveArena, newcomer: Callable[..., Visitor]
) -> None:
    arena.add("slow", "hang")
    page = newcomer(reduced_motion="reduce").begin()
    expect(page.locator("[data-text]", has_text="first")).to_have_count(1)
    running = page.evaluate(
        "document.getAnimations().filter((one) => one.effect.getTiming().duration > 100).length"
    )
    assert running == 0


def test_high_contrast_shows_what_is_chosen_and_where_the_focus_is(
    arena: LiveArena, newcomer: Callable[..., Visitor]
) -> None:
    arena.add("echo", "echo", "echo")
    page = newcomer(forced_colors="active").begin(size=3)
    finished(page)
    outline = """(one) => {
      const style = getComputedStyle(one);
      return style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);
    }"""
    slots = page.locator('[data-letter="A"] .slot span')
    assert slots.nth(1).evaluate(outline) == 0
    page.locator('[data-letter="A"] .slot').nth(1).click()
    assert slots.nth(1).evaluate(outline) >= 2
    vote = page.get_by_role("button", name="All bad")
    vote.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert vote.evaluate(outline) >= 2
