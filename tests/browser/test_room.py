"""The way through the rating room in a real browser: modes, reveal, undo, next, skip, forget."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from arena.models import Battle, Rater, Response, Vote
from tests.browser.conftest import PATIENCE_MS, LiveArena, Visitor
from tests.browser.test_battle import ballot_opens

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("arena")]

expect.set_options(timeout=PATIENCE_MS)


def vote_a(visitor: Visitor) -> Page:
    page = visitor.begin()
    ballot_opens(page)
    page.get_by_role("button", name="A is better").click()
    expect(page.get_by_role("region", name="You found A better")).to_be_visible()
    return page


@pytest.mark.parametrize("size", [2, 3])
def test_after_the_vote_the_whole_reveal_is_in_view_and_the_page_came_once(
    arena: LiveArena, newcomer: Callable[..., Visitor], size: int
) -> None:
    arena.add("long", "long", "long")
    page = newcomer(viewport={"width": 1440, "height": 900}).begin(size=size)
    ballot_opens(page)
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.method))
    page.keyboard.press("x")
    expect(page.get_by_role("link", name="Next battle")).to_be_in_viewport(ratio=1)
    expect(page.locator("#reveal")).to_be_focused()
    page.wait_for_load_state("networkidle")
    assert asked == ["POST", "GET"]


def test_a_vote_whose_answer_is_lost_is_shown_all_the_same(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("echo", "echo")
    visitor.expected += ["502", "WebSocket"]
    page = visitor.begin()
    ballot_opens(page)

    def lose(route: Route) -> None:
        route.fetch(max_redirects=0)
        route.fulfill(status=502, body="Lost")

    page.route("**/vote/", lose)
    page.get_by_role("button", name="A is better").click()
    expect(page.get_by_role("heading", name="You found A better")).to_be_visible()
    assert Vote.objects.count() == 1


def test_side_by_side_is_chosen_without_losing_the_prompt(
    arena: LiveArena, visitor: Visitor
) -> None:
    one, _, three = arena.add("echo", "echo", "echo")
    page = visitor.open("/?focus=1")
    page.get_by_label("Your prompt").fill("Typed before")
    page.get_by_role("link", name="Side by side").click()
    expect(page.get_by_role("link", name="Side by side")).to_be_focused()
    expect(page.get_by_label("Your prompt")).to_have_value("Typed before")
    expect(page.get_by_label("Contender C")).to_be_hidden()
    page.get_by_label("Contender A").select_option(three.name)
    page.get_by_label("Contender B").select_option(one.name)
    page.get_by_role("button", name="Start the battle").click()
    page.wait_for_url("**/battles/*/")
    expect(page.locator("#title-1-A")).to_contain_text(three.name)
    note = page.get_by_text("kept but not counted")
    ballot_opens(page)
    uncovered = """(one) => {
      const { x, y, width, height } = one.getBoundingClientRect();
      return document.elementFromPoint(x + width / 2, y + height / 2) === one;
    }"""
    assert note.evaluate(uncovered)  # the ballot stays at the window's end, over what is above it
    page.get_by_role("button", name="Tie").click()
    expect(page.get_by_text("You knew the contenders' names.")).to_be_visible()


def test_the_same_contender_twice_is_told_at_once_and_not_sent(
    arena: LiveArena, visitor: Visitor
) -> None:
    one, two, _ = arena.add("echo", "echo", "echo")
    page = visitor.open("/?mode=side_by_side")
    page.get_by_label("Your prompt").fill("Who?")
    boxes = [page.get_by_label(f"Contender {letter}") for letter in "ABC"]
    boxes[0].select_option(two.name)  # C has it too, but is not meant
    told = page.get_by_role("alert")
    expect(told).to_have_count(0)
    page.get_by_role("radio", name="Three").check()
    expect(told).to_have_text("A and C are the same contender. Choose another one for C.")
    boxes[2].select_option(one.name)
    expect(told).to_have_count(0)
    boxes[1].select_option(two.name)
    expect(told).to_have_text("A and B are the same contender. Choose another one for B.")
    boxes[1].evaluate(
        "box => box.addEventListener('invalid', event => (window.bubble = !event.defaultPrevented))"
    )
    page.get_by_role("button", name="Start the battle").click()
    expect(boxes[1]).to_be_focused()
    expect(boxes[1]).to_have_accessible_description(
        "A and B are the same contender. Choose another one for B."
    )
    assert page.evaluate("window.bubble") is False  # the browser's would lie over the notice
    expect(boxes[1]).to_have_value(two.slug)
    assert not Battle.objects.exists()
    page.get_by_role("link", name="Direct").click()
    expect(boxes[1]).to_be_hidden()
    expect(boxes[0]).to_have_value(two.slug)
    page.get_by_role("button", name="Start talking").click()
    page.wait_for_url("**/battles/*/")


def test_direct_is_a_conversation_with_thumbs(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("remembers", "remembers")
    page = visitor.open("/?mode=direct")
    expect(page.get_by_role("radio", name="Two")).to_be_hidden()
    page.get_by_label("Your prompt").fill("Hello")
    page.get_by_role("button", name="Start talking").click()
    page.wait_for_url("**/battles/*/")
    expect(page.locator('#response-1-A[data-state="done"]')).to_be_visible()
    expect(page.locator("[data-ballot]")).to_have_count(0)
    page.get_by_label("Follow-up prompt").fill("More")
    page.get_by_role("button", name="Send to it").click()
    expect(page.locator('#response-2-A[data-state="done"]')).to_be_visible()
    page.get_by_role("button", name="Good response A").last.click()
    expect(page.get_by_role("button", name="Good response A").last).to_have_attribute(
        "aria-pressed", "true"
    )


@pytest.mark.parametrize("way", ["button", "keys"])
def test_in_a_talk_with_one_the_next_prompt_can_be_typed_at_once(
    arena: LiveArena, visitor: Visitor, way: str
) -> None:
    arena.add("long", "long")
    page = visitor.open("/?mode=direct")
    page.get_by_label("Your prompt").fill("Hello")
    page.get_by_role("button", name="Start talking").click()
    page.wait_for_url("**/battles/*/")
    expect(page.locator('#response-1-A[data-state="done"]')).to_be_visible()
    box = page.get_by_label("Follow-up prompt")
    box.fill("More")
    if way == "button":
        page.get_by_role("button", name="Send to it").press("Enter")
    else:
        box.press("Control+Enter")
    expect(page.locator("#response-2-A [data-text]")).to_contain_text("word")
    expect(box).to_be_focused()
    expect(page.locator(".turn--last .prompt__text")).to_be_in_viewport(ratio=1)
    page.keyboard.type("And then?")
    expect(page.locator('#response-2-A[data-state="done"]')).to_be_visible()
    expect(box).to_have_value("And then?")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#response-3-A [data-text]")).to_contain_text("word")


def test_in_a_talk_on_a_touch_screen_the_answer_is_not_left_for_the_keyboard(
    arena: LiveArena, newcomer: Callable[..., Visitor]
) -> None:
    arena.add("echo", "echo")
    phone = newcomer(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = phone.open("/?mode=direct")
    page.get_by_label("Your prompt").fill("Hello")
    page.get_by_role("button", name="Start talking").tap()
    page.wait_for_url("**/battles/*/")
    page.get_by_label("Follow-up prompt").fill("More")
    page.get_by_role("button", name="Send to it").tap()
    expect(page.locator("#response-2-A [data-text]")).to_have_text("More")
    expect(page.locator("#response-2-A [data-scroller]")).to_be_focused()
    expect(page.locator(".turn--last .prompt__text")).to_be_in_viewport(ratio=1)


def test_a_vote_is_taken_back_and_the_next_one_does_not_count(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("echo", "echo")
    page = vote_a(visitor)
    other = visitor.open(page.url.removeprefix(visitor.url))
    page.get_by_role("button", name=re.compile("Take it back")).click()
    expect(page.get_by_text("after the names were shown")).to_be_visible()
    expect(page.get_by_role("heading", name="Which is better?")).to_be_focused()
    expect(other.get_by_text("after the names were shown")).to_be_visible()
    assert not Vote.objects.exists()
    page.get_by_role("button", name="B is better").click()
    expect(page.get_by_role("region", name="You found B better")).to_be_visible()
    expect(other.get_by_role("region", name="You found B better")).to_be_visible()
    assert not Vote.objects.get().counted


def test_the_chance_to_take_it_back_runs_out(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo")
    page = visitor.begin()
    page.clock.install()
    ballot_opens(page)
    page.get_by_role("button", name="Tie").click()
    button = page.get_by_role("button", name=re.compile("Take it back"))
    expect(button).to_be_visible()
    page.clock.run_for(11_000)
    expect(button).to_have_count(0)


def test_back_to_a_vote_gives_no_second_chance_to_take_it_back(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("echo", "echo")
    page = visitor.begin()
    ballot_opens(page)
    page.get_by_role("button", name="Tie").click()
    expect(page.get_by_role("button", name=re.compile("Take it back"))).to_be_visible()
    page.keyboard.press("n")
    expect(page.get_by_label("Your prompt")).to_be_focused()
    Vote.objects.update(cast_at=timezone.now() - timedelta(seconds=11))
    page.go_back()
    expect(page.get_by_role("link", name="Next battle")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Take it back"))).to_have_count(0)


def test_n_goes_on_to_a_battle_of_the_same_size(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo", "echo")
    page = visitor.begin(size=3)
    ballot_opens(page)
    page.keyboard.press("n")  # not yet: there is nothing to go on from
    page.get_by_role("button", name="All bad").click()
    expect(page.get_by_role("heading", name="All were bad")).to_be_visible()
    page.keyboard.press("n")
    expect(page.get_by_label("Your prompt")).to_be_focused()
    expect(page.get_by_role("radio", name="Three")).to_be_checked()
    page.keyboard.type("n for another")
    expect(page.get_by_label("Your prompt")).to_have_value("n for another")


def test_a_skipped_battle_can_be_taken_up_again(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("slow", "slow")
    page = visitor.begin()
    battle = page.url
    expect(page.locator("#response-1-A [data-text]")).to_have_text("first")
    page.get_by_role("button", name="Skip this battle").click()
    expect(page.get_by_label("Your prompt")).to_be_focused()
    page.get_by_role("link", name="Go back to it").click()
    assert page.url == battle
    page.get_by_role("button", name="Resume it").click()
    ballot_opens(page)
    expect(page.get_by_role("heading", name="Which is better?")).to_be_focused()
    assert Battle.objects.get().state == "open"


def test_the_prompt_is_edited_and_answered_anew(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo")
    page = visitor.begin(prompt="Frist")
    ballot_opens(page)
    page.get_by_text("Edit the prompt").click()
    expect(page.get_by_label("The edited prompt")).to_have_value("Frist")
    page.get_by_label("The edited prompt").fill("First")
    page.get_by_role("button", name="Ask this instead").click()
    for letter in "AB":
        expect(page.locator(f"#response-1-{letter} [data-text]")).to_have_text("First")
    expect(page.locator(".prompt__text")).to_have_text("First")
    expect(page.get_by_label("The edited prompt")).to_be_hidden()
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.get_by_role("button", name="Write both again").click()
    ballot_opens(page)
    assert Response.objects.filter(superseded=True).count() == 4


def test_a_long_edit_is_counted_and_held_back(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo")
    page = visitor.begin(prompt="Short")
    ballot_opens(page)
    page.get_by_text("Edit the prompt").click()
    box = page.get_by_label("The edited prompt")
    box.fill("x" * 15_000)
    expect(page.get_by_text("15,000 of 16,000 characters")).to_be_visible()
    box.fill("x" * 16_001)
    expect(page.get_by_text("16,001 of 16,000 characters")).to_be_visible()
    page.get_by_role("button", name="Ask this instead").click()
    assert (
        box.evaluate("box => box.validationMessage") == "Shorten the prompt to 16,000 characters."
    )
    expect(page.locator(".prompt__text")).to_have_text("Short")
    box.fill("Other")
    expect(page.get_by_text("of 16,000 characters")).to_have_count(0)
    page.get_by_role("button", name="Ask this instead").click()
    expect(page.locator(".prompt__text")).to_have_text("Other")


def test_a_touch_phone_shows_no_keys(arena: LiveArena, newcomer: Callable[..., Visitor]) -> None:
    arena.add("echo", "echo", "echo")
    phone = newcomer(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    for size, vote in ((2, "A is better"), (3, "All bad")):
        page = phone.begin(size=size)
        expect(page.get_by_role("button", name=vote)).to_be_enabled()
        expect(page.locator("kbd:visible, [data-sheet]:visible")).to_have_count(0)
        page.get_by_role("button", name=vote).click()
        expect(page.get_by_role("link", name="Next battle").first).to_be_visible()
        expect(page.locator("kbd:visible, [data-sheet]:visible")).to_have_count(0)


def test_on_a_phone_retry_takes_the_place_of_stop(
    arena: LiveArena, newcomer: Callable[..., Visitor]
) -> None:
    arena.add("slow", "slow", "slow")
    phone = newcomer(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = phone.begin(size=3)
    stop = page.get_by_role("button", name="Stop writing")
    expect(page.locator("#response-1-A [data-text]")).to_have_text("first")
    place = stop.bounding_box()
    stop.tap()
    retry = page.get_by_role("button", name="Retry", exact=True)
    expect(retry).to_be_visible()
    expect(stop).to_be_hidden()
    there = retry.bounding_box()
    assert place
    assert there
    assert there["y"] == place["y"]
    assert there["x"] + there["width"] == place["x"] + place["width"]


def test_without_javascript_a_vote_is_cast_taken_back_and_all_is_deleted(
    arena: LiveArena, newcomer: object
) -> None:
    arena.add("echo", "echo")
    visitor: Visitor = newcomer(java_script_enabled=False)  # type: ignore[operator]
    page = visitor.open("/")
    page.get_by_label("Your prompt").fill("Plain")
    page.get_by_role("button", name="Start the battle").click()
    page.wait_for_url("**/battles/*/")
    while page.get_by_role("button", name="A is better").is_disabled():
        page.reload()
    page.get_by_role("button", name="A is better").click()
    page.get_by_role("button", name=re.compile("Take it back")).click()
    expect(page.get_by_text("after the names were shown")).to_be_visible()
    page.get_by_role("button", name="Skip this battle").click()
    page.get_by_role("link", name="My battles").click()
    page.get_by_role("link", name="Delete my data").click()
    page.get_by_role("button", name="Delete my data").click()
    expect(page.get_by_text("Your data is deleted.")).to_be_visible()
    assert not Battle.objects.exists()
    assert not Rater.objects.exists()
