"""What was typed or chosen and not sent yet, in a real browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from arena.models import Battle, Reaction, Vote
from tests.browser.conftest import PATIENCE_MS, LiveArena, Visitor
from tests.browser.test_battle import ballot_opens

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("arena")]

expect.set_options(timeout=PATIENCE_MS)


def choose_everything(page: Page) -> None:
    """Types and chooses in every part of a battle of three, and sends nothing."""
    page.get_by_label("Follow-up prompt").fill("And at night?\nAlways?")
    page.get_by_text("Edit the prompt").click()
    page.get_by_label("The edited prompt").fill("Why is grass green?")
    page.keyboard.press("Escape")
    page.keyboard.press("2")  # the first that has no place
    page.locator('[data-letter="C"] .slot').first.click()
    page.locator("[data-ballot]").get_by_text("Say why").click()
    page.get_by_role("checkbox", name="Clear", exact=True).check()
    page.get_by_label("Comment", exact=True).fill("It is the cl")
    page.get_by_role("button", name="Good response B").click()
    page.locator("#why-1-B > summary").click()
    page.locator("#why-1-B-concise").check()
    page.get_by_label("Comment on response B").fill("Sho")


def everything_is_there(page: Page) -> None:
    expect(page.get_by_label("Follow-up prompt")).to_have_value("And at night?\nAlways?")
    expect(page.get_by_label("The edited prompt")).to_have_value("Why is grass green?")
    expect(page.locator('[name="rank_A"][value="2"]')).to_be_checked()
    expect(page.locator('[name="rank_C"][value="1"]')).to_be_checked()
    expect(page.locator(".slot input:checked")).to_have_count(2)
    expect(page.locator("#why-clear")).to_be_checked()
    expect(page.get_by_label("Comment", exact=True)).to_have_value("It is the cl")
    expect(page.locator("#why-1-B-concise")).to_be_checked()
    expect(page.get_by_label("Comment on response B")).to_have_value("Sho")


def test_nothing_typed_is_lost_by_a_reload_or_by_leaving(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("echo", "echo", "echo")
    page = visitor.begin(size=3)
    ballot_opens(page)
    choose_everything(page)
    everything_is_there(page)
    page.reload()
    everything_is_there(page)
    page.locator('[data-letter="B"] .slot').nth(2).click()
    expect(page.locator("[data-summary]")).to_have_text("C > A > B")
    page.get_by_role("link", name="My battles").click()
    page.go_back()
    expect(page.locator("[data-summary]")).to_have_text("C > A > B")


def test_what_was_sent_is_no_draft_any_more(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo", "echo")
    page = visitor.begin(size=3)
    ballot_opens(page)
    choose_everything(page)
    page.locator("#save-1-B").click()
    expect(page.locator("#thumbs-1-B .badge")).to_have_text("Concise")
    assert Reaction.objects.get().comment == "Sho"
    page.get_by_role("button", name="Send to all three").click()
    expect(page.locator("#response-2-C [data-text]")).to_have_text("And at night? Always?")
    ballot_opens(page)
    expect(page.get_by_label("Follow-up prompt")).to_be_empty()
    expect(page.get_by_label("Comment", exact=True)).to_have_value("It is the cl")
    page.reload()
    expect(page.get_by_label("Follow-up prompt")).to_be_empty()
    expect(page.get_by_label("Comment", exact=True)).to_have_value("It is the cl")
    page.get_by_label("Follow-up prompt").fill("Left for later")
    page.get_by_role("button", name="All bad").click()
    expect(page.locator("#reveal")).to_be_visible()
    assert Vote.objects.get().comment == "It is the cl"
    page.get_by_role("button", name="Take it back").click()
    ballot_opens(page)
    expect(page.get_by_label("Follow-up prompt")).to_have_value("Left for later")
    expect(page.get_by_label("Comment", exact=True)).to_be_empty()
    expect(page.locator("#battle [name=reasons]:checked, .slot :checked")).to_have_count(1)  # saved


def test_a_first_prompt_is_kept_until_it_has_begun_a_battle(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("echo", "echo")
    page = visitor.open("/")
    box = page.get_by_label("Your prompt")
    box.fill("Half a thou")
    page.reload()
    expect(box).to_have_value("Half a thou")
    page.get_by_role("link", name="My battles").click()
    page.get_by_role("link", name="Battle", exact=True).click()
    expect(box).to_have_value("Half a thou")
    elsewhere = visitor.open("/")
    expect(elsewhere.get_by_label("Your prompt")).to_be_empty()  # another tab, another thought
    box.fill("A whole thought")
    visitor.expected.append("ERR_FAILED")
    page.route("**/", lambda route: route.abort(), times=1)
    page.get_by_role("button", name="Start the battle").click()
    page.wait_for_url("chrome-error://**")
    page.goto(visitor.url)
    expect(box).to_have_value("A whole thought")
    page.get_by_role("button", name="Start the battle").click()
    page.wait_for_url("**/battles/*/")
    page.goto(visitor.url)
    expect(box).to_be_empty()
    assert Battle.objects.count() == 1


@pytest.mark.parametrize("way", ["sign out", "delete"])
def test_who_goes_leaves_nothing_typed_behind(arena: LiveArena, visitor: Visitor, way: str) -> None:
    arena.add("echo", "echo")
    page = visitor.open("/")
    page.get_by_label("Your prompt").fill("My secret")
    other = visitor.open("/")
    other.get_by_label("Your prompt").fill("Another secret")
    if way == "sign out":
        sign_up(page, visitor)
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/")
    else:
        visitor.begin().close()
        page.goto(visitor.url + "/battles/forget/")
        page.get_by_role("button", name="Delete my data").click()
        expect(page.get_by_text("Your data is deleted.")).to_be_visible()
        page.goto(visitor.url)
    expect(page.get_by_label("Your prompt")).to_be_empty()
    assert "secret" not in page.evaluate("JSON.stringify(sessionStorage)")
    other.goto(other.url)
    expect(other.get_by_label("Your prompt")).to_be_empty()


def test_who_signs_out_in_a_new_tab_leaves_nothing_in_the_old_ones(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("echo", "echo")
    old = visitor.open("/")
    sign_up(old, visitor)
    old.get_by_label("Your prompt").fill("My secret")
    new = visitor.open("/")
    new.get_by_role("button", name="Sign out").click()
    new.wait_for_url("**/")
    expect(old.get_by_label("Your prompt")).to_be_empty()
    old.reload()
    expect(old.get_by_label("Your prompt")).to_be_empty()


def test_nor_which_panel_they_were_in(arena: LiveArena, newcomer: Callable[..., Visitor]) -> None:
    arena.add("echo", "echo")
    visitor = newcomer(viewport={"width": 390, "height": 844})
    visitor.expected.append("404")  # of a battle that is not theirs any more
    sign_up(visitor.open("/"), visitor)
    page = visitor.begin()
    ballot_opens(page)
    other = visitor.open(page.url.removeprefix(visitor.url))
    ballot_opens(other)
    for tab in (page, other):
        tab.locator("[data-panel=B]").click()
        tab.wait_for_function("() => JSON.stringify(sessionStorage).includes('panel')")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/")
    for tab in (page, other):
        tab.wait_for_function("() => !JSON.stringify(sessionStorage).includes('panel')")


def test_nor_does_going_back_bring_it_again(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo")
    page = visitor.open("/")
    sign_up(page, visitor)
    page.get_by_label("Your prompt").fill("My secret")
    page.get_by_role("link", name="Leaderboard").first.click()
    page.wait_for_url("**/leaderboard/")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/")
    page.go_back()
    page.go_back()
    expect(page.get_by_label("Your prompt")).to_be_empty()


def test_what_was_said_of_answers_goes_when_they_are_written_anew(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("echo", "echo", "echo")
    page = visitor.begin(size=3)
    ballot_opens(page)
    for place in "123":
        page.keyboard.press(place)
    page.locator("[data-ballot]").get_by_text("Say why").click()
    page.get_by_label("Comment", exact=True).fill("It is the cl")
    expect(page.locator(".slot input:checked")).to_have_count(3)
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.get_by_role("button", name="Write all three again").click()
    ballot_opens(page)
    expect(page.locator(".slot input:checked")).to_have_count(0)
    expect(page.get_by_label("Comment", exact=True)).to_have_value("It is the cl")
    page.reload()
    expect(page.locator(".slot input:checked")).to_have_count(0)


def test_after_signing_up_in_another_tab_a_page_goes_on(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo")
    page = visitor.begin()
    ballot_opens(page)
    home = visitor.open("/")
    home.get_by_label("Your prompt").fill("Typed before")
    sign_up(visitor.open("/"), visitor)
    page.get_by_role("button", name="A is better").click()
    expect(page.get_by_role("heading", name="You found A better")).to_be_visible()
    home.get_by_role("button", name="Start the battle").click()
    home.wait_for_url("**/battles/*/")
    assert Vote.objects.count() == 1
    assert set(Battle.objects.values_list("rater__user__username", flat=True)) == {"ada"}


def sign_up(page: Page, visitor: Visitor) -> None:
    page.goto(visitor.url + "/signup/")
    page.get_by_label("Username").fill("ada")
    page.locator("[name=password1]").fill("engine-1843")
    page.locator("[name=password2]").fill("engine-1843")
    page.get_by_role("button", name="Make the account").click()
    page.wait_for_url("**/")
