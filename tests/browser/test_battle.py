"""The battle page in a real browser, against scripted contenders."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from arena.models import Battle, Contender, Reaction, Response, Vote
from tests.browser.conftest import PATIENCE_MS, LiveArena, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("arena")]

expect.set_options(timeout=PATIENCE_MS)


def ranks() -> list[int | None]:
    placements = Battle.objects.get().placements.order_by("position")
    return list(placements.values_list("rank", flat=True))


def settled(page: Page) -> None:
    """Until what was just caused has been handled."""
    page.evaluate("() => new Promise((done) => setTimeout(done))")


def ballot_opens(page: Page) -> None:
    expect(page.locator("[data-ballot] fieldset:not([disabled])")).to_be_visible()


def test_two_responses_stream_at_once_and_a_vote_reveals_who_they_are(
    arena: LiveArena, visitor: Visitor
) -> None:
    one, two = arena.add("slow", "slow")
    page = visitor.open("/?focus=1")
    page.keyboard.type("Which way?")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/battles/*/")
    for letter in "AB":
        expect(page.locator(f"#response-1-{letter} [data-text]")).to_have_text("first")
        expect(page.locator(f"#response-1-{letter}")).to_have_attribute("data-state", "streaming")
    expect(page.get_by_text("Opens when the responses are finished.")).to_be_visible()
    expect(page.get_by_role("button", name="A is better")).to_be_disabled()
    assert one.name not in page.content()
    arena.go_on()
    expect(page.locator("#response-1-B [data-text]")).to_have_text("first second third")
    page.get_by_role("button", name="B is better").click()
    reveal = page.get_by_role("region", name="You found B better")
    for contender in (one, two):
        expect(reveal).to_contain_text(contender.name)
        expect(page.locator(".responses")).to_contain_text(contender.name)
    expect(reveal).to_contain_text(re.compile(r"Elo 1000 → 1\d\d\d"))
    assert ranks() == [2, 1]
    reveal.get_by_role("link", name="Next battle").click()
    expect(page.get_by_label("Your prompt")).to_be_focused()


def test_three_are_ranked_by_keyboard_alone(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo", "echo")
    page = visitor.open("/?focus=1")
    keys = page.keyboard
    keys.type("Rank these")
    keys.press("Tab")
    keys.press("ArrowRight")
    expect(page.get_by_role("radio", name="Three")).to_be_checked()
    keys.press("Tab")
    keys.press("Enter")
    page.wait_for_url("**/battles/*/")
    ballot_opens(page)
    reach(page, "rank_A")
    keys.press("Space")
    keys.press("ArrowRight")  # A: 2nd
    keys.press("Tab")
    keys.press("Space")  # B: 1st
    keys.press("Tab")
    keys.press("ArrowLeft")  # C: around to 3rd
    keys.press("ArrowLeft")  # C: 2nd
    expect(page.locator("[data-summary]")).to_have_text("B > A = C")
    keys.press("Tab")
    expect(page.get_by_role("button", name="Vote", exact=True)).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("heading", name="You ranked B > A = C")).to_be_visible()
    assert ranks() == [2, 1, 2]


def reach(page: Page, name: str) -> None:
    """Presses Tab until a control of that name has the focus."""
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == name:
            return
    raise AssertionError(f"{name} cannot be reached with Tab")


def test_a_ranking_needs_a_place_for_each(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo", "echo")
    page = visitor.begin(size=3)
    ballot_opens(page)
    vote = page.get_by_role("button", name="Vote", exact=True)
    page.get_by_role("radiogroup", name="response A").get_by_role("radio", name="1st").check()
    expect(vote).to_be_disabled()
    page.get_by_role("button", name="All bad").click()
    expect(page.get_by_role("heading", name="All were bad")).to_be_visible()
    assert Vote.objects.get().all_bad


def test_a_thumb_can_be_set_while_writing_and_changed_later(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("slow", "slow")
    page = visitor.begin()
    up = page.get_by_role("button", name="Good response A")
    down = page.get_by_role("button", name="Bad response A")
    up.click()
    expect(up).to_have_attribute("aria-pressed", "true")
    expect(up).to_be_focused()
    page.reload()
    expect(up).to_have_attribute("aria-pressed", "true")
    down.click()
    expect(down).to_have_attribute("aria-pressed", "true")
    expect(up).to_have_attribute("aria-pressed", "false")
    assert Reaction.objects.get().value == -1


def test_why_is_shown_in_another_tab_around_what_is_typed_there(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("echo", "echo")
    page = visitor.begin()
    ballot_opens(page)
    other = visitor.open(page.url.removeprefix(visitor.url))
    for tab in (page, other):
        ballot_opens(tab)
    page.get_by_role("button", name="Good response A").click()
    for tab in (page, other):
        tab.locator("#why-1-A > summary").click()
    page.get_by_role("checkbox", name="Clear").check()
    page.get_by_label("Comment on response A").fill("Short and right")
    page.locator("#save-1-A").click()
    expect(other.locator("#thumbs-1-A .badge")).to_have_text("Clear")
    expect(other.get_by_label("Comment on response A")).to_have_value("Short and right")
    other.locator("#why-1-A > summary").click()
    other.get_by_label("Comment on response A").fill("Half a sent")
    page.locator("#why-1-A > summary").click()
    page.get_by_role("checkbox", name="Concise").check()
    page.locator("#save-1-A").click()
    expect(other.locator("#thumbs-1-A .badge")).to_have_text(["Clear", "Concise"])
    expect(other.get_by_label("Comment on response A")).to_be_focused()
    expect(other.get_by_label("Comment on response A")).to_have_value("Half a sent")
    page.get_by_role("button", name="Good response A").click()
    expect(other.locator("#thumbs-1-A .badge")).to_have_count(0)


def test_a_failed_response_says_so_on_its_side_and_can_be_retried(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("error-500", "echo")
    page = visitor.begin(prompt="hello there")
    failed = page.locator('.response[data-state="error"]')
    expect(failed).to_have_count(1)
    expect(failed.locator("[data-error]")).not_to_be_empty()
    expect(page.locator('.response[data-state="done"] [data-text]')).to_have_text("hello there")
    expect(page.get_by_text("There are not two answers to compare.")).to_be_visible()
    Contender.objects.filter(model="error-500").update(model="echo")
    failed.get_by_role("button", name="Retry").click()
    expect(page.locator('.response[data-state="done"]')).to_have_count(2)
    ballot_opens(page)


@pytest.mark.parametrize("way", ["key", "button"])
def test_all_that_failed_is_retried_by_one_request_and_announced_once(
    arena: LiveArena, visitor: Visitor, way: str
) -> None:
    arena.add("echo", "error-500", "error-500")
    page = visitor.begin(size=3)
    expect(page.locator('.response[data-state="error"]')).to_have_count(2)
    expect(page.get_by_text("There are not two answers to compare.")).to_be_visible()
    first = page.locator('.response[data-state="error"]').first.get_attribute("id")
    Contender.objects.filter(model="error-500").update(model="waits")
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if one.method == "POST" else None)
    page.evaluate(
        """() => {
          window.told = [];
          const place = document.getElementById("announcements");
          const hear = () => window.told.push(place.textContent);
          new MutationObserver(hear).observe(place, { childList: true });
        }"""
    )
    if way == "key":
        page.keyboard.press("r")
    else:
        page.get_by_role("button", name="Retry", exact=True).press("Enter")
    expect(page.locator('.response[data-state="pending"]')).to_have_count(2)
    expect(page.locator(f"#{first} [data-scroller]")).to_be_focused()
    expect(page.get_by_role("button", name="Retry", exact=True)).to_be_hidden()
    arena.go_on()
    expect(page.locator('.response[data-state="done"]')).to_have_count(3)
    ballot_opens(page)
    told = page.evaluate("window.told")
    assert told[0] == "The responses are being written."
    heard = " ".join(told)
    assert [heard.count(word) for word in ("being written.", "is finished.")] == [1, 2], told
    assert len(asked) == 1
    assert Response.objects.filter(superseded=True).count() == 2


def test_a_stopped_talk_with_one_is_retried_by_key(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("slow", "slow")
    page = visitor.open("/?mode=direct")
    page.get_by_label("Your prompt").fill("Hello")
    page.get_by_role("button", name="Start talking").click()
    page.wait_for_url("**/battles/*/")
    expect(page.locator("#response-1-A [data-text]")).to_have_text("first")
    page.keyboard.press("s")
    expect(page.locator('#response-1-A[data-state="stopped"]')).to_be_visible()
    arena.go_on()
    page.keyboard.press("r")
    expect(page.locator("#response-1-A [data-text]")).to_have_text("first second third")


def test_one_finished_response_is_written_again_by_keyboard(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("echo", "echo", "echo")
    page = visitor.begin(size=3)
    ballot_opens(page)
    page.keyboard.press("r")  # retries what failed or was stopped: nothing did
    again = page.get_by_role("button", name="Write B again")
    expect(again).to_have_attribute("title", "Write B again")
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        again.press("Enter")
    ballot_opens(page)
    expect(page.locator("#response-1-B [data-scroller]")).to_be_focused()
    (older,) = Response.objects.filter(superseded=True)
    assert (older.placement.label, older.text.strip()) == ("B", "Why is the sky blue?")
    page.get_by_role("button", name="All bad").click()
    expect(page.locator("#reveal")).to_be_visible()
    expect(again).to_have_count(0)
    assert Vote.objects.get().features["regenerated"] == 1


def test_a_double_click_casts_one_vote_and_shows_no_error(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("echo", "echo")
    page = visitor.begin()
    ballot_opens(page)
    page.get_by_role("button", name="Tie").dblclick()
    expect(page.get_by_role("heading", name="You called it a tie")).to_be_visible()
    expect(page.locator(".notice--bad:visible")).to_have_count(0)
    assert Vote.objects.count() == 1


def test_another_tab_shows_the_reveal_by_itself(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo")
    page = visitor.begin()
    ballot_opens(page)
    other = visitor.open(page.url.removeprefix(visitor.url))
    ballot_opens(other)
    page.get_by_role("button", name="A is better").click()
    expect(other.get_by_role("heading", name="You found A better")).to_be_visible()


def test_what_happens_in_another_tab_moves_no_focus(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo")
    page = visitor.begin()
    ballot_opens(page)
    other = visitor.open(page.url.removeprefix(visitor.url))
    ballot_opens(other)
    page.get_by_role("button", name="A is better").click()
    expect(page.locator("#reveal")).to_be_focused()
    expect(other.get_by_role("heading", name="You found A better")).to_be_visible()
    expect(other.locator("body")).to_be_focused()
    page.get_by_role("button", name=re.compile("Take it back")).click()
    expect(page.get_by_role("heading", name="Which is better?")).to_be_focused()
    ballot_opens(other)
    expect(other.locator("body")).to_be_focused()


def test_a_vote_in_a_stale_tab_shows_the_first_votes_reveal(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("echo", "echo")
    page = visitor.begin()
    ballot_opens(page)
    visitor.expected.append("WebSocket")
    visitor.context.route_web_socket("**/ws/**", lambda socket: socket.close())
    stale = visitor.open(page.url.removeprefix(visitor.url))
    ballot_opens(stale)
    page.get_by_role("button", name="A is better").click()
    expect(page.get_by_role("heading", name="You found A better")).to_be_visible()
    stale.get_by_role("button", name="B is better").click()
    expect(stale.get_by_role("heading", name="You found A better")).to_be_visible()
    expect(stale.locator("#reveal")).to_be_focused()
    expect(stale.locator("#reveal")).to_have_accessible_description(
        re.compile("What you chose just now was not taken.")
    )
    expect(page.get_by_text("was not taken")).to_have_count(0)
    assert Vote.objects.count() == 1


def test_a_reload_in_mid_stream_goes_on_where_it_was(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("slow", "slow")
    page = visitor.begin()
    expect(page.locator("#response-1-A [data-text]")).to_have_text("first")
    page.reload()
    expect(page.locator("#response-1-A [data-text]")).to_have_text("first")
    arena.go_on()
    expect(page.locator("#response-1-A [data-text]")).to_have_text("first second third")
    expect(page.locator("#response-1-B [data-text]")).to_have_text("first second third")
    assert Response.objects.count() == 2


def test_a_lost_connection_is_told_and_comes_back_with_what_was_missed(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("slow", "slow")
    down = {"now": False}
    open_sockets: list[WebSocketRoute] = []

    def route(socket: WebSocketRoute) -> None:
        if down["now"]:
            socket.close()
            return
        socket.connect_to_server()
        open_sockets.append(socket)

    visitor.context.route_web_socket("**/ws/**", route)
    page = visitor.begin()
    expect(page.locator("#response-1-A [data-text]")).to_have_text("first")
    down["now"] = True
    open_sockets[-1].close(code=1001, reason="gone")
    banner = page.get_by_text("The connection is lost.")
    expect(banner).to_be_visible()
    arena.go_on()
    down["now"] = False
    expect(page.locator("#response-1-A [data-text]")).to_have_text("first second third")
    expect(banner).to_be_hidden()
    ballot_opens(page)


class DyingPath:
    """A visitor's sockets, over a path that can stop forwarding without closing them."""

    def __init__(self, visitor: Visitor) -> None:
        self.opened = 0
        self._dead = 0  # so many, from the first
        visitor.context.route_web_socket("**/ws/**", self._route)

    def die(self) -> None:
        """All that are open, or the first one."""
        self._dead = max(self.opened, 1)

    def _route(self, page: WebSocketRoute) -> None:
        self.opened += 1
        number, server = self.opened, page.connect_to_server()
        server.on_message(lambda frame: page.send(frame) if number > self._dead else None)


def test_a_connection_that_dies_without_a_word_is_replaced(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("slow", "slow")
    path = DyingPath(visitor)
    visitor.context.clock.install()
    page = visitor.begin()
    expect(page.locator("#response-1-A [data-text]")).to_have_text("first")
    path.die()
    arena.go_on()
    page.clock.run_for(21_000)
    for letter in "AB":
        expect(page.locator(f"#response-1-{letter} [data-text]")).to_have_text("first second third")
    ballot_opens(page)
    assert path.opened == 2
    page.clock.run_for(60_000)
    settled(page)
    assert path.opened == 2  # nothing is due any more: silence means nothing


def test_a_page_without_network_says_so_at_once_and_connects_with_it(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("slow", "slow")
    path = DyingPath(visitor)
    page = visitor.begin()
    expect(page.locator("#response-1-A [data-text]")).to_have_text("first")
    path.die()
    visitor.context.set_offline(True)
    banner = page.get_by_text("The connection is lost.")
    expect(banner).to_be_visible(timeout=1_000)
    arena.go_on()
    visitor.context.set_offline(False)
    expect(page.locator("#response-1-A [data-text]")).to_have_text("first second third")
    expect(banner).to_be_hidden()
    expect(page.locator("#announcements")).to_contain_text("All responses are finished.")


def test_the_end_is_told_where_only_the_page_itself_had_said_that_something_is_written(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("slow", "slow")
    path = DyingPath(visitor)
    path.die()
    page = visitor.begin()
    assert page.locator("#announcements").text_content() == ""
    arena.go_on()
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator("#response-1-A [data-text]")).to_have_text("first second third")
    expect(page.locator("#announcements")).to_contain_text("All responses are finished.")


@pytest.mark.parametrize("width", [390, 1440])
def test_without_network_one_notice_moves_nothing_and_covers_nothing(
    arena: LiveArena, newcomer: Callable[..., Visitor], width: int
) -> None:
    arena.add("echo", "echo")
    visitor = newcomer(viewport={"width": width, "height": 844})
    page = visitor.begin()
    ballot_opens(page)
    box = page.get_by_label("Follow-up prompt")
    box.fill("Are you there?")
    parts = [
        page.locator(at) for at in (".turn", "[data-ballot]", "[data-followup]", ".site-footer")
    ]
    told = page.locator(".notices .notice:visible")
    places = [part.bounding_box() for part in parts]
    visitor.expected += ["ERR_INTERNET_DISCONNECTED", "htmx:afterRequest", "htmx:sendError"]
    visitor.context.set_offline(True)
    expect(told).to_contain_text("The connection is lost.")
    assert [part.bounding_box() for part in parts] == places
    page.keyboard.press("Control+Enter")
    expect(told).to_contain_text("The server cannot be reached.")
    expect(told).to_have_count(1)
    page.get_by_role("button", name="Tie").click()
    expect(told).to_have_count(1)
    for part in parts[1:3]:
        part.evaluate("(part) => part.scrollIntoView()")
        assert clear_of(part, told)
    visitor.context.set_offline(False)
    expect(told).to_have_count(0)
    expect(box).to_have_value("Are you there?")


def clear_of(part: Locator, notice: Locator) -> bool:
    """Whether a notice lies wholly above a part."""
    above, below = notice.bounding_box(), part.bounding_box()
    assert above
    assert below
    return above["y"] >= 0 and above["y"] + above["height"] <= below["y"]


def test_what_failed_in_mid_answer_stands_apart_from_it(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("dies", "dies")
    page = visitor.begin()
    card = page.locator("#response-1-A")
    text, error = card.locator("[data-text]"), card.locator("[data-error]")
    expect(error).to_be_visible()
    above, below = text.bounding_box(), error.bounding_box()
    assert above
    assert below
    assert above["y"] + above["height"] + 10 < below["y"]


def test_who_reads_the_beginning_of_a_long_answer_sees_that_it_failed(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("long-dies", "long-dies")
    page = visitor.begin()
    body = page.locator("#response-1-A [data-scroller]")
    error = body.locator("[data-error]")
    expect(error).to_be_visible()
    assert body.evaluate("(body) => body.scrollTop === 0 && body.scrollHeight > body.clientHeight")
    expect(error).to_be_in_viewport(ratio=1)
    outer, inner = body.bounding_box(), error.bounding_box()
    assert outer
    assert inner
    assert inner["y"] + inner["height"] <= outer["y"] + outer["height"]


def test_where_nothing_was_finished_nobody_is_told_to_vote(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("fades", "fades")
    page = visitor.begin()
    told = page.locator("#announcements")
    expect(told).to_contain_text("The responses are being written.")
    arena.go_on()
    expect(told).to_contain_text("Response B failed:")
    expect(page.get_by_role("status").get_by_text("No answer was finished.")).to_be_visible()
    expect(told).not_to_contain_text("You can vote.")


def test_a_page_that_comes_back_after_a_silence_connects_again(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("echo", "echo")
    path = DyingPath(visitor)
    page = visitor.begin()
    ballot_opens(page)
    other = visitor.open(page.url.removeprefix(visitor.url))
    ballot_opens(other)
    page.clock.install()
    path.die()
    other.get_by_role("button", name="A is better").click()
    comes_back = "document.dispatchEvent(new Event('visibilitychange'))"
    page.evaluate(comes_back)
    expect(page.locator("#reveal")).to_have_count(0)
    page.clock.run_for(21_000)
    page.evaluate(comes_back)
    expect(page.get_by_role("heading", name="You found A better")).to_be_visible()


def test_a_response_that_was_cut_off_says_so(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("cut-off", "echo")
    page = visitor.begin()
    ballot_opens(page)
    cards = page.locator("article.response")
    cut = cards.filter(has_text="half an")
    whole = cards.filter(has_text="Why is the sky blue?")
    for _ in ("as it ends", "after a reload"):
        expect(cut.get_by_text("Cut off at its length limit.")).to_be_visible()
        expect(whole.get_by_text("Cut off at its length limit.")).to_be_hidden()
        page.reload()


def test_writing_can_be_stopped(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("slow", "slow")
    page = visitor.begin()
    expect(page.locator("#response-1-B [data-text]")).to_have_text("first")
    page.get_by_role("button", name="Stop writing").click()
    expect(page.locator('.response[data-state="stopped"]')).to_have_count(2)
    expect(page.get_by_role("button", name="Stop writing")).to_be_hidden()
    ballot_opens(page)


def test_after_stop_the_focus_is_on_what_was_stopped(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("slow", "slow")
    page = visitor.begin()
    expect(page.locator("#response-1-B [data-text]")).to_have_text("first")
    page.get_by_role("button", name="Stop writing").press("Enter")
    expect(page.locator("#response-1-A [data-scroller]")).to_be_focused()


def test_who_waits_long_for_a_first_word_can_wait_or_skip(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("slow", "waits")
    visitor.context.clock.install()
    page = visitor.begin()
    why = page.locator("[data-why]")
    skip = page.locator("[data-ballot]").get_by_role("button", name="Skip this battle")
    expect(page.locator("[data-text]", has_text="first")).to_have_count(1)
    page.clock.run_for(9_000)
    expect(why).to_have_text("Opens when the responses are finished.")
    expect(skip).to_be_hidden()
    page.clock.run_for(2_000)
    expect(why).to_have_text("An answer is slow to begin. Wait for it, or skip this battle.")
    skip.click()
    page.get_by_role("link", name="Go back to it").click()
    page.get_by_role("button", name="Resume it").click()
    silent = page.locator(".response", has=page.locator("[data-text]:empty"))
    silent.get_by_role("button", name="Retry").click()
    page.clock.run_for(11_000)
    expect(why).to_contain_text("slow to begin")
    arena.go_on()
    ballot_opens(page)
    expect(skip).to_be_hidden()
    expect(why).to_be_empty()


def test_what_was_stopped_before_a_word_is_not_called_a_failure(
    arena: LiveArena, visitor: Visitor
) -> None:
    arena.add("hang", "hang")
    page = visitor.begin()
    page.get_by_role("button", name="Stop writing").click()
    expect(page.locator('.response[data-state="stopped"]')).to_have_count(2)
    why = page.locator("[data-why]")
    expect(why).to_have_text("The responses were stopped before anything was written. Retry them.")
    page.reload()
    expect(why).to_contain_text("were stopped")


def test_a_refusal_goes_once_the_prompt_is_edited(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo")
    visitor.expected.append("422")
    page = visitor.open("/?focus=1")
    box = page.get_by_label("Your prompt")
    box.fill("   ")
    page.get_by_role("button", name="Start the battle").click()
    refusal = page.get_by_text("The prompt is empty.")
    expect(refusal).to_be_visible()
    expect(box).to_have_attribute("aria-invalid", "true")
    box.fill("")
    expect(refusal).to_have_count(0)
    expect(box).not_to_have_attribute("aria-invalid", "true")


def test_a_follow_up_goes_to_both(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("remembers", "remembers")
    page = visitor.begin()
    ballot_opens(page)
    page.get_by_label("Follow-up prompt").fill("And at night?")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#response-2-A [data-text]")).to_have_text("user assistant user")
    expect(page.locator("#response-2-B [data-text]")).to_have_text("user assistant user")
    box = page.get_by_label("Follow-up prompt")
    expect(box).to_be_empty()
    expect(page.locator("#response-2-A [data-scroller]")).to_be_focused()
    ballot_opens(page)
    box.press("t")  # typed, not pressed
    expect(box).to_have_value("t")
    page.keyboard.press("Escape")
    expect(box).not_to_be_focused()
    page.keyboard.press("t")
    expect(page.get_by_role("heading", name="You called it a tie")).to_be_visible()


def test_markdown_is_shown_and_scripts_are_not_run(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("markdown", "script")
    page = visitor.begin()
    ballot_opens(page)
    expect(page.locator(".prose table td").first).to_have_text("1")
    expect(page.locator(".prose pre .k").first).to_have_text("def")
    expect(page.locator(".prose").filter(has_text="<script>alert(1)</script>")).to_have_count(1)
    assert page.locator(".prose img, .prose script").count() == 0


def test_the_whole_battle_works_without_javascript(
    arena: LiveArena, newcomer: Callable[..., Visitor]
) -> None:
    arena.add("echo", "echo")
    visitor = newcomer(java_script_enabled=False)
    page = visitor.begin(prompt="no scripts")
    expect(page.locator("#response-1-A [data-text]")).to_have_text("no scripts")
    expect(page.locator("#response-1-B [data-text]")).to_have_text("no scripts")
    page.get_by_role("button", name="Good response B").click()
    expect(page.get_by_role("button", name="Good response B")).to_have_attribute(
        "aria-pressed", "true"
    )
    page.get_by_role("button", name="Tie").click()
    expect(page.get_by_role("heading", name="You called it a tie")).to_be_visible()
    page.get_by_role("button", name="Same prompt again").click()
    expect(page.locator(".prompt__text")).to_have_text("no scripts")
    assert Battle.objects.count() == 2


def test_what_is_typed_survives_a_refusal(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo")
    page = visitor.begin()
    ballot_opens(page)
    visitor.expected.append("503")
    page.route("**/turns/", lambda route: route.fulfill(status=503, body="Busy"))
    page.get_by_label("Follow-up prompt").fill("Keep me")
    page.get_by_role("button", name="Send to both").click()
    expect(page.get_by_text("The server answered with an error (503)")).to_be_visible()
    expect(page.get_by_label("Follow-up prompt")).to_have_value("Keep me")


def test_a_double_click_on_start_begins_one_battle(arena: LiveArena, visitor: Visitor) -> None:
    arena.add("echo", "echo")
    page = visitor.open("/?focus=1")
    page.get_by_label("Your prompt").fill("Once only")
    page.get_by_role("button", name="Start the battle").dblclick()
    page.wait_for_url("**/battles/*/")
    ballot_opens(page)
    assert Battle.objects.count() == 1
