"""Voting in a real browser: by dragging, by clicking, by keys; reasons; without JavaScript."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from arena.models import Battle, Reaction, Vote
from tests.browser.conftest import PATIENCE_MS, LiveArena, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("arena")]

expect.set_options(timeout=PATIENCE_MS)


def ranks() -> list[int | None]:
    placements = Battle.objects.get().placements.order_by("position")
    return list(placements.values_list("rank", flat=True))


def opened(visitor: Visitor, *, size: int) -> Page:
    page = visitor.begin(size=size)
    expect(page.locator("[data-ballot] > fieldset:not([disabled])")).to_be_visible()
    return page


def middle(page: Page, selector: str) -> tuple[float, float]:
    page.locator(selector).scroll_into_view_if_needed()
    box = page.locator(selector).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def token(letter: str) -> str:
    return f'[data-letter="{letter}"] [data-token]'


def slot(letter: str, place: int) -> str:
    return f'[data-letter="{letter}"] .slot:has([value="{place}"])'


def test_three_are_ranked_by_dragging_with_a_mouse(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo", "echo")
    page = opened(visitor, size=3)
    for letter, place in [("A", 2), ("B", 1), ("C", 2)]:
        page.mouse.move(*middle(page, token(letter)))
        page.mouse.down()
        page.mouse.move(*middle(page, slot(letter, place)), steps=4)
        page.mouse.up()
    expect(page.locator("[data-summary]")).to_have_text("B > A = C")
    page.mouse.move(*middle(page, token("C")))
    page.mouse.down()
    page.mouse.move(*middle(page, slot("A", 3)), steps=4)  # any line's third place will do
    expect(page.locator("[data-over]")).to_have_count(1)
    page.mouse.up()
    expect(page.locator("[data-summary]")).to_have_text("B > A > C")
    page.mouse.move(*middle(page, token("C")))
    page.mouse.down()
    page.mouse.move(*middle(page, slot("C", 1)), steps=4)
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(page.locator("[data-summary]")).to_have_text("B > A > C")
    page.get_by_role("button", name="Vote", exact=True).click()
    expect(page.get_by_role("heading", name="You ranked B > A > C")).to_be_visible()
    assert ranks() == [2, 1, 3]


def test_three_are_ranked_by_dragging_with_a_finger(
    arena: LiveArena, newcomer: Callable[..., Visitor]
) -> None:
    arena.add("echo", "echo", "echo")
    visitor = newcomer(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    page = opened(visitor, size=3)
    finger = visitor.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        places = [{"x": x, "y": y} for x, y in points]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    page.locator("[data-submit]").evaluate("(one) => one.scrollIntoView({ block: 'end' })")
    for number, (letter, place) in enumerate([("A", 3), ("B", 1), ("C", 1)]):
        expect(page.locator(".slot input:checked")).to_have_count(number)
        start, end = middle(page, token(letter)), middle(page, slot(letter, place))
        between = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        touch("touchStart", start)
        touch("touchMove", between)
        touch("touchMove", end)
        touch("touchEnd")
    expect(page.locator("[data-summary]")).to_have_text("B = C > A")
    page.get_by_role("button", name="Vote", exact=True).click()
    expect(page.locator("#reveal")).to_be_visible()
    assert ranks() == [3, 1, 1]


def test_three_are_ranked_by_clicking(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo", "echo")
    page = opened(visitor, size=3)
    for letter, place in [("A", 1), ("B", 1), ("C", 2)]:
        page.locator(slot(letter, place)).click()
    page.get_by_role("button", name="Vote", exact=True).click()
    expect(page.get_by_role("heading", name="You ranked A = B > C")).to_be_visible()
    assert ranks() == [1, 1, 3]


def test_no_place_moves_while_they_are_chosen_on_a_phone(
    arena: LiveArena, newcomer: Callable[..., Visitor]
) -> None:
    arena.add("echo", "echo", "echo")
    visitor = newcomer(locale="de", has_touch=True, viewport={"width": 390, "height": 844})
    page = visitor.open("/?size=3")
    page.locator("#prompt").fill("Warum?")
    page.locator(".composer__bar button").tap()
    page.wait_for_url("**/battles/*/")
    expect(page.locator("[data-ballot] > fieldset:not([disabled])")).to_be_visible()
    height = page.locator(".ranking__rows").bounding_box()["height"]  # type: ignore[index]
    for letter, place in [("A", 2), ("B", 1), ("C", 3)]:
        page.locator(slot(letter, place)).tap()
        box = page.locator(".ranking__rows").bounding_box()
        assert box
        assert box["height"] == height


def test_a_disabled_ballot_cannot_be_dragged(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("slow", "slow", "slow")
    page = visitor.begin(size=3)
    expect(page.locator("#response-1-C [data-text]")).to_have_text("first")
    page.mouse.move(*middle(page, token("A")))
    page.mouse.down()
    page.mouse.move(*middle(page, slot("A", 1)), steps=4)
    page.mouse.up()
    assert page.locator(".slot input:checked").count() == 0


def test_digits_place_one_after_the_other_and_enter_votes(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("echo", "echo", "echo")
    page = opened(visitor, size=3)
    for key in "221":
        page.keyboard.press(key)
    expect(page.locator("[data-summary]")).to_have_text("C > A = B")
    page.keyboard.press("b")
    page.keyboard.press("3")
    expect(page.locator("[data-summary]")).to_have_text("C > A > B")
    expect(page.get_by_role("button", name="Vote", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#reveal")).to_be_visible()
    assert ranks() == [2, 3, 1]
    page.keyboard.press("n")
    expect(page.get_by_label("Your prompt")).to_be_focused()


def test_t_ties_all_three_and_enter_votes_from_anywhere(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo", "echo")
    page = opened(visitor, size=3)
    page.keyboard.press("Enter")  # not yet: nothing has its place
    page.keyboard.press("t")
    expect(page.locator("[data-summary]")).to_have_text("A = B = C")
    page.keyboard.press("Enter")
    expect(page.locator("#reveal")).to_be_visible()
    assert ranks() == [1, 1, 1]


@pytest.mark.parametrize(
    ("key", "expected"), [("a", [1, 2]), ("2", [2, 1]), ("t", [1, 1]), ("x", [1, 1])]
)
def test_one_key_votes_on_two(
    arena: LiveArena, visitor: Visitor, key: str, expected: list[int]
) -> None:
    arena.add("echo", "echo")
    page = opened(visitor, size=2)
    page.keyboard.press(key)
    expect(page.locator("#reveal")).to_be_visible()
    assert ranks() == expected
    assert Vote.objects.get().all_bad == (key == "x")


def test_s_stops_and_r_retries(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("slow", "slow")
    page = visitor.begin()
    expect(page.locator("#response-1-B [data-text]")).to_have_text("first")
    page.keyboard.press("s")
    expect(page.locator('.response[data-state="stopped"]')).to_have_count(2)
    arena.go_on()
    page.keyboard.press("r")
    expect(page.locator('.response[data-state="done"]')).to_have_count(2)


def test_keys_do_nothing_while_typing_or_when_switched_off(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("echo", "echo")
    page = opened(visitor, size=2)
    page.get_by_label("Follow-up prompt").press_sequentially("a bit? x")
    expect(page.get_by_label("Follow-up prompt")).to_have_value("a bit? x")
    page.locator("body").click(position={"x": 5, "y": 5})
    page.keyboard.press("Control+a")
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet).to_be_visible()
    page.keyboard.press("a")  # the sheet is open: no vote
    sheet.get_by_label("Use these keys").uncheck()
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.reload()
    expect(page.locator("[data-ballot] > fieldset:not([disabled])")).to_be_visible()
    page.keyboard.press("a")
    page.keyboard.press("?")
    expect(sheet).to_be_hidden()
    assert not Vote.objects.exists()
    page.get_by_role("button", name="Shortcuts").click()
    sheet.get_by_label("Use these keys").check()
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    expect(page.locator("#reveal")).to_be_visible()


def test_a_vote_says_why(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo")
    page = opened(visitor, size=2)
    ballot = page.locator("[data-ballot]")
    ballot.get_by_text("Say why").click()
    ballot.get_by_role("checkbox", name="Accurate").check()
    ballot.get_by_role("checkbox", name="Concise").check()
    ballot.get_by_label("Comment").fill("It cites.")
    page.get_by_role("button", name="A is better").click()
    expect(page.locator("#reveal")).to_be_visible()
    vote = Vote.objects.get()
    assert (vote.reasons, vote.comment) == (["accurate", "concise"], "It cites.")


def test_a_thumb_says_why_and_can_be_changed(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo")
    page = opened(visitor, size=2)
    card = page.locator("#response-1-A")
    page.get_by_role("button", name="Bad response A").click()
    card.get_by_text("Say why").click()
    card.get_by_role("checkbox", name="Wrong").check()
    card.get_by_label("Comment on response A").fill("Air is not blue.")
    card.get_by_role("button", name="Save").click()
    expect(card.locator(".thumbs__why .badge")).to_have_text("Wrong")
    expect(card.locator(".thumbs__why summary")).to_be_focused()
    reaction = Reaction.objects.get()
    assert (reaction.value, reaction.reasons) == (-1, ["wrong"])
    assert reaction.comment == "Air is not blue."
    page.get_by_role("button", name="Good response A").click()
    expect(card.locator(".thumbs__why .badge")).to_have_count(0)
    assert Reaction.objects.get().value == 1
    page.get_by_role("button", name="Good response A").click()
    expect(card.get_by_text("Say why")).to_have_count(0)
    assert not Reaction.objects.exists()


def test_a_thumb_shows_in_another_tab(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo")
    page = opened(visitor, size=2)
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator('.response[data-state="done"]')).to_have_count(2)
    page.get_by_role("button", name="Bad response A").click()
    there = other.get_by_role("button", name="Bad response A")
    expect(there).to_have_attribute("aria-pressed", "true")
    there.click()
    mine = page.get_by_role("button", name="Bad response A")
    expect(mine).to_have_attribute("aria-pressed", "false")


def test_only_what_is_written_anew_loses_its_place(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo", "echo")
    page = opened(visitor, size=3)
    for place in "213":
        page.keyboard.press(place)
    expect(page.locator("[data-summary]")).to_have_text("B > A > C")
    page.get_by_role("button", name="Write B again").click()
    expect(page.locator("[data-ballot] > fieldset:not([disabled])")).to_be_visible()
    expect(page.locator("[data-letter=B] :checked")).to_have_count(0)
    expect(page.locator("[data-letter=A] [value='2']")).to_be_checked()
    expect(page.locator("[data-letter=C] [value='3']")).to_be_checked()


def test_what_was_chosen_survives_a_new_rendering(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "error-500", "echo")
    page = opened(visitor, size=3)
    page.locator(".ranking__row:not([data-out]) [value='2']").first.check()
    page.get_by_text("Say why").click()
    page.get_by_role("checkbox", name="Clear", exact=True).check()
    page.get_by_label("Comment").fill("half a th")
    page.get_by_role("button", name="Retry", exact=True).click()
    expect(page.locator('.response[data-state="error"]')).to_have_count(1)
    expect(page.locator(".ranking__row [value='2']:checked")).to_have_count(1)
    expect(page.get_by_role("checkbox", name="Clear", exact=True)).to_be_checked()
    expect(page.get_by_label("Comment")).to_have_value("half a th")


def test_three_are_ranked_without_javascript(
    arena: LiveArena, newcomer: Callable[..., Visitor]
) -> None:
    arena.add("echo", "echo", "echo")
    page = newcomer(java_script_enabled=False).begin(size=3)
    expect(page.locator("#response-1-C [data-text]")).not_to_be_empty()
    expect(page.locator("[data-ballot] > fieldset:not([disabled])")).to_be_visible()
    page.get_by_role("button", name="Bad response B").click()
    page.locator("#response-1-B").get_by_text("Say why").click()
    page.locator("#response-1-B").get_by_role("checkbox", name="Off topic").check()
    page.locator("#response-1-B").get_by_role("button", name="Save").click()
    for letter, place in [("A", 1), ("B", 3), ("C", 1)]:
        page.locator(slot(letter, place)).click()
    page.get_by_role("button", name="Vote", exact=True).click()
    expect(page.get_by_role("heading", name="You ranked A = C > B")).to_be_visible()
    assert Reaction.objects.get().reasons == ["off-topic"]
