"""Responses are written all at once, and reach the pages that watch."""

import asyncio
import logging
import threading
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.utils import timezone
from pytest_django.fixtures import Settings

from arena import consumers, generation, services
from arena.generation import saving
from arena.live import hub
from arena.live.hub import Hub, get_hub
from arena.live.keeper import Keeper
from arena.live.response import LiveResponse
from arena.models import Battle, Contender, Response
from arena.rendering import render
from tests.arena.conftest import Arena, Page

NUMBERS = "".join(f"{number} " for number in range(100))


async def test_it_streams_all_responses_to_an_open_page(arena: Arena) -> None:
    battle = await arena.start("echo", "fast", prompt="one two three")
    page = await arena.page(battle["id"])
    assert (await page.next())["event"] == "state"
    await page.until_finished()
    assert page.texts == {(1, "A"): "one two three ", (1, "B"): NUMBERS}
    assert page.states == {(1, "A"): "done", (1, "B"): "done"}


async def test_the_first_token_comes_at_once_and_the_rest_in_few_events(arena: Arena) -> None:
    battle = await arena.start("slow", "fast")
    page = await arena.page(battle["id"])
    arena.server.go_on()
    await page.until_finished()
    said = [e["text"] for e in page.events if e["event"] == "delta" and e["position"] == "B"]
    assert len(said) <= 6


async def test_the_streams_run_at_the_same_time(arena: Arena) -> None:
    battle = await arena.start("slow", "fast")
    page = await arena.page(battle["id"])
    while page.states.get((1, "B")) != "done":
        await page.next()
    assert page.states[1, "A"] == "streaming"
    assert page.texts[1, "A"] == "first"


async def test_a_page_that_comes_later_misses_and_repeats_nothing(arena: Arena) -> None:
    battle = await arena.start("slow", "echo")
    early = await arena.page(battle["id"])
    while not early.texts.get((1, "A")):
        await early.next()
    late = await arena.page(battle["id"])
    state = await late.next()
    assert state["battle"]["turns"][0]["responses"][0]["text"] == "first"
    arena.server.go_on()
    await early.until_finished()
    await late.until_finished()
    assert early.texts[1, "A"] == late.texts[1, "A"] == "first second third"


async def test_the_html_that_a_page_puts_together_is_the_whole_text_rendered(arena: Arena) -> None:
    battle = await arena.start("markdown", "slow")
    page = await arena.page(battle["id"])
    while page.states.get((1, "A")) != "done":
        await page.next()
    blocks: list[str] = []
    for event in page.events:
        if event["event"] == "state":
            blocks = _elements(event["battle"]["turns"][0]["responses"][0]["html"])
        elif event["event"] == "delta" and event["position"] == "A":
            blocks[event["block"] :] = _elements(event["html"])
    assert "".join(blocks) == _squeezed(render(page.texts[1, "A"]))
    again = await arena.page(battle["id"])
    state = await again.next()
    assert state["battle"]["turns"][0]["responses"][0]["html"] == render(page.texts[1, "A"])


def _squeezed(html: str) -> str:
    return html.replace("\n", "")


def _elements(html: str) -> list[str]:
    """The top-level elements, as the browser's `children`."""
    starts = ("<h3 dir", "<p dir", "<div class", "<ol dir")
    found, rest = [], _squeezed(html)
    while rest:
        assert rest.startswith(starts), rest
        later = [rest.find(start, 1) for start in starts]
        end = min([at for at in later if at > 0], default=len(rest))
        found.append(rest[:end])
        rest = rest[end:]
    return found


async def test_a_stream_goes_on_when_its_page_goes_away(arena: Arena) -> None:
    battle = await arena.start("slow", "echo")
    page = await arena.page(battle["id"])
    while not page.texts.get((1, "A")):
        await page.next()
    await page.close()
    arena.server.go_on()
    back = await arena.finished(battle["id"])
    assert back.texts[1, "A"] == "first second third"
    assert not arena.server.cut.is_set()


async def test_it_is_written_without_any_page_too(arena: Arena) -> None:
    battle = await arena.start("echo", "fast", prompt="hello there")
    await _written(battle["id"])
    said = (await arena.battle(battle["id"]))["turns"][0]["responses"]
    assert [response["text"] for response in said] == ["hello there ", NUMBERS]
    assert [response["state"] for response in said] == ["done", "done"]


async def test_it_says_what_was_cut_off_at_its_limit(arena: Arena) -> None:
    battle = await arena.start("cut-off", "echo", prompt="hello there")
    await arena.finished(battle["id"])
    said = (await arena.battle(battle["id"]))["turns"][0]["responses"]
    assert [(r["state"], r["text"], r["cut_off"]) for r in said] == [
        ("done", "half an", True),
        ("done", "hello there ", False),
    ]


async def test_the_battle_shows_the_text_so_far(arena: Arena) -> None:
    battle = await arena.start("slow", "echo")
    page = await arena.page(battle["id"])
    while not page.texts.get((1, "A")):
        await page.next()
    said = (await arena.battle(battle["id"]))["turns"][0]["responses"][0]
    assert (said["state"], said["text"]) == ("streaming", "first")


async def test_figures_are_kept(arena: Arena) -> None:
    battle = await arena.start("echo", "fast")
    await arena.finished(battle["id"])
    response = await Response.objects.filter(turn__battle=battle["id"]).afirst()
    assert response is not None
    assert response.tokens == 7
    assert 0 < response.first_token_s <= response.duration_s < 5


@pytest.mark.parametrize(
    ("model", "reason", "text"),
    [
        ("error-500", "The contender's server refused to answer.", ""),
        ("error-401", "The contender's server refused to answer.", ""),
        ("error-429", "The contender is busy. Retry in a while.", ""),
        ("dies", "The answer broke off.", "half an"),
        ("unended", "The answer broke off.", "half an"),
        ("chunk-error", "The answer broke off.", "so far "),
        ("empty", "The answer was empty.", ""),
        ("garbage", "The contender's answer could not be read.", ""),
        ("html", "The contender's answer could not be read.", ""),
    ],
)
async def test_a_contender_that_fails_says_so_on_its_side_only(
    arena: Arena, caplog: pytest.LogCaptureFixture, model: str, reason: str, text: str
) -> None:
    battle = await arena.start(model, "echo", prompt="still here")
    page = await arena.finished(battle["id"])
    assert page.states == {(1, "A"): "error", (1, "B"): "done"}
    assert page.errors[1, "A"] == reason
    assert page.texts == {(1, "A"): text, (1, "B"): "still here "}
    assert f"{model}: " in caplog.text  # the operator is told who it was


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("hang", "No answer came within 0.2 s."),
        ("stall", "The answer stood still for 0.2 s and was given up."),
    ],
)
async def test_a_contender_that_hangs_is_given_up(
    arena: Arena, settings: Settings, model: str, reason: str
) -> None:
    settings.FIRST_TOKEN_TIMEOUT_S = settings.IDLE_TIMEOUT_S = 0.2
    battle = await arena.start(model, "echo")
    page = await arena.finished(battle["id"])
    assert page.states == {(1, "A"): "error", (1, "B"): "done"}
    assert page.errors[1, "A"] == reason


async def test_an_unreachable_contender_fails_alone(arena: Arena) -> None:
    await arena.add("nobody", base_url="http://127.0.0.1:9/v1")
    await arena.add("echo")
    answer = await arena.post(
        "battles", {"prompt": "Hi", "mode": "side_by_side", "contenders": ["nobody", "echo"]}
    )
    page = await arena.finished(answer.json()["id"])
    assert page.errors[1, "A"] == "The contender could not be reached."
    assert page.states[1, "B"] == "done"


async def test_stopping_keeps_what_has_come(arena: Arena) -> None:
    battle = await arena.start("slow", "hang")
    page = await arena.page(battle["id"])
    while not page.texts.get((1, "A")):
        await page.next()
    answer = await arena.post(f"battles/{battle['id']}/stop")
    said = answer.json()["turns"][0]["responses"]
    assert [(r["state"], r["text"]) for r in said] == [("stopped", "first"), ("stopped", "")]
    await page.until_finished()
    assert page.states == {(1, "A"): "stopped", (1, "B"): "stopped"}


async def test_stopping_at_once_stops_what_has_not_begun(arena: Arena) -> None:
    battle = await arena.start("hang", "slow")
    answer = await arena.post(f"battles/{battle['id']}/stop")
    assert {r["state"] for r in answer.json()["turns"][0]["responses"]} == {"stopped"}


async def test_a_failed_response_is_written_again(arena: Arena) -> None:
    battle = await arena.start("error-500", "echo", prompt="again")
    page = await arena.finished(battle["id"])
    await sync_to_async(_now_speaks)("error-500", "echo")
    answer = await arena.post(f"battles/{battle['id']}/turns/1/regenerate", {"position": "A"})
    assert answer.status_code == 201
    await page.until("started")
    assert page.events[-1]["responses"] == [
        {"position": "A", "label": "Name of error-500", "state": "pending"}
    ]
    await page.until_finished()
    assert page.texts == {(1, "A"): "again ", (1, "B"): "again "}
    kept = Response.objects.filter(turn__battle=battle["id"], superseded=True)
    assert [response.error async for response in kept] == [
        "The contender's server refused to answer."
    ]


def _now_speaks(slug: str, model: str) -> None:
    Contender.objects.filter(slug=slug).update(model=model)


async def test_each_contender_hears_its_own_side_of_the_conversation(arena: Arena) -> None:
    await arena.add("remembers", system_prompt="Be brief.")
    battle = await arena.start(
        "echo", prompt="first", mode="side_by_side", contenders=["remembers", "echo"]
    )
    page = await arena.finished(battle["id"])
    await arena.post(f"battles/{battle['id']}/turns", {"prompt": "second"})
    started = await page.until("started")
    assert (started["turn"], started["prompt"]) == (2, "second")
    await page.until_finished()
    assert page.texts[2, "A"] == "system user assistant user"
    asked = [r["messages"] for r in arena.server.requests if len(r["messages"]) == 3]
    assert asked == [
        [
            {"role": "user", "content": "first"},
            {"role": "assistant", "content": "first "},
            {"role": "user", "content": "second"},
        ]
    ]


async def test_a_failed_turn_joins_the_next_prompt(arena: Arena) -> None:
    battle = await arena.start("error-500", "fast", prompt="first")
    page = await arena.finished(battle["id"])
    await sync_to_async(_now_speaks)("error-500", "echo")
    await arena.post(f"battles/{battle['id']}/turns", {"prompt": "second"})
    await page.until("started")
    await page.until_finished()
    assert arena.server.requests[-1]["messages"] or arena.server.requests[-2]["messages"]
    asked = [r["messages"] for r in arena.server.requests if r["model"] == "echo"]
    assert asked == [[{"role": "user", "content": "first\n\nsecond"}]]


async def test_what_a_restart_left_behind_is_marked_with_its_text(arena: Arena) -> None:
    battle = await _left_behind(arena, state=Response.State.STREAMING)
    response = await Response.objects.filter(turn__battle=battle).afirst()
    assert response is not None
    await get_hub().keeper.keep({response.pk: "as far as"})
    page = await arena.finished(battle)
    assert page.states == {(1, "A"): "error", (1, "B"): "error"}
    assert "interrupted" in page.errors[1, "A"]
    assert page.texts[1, "A"] == "as far as"
    assert (await arena.battle(battle))["turns"][0]["responses"][0]["text"] == "as far as"


async def test_what_a_restart_left_unbegun_begins_when_the_battle_is_opened(arena: Arena) -> None:
    battle = await _left_behind(arena, state=Response.State.PENDING)
    page = await arena.finished(battle)
    assert page.states == {(1, "A"): "done", (1, "B"): "done"}
    assert page.texts[1, "A"] == "Say it "


async def test_what_a_living_process_writes_is_left_alone(arena: Arena) -> None:
    battle = await _left_behind(arena, state=Response.State.STREAMING)
    ids = [r.pk async for r in Response.objects.filter(turn__battle=battle)]
    await get_hub().keeper.claim(ids)
    await get_hub().keeper.keep({ids[0]: "so far"})
    said = (await arena.battle(battle))["turns"][0]["responses"]
    assert [(r["state"], r["text"]) for r in said] == [("streaming", "so far"), ("streaming", "")]


async def _left_behind(arena: Arena, *, state: str) -> str:
    battle: str = (await arena.start("echo", "fast"))["id"]
    await arena.finished(battle)
    await generation.close()
    await Response.objects.filter(turn__battle=battle).aupdate(
        state=state, text="", created_at=timezone.now()
    )
    return battle


async def test_contenders_of_a_new_battle_do_not_wait_for_redis(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = asyncio.Event()
    claim = Keeper.claim

    async def late(self: Keeper, ids: Iterable[int]) -> set[int]:
        await answer.wait()
        return await claim(self, ids)

    monkeypatch.setattr(Keeper, "claim", late)
    battle = await arena.start("slow", "echo")
    page = await arena.page(battle["id"])
    while not page.texts.get((1, "A")):
        await page.next()
    answer.set()
    arena.server.go_on()
    await page.until_finished()
    assert page.texts[1, "A"] == "first second third"


async def test_a_response_that_another_process_claimed_first_is_left_to_it(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = asyncio.Event()

    async def lost(self: Keeper, ids: Iterable[int]) -> set[int]:
        await answer.wait()
        return set()

    monkeypatch.setattr(Keeper, "claim", lost)
    battle = UUID((await arena.start("slow", "stall"))["id"])
    page = await arena.page(str(battle))
    while len([text for text in page.texts.values() if text]) < 2:
        await page.next()
    writers = [response.writer for response in get_hub().peek(battle).responses.values()]
    answer.set()
    await asyncio.gather(*[w for w in writers if w], return_exceptions=True)
    assert [w.cancelled() for w in writers if w] == [True, True]
    assert not get_hub().peek(battle).responses
    kept = [row async for row in Response.objects.filter(turn__battle=battle)]
    assert {row.state for row in kept} <= {Response.State.PENDING, Response.State.STREAMING}
    assert not any(row.text for row in kept)


async def test_what_has_begun_is_claimed_before_the_database_says_so(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, marked = asyncio.Event(), asyncio.Event()
    order: list[str] = []
    claim, mark, loop = Keeper.claim, saving.mark_streaming, asyncio.get_running_loop()

    async def late(self: Keeper, ids: Iterable[int]) -> set[int]:
        await heard.wait()
        ours = await claim(self, ids)
        order.append("claimed")
        return ours

    def noted(*, response_ids: Iterable[int]) -> None:
        mark(response_ids=response_ids)
        order.append("marked")
        loop.call_soon_threadsafe(marked.set)

    monkeypatch.setattr(saving, "MARK_AFTER_S", 0.0)
    monkeypatch.setattr(Keeper, "claim", late)
    monkeypatch.setattr(saving, "mark_streaming", noted)
    battle = await arena.start("slow", "echo")
    page = await arena.page(battle["id"])
    while page.texts.get((1, "A")) != "first" or page.states.get((1, "B")) != "done":
        await page.next()
    heard.set()
    await marked.wait()
    assert order[0] == "claimed"
    arena.server.go_on()
    await page.until_finished()


async def test_a_process_that_is_told_to_end_saves_what_it_has(arena: Arena) -> None:
    battle = await arena.start("slow", "echo")
    page = await arena.page(battle["id"])
    while not page.texts.get((1, "A")):
        await page.next()
    await generation.close()
    response = await Response.objects.filter(
        turn__battle=battle["id"], placement__position=0
    ).aget()
    assert (response.state, response.text) == (Response.State.ERROR, "first")
    assert "interrupted" in response.error


async def test_a_page_at_another_web_process_sees_the_same_events(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    follow = Hub.follow

    async def counted(self: Hub, battle_id: UUID) -> bool:
        asked.append(battle_id)
        return await follow(self, battle_id)

    monkeypatch.setattr(Hub, "follow", counted)
    battle = await arena.start("slow", "echo")
    here = await arena.page(battle["id"])
    while not here.texts.get((1, "A")):
        await here.next()
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def elsewhere() -> Page:
        page = Page(arena.socket(battle["id"]))
        assert await page.socket.connect()
        while not page.texts.get((1, "A")):
            await page.next()
        loop.call_soon_threadsafe(begun.set)
        await page.until_finished()
        answer = await page.until("revealed")
        assert answer["vote"]["ranks"] == [1, 2]
        await page.close()
        await _close()
        return page

    other = asyncio.create_task(asyncio.to_thread(asyncio.run, elsewhere()))
    await begun.wait()
    arena.server.go_on()
    await here.until_finished()
    await arena.post(f"battles/{battle['id']}/vote", {"ranks": [1, 2]})
    page = await other
    assert page.texts == here.texts == {(1, "A"): "first second third", (1, "B"): "Say it "}
    assert page.states == here.states
    assert len(asked) == 1


async def test_a_page_that_has_read_the_end_hears_late_events_of_another_process_no_more(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    battle = await arena.start("slow", "echo")
    here = await arena.page(battle["id"])
    while not here.texts.get((1, "A")):
        await here.next()
    begun, ended = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    heard = Hub._heard
    late: list[dict[str, Any]] = []
    relayed = asyncio.Event()  # of the other loop, from its first use on

    def held(self: Hub, message: dict[str, Any]) -> None:
        if begun.is_set() and asyncio.get_running_loop() is not loop:
            late.append(message)
            if message["type"] == "relay":
                relayed.set()
        else:
            heard(self, message)

    monkeypatch.setattr(Hub, "_heard", held)

    async def elsewhere() -> None:
        page = Page(arena.socket(battle["id"]))
        assert await page.socket.connect()
        while not page.texts.get((1, "A")):
            await page.next()
        second = Page(arena.socket(battle["id"]))
        assert await second.socket.connect()
        await second.next()
        loop.call_soon_threadsafe(begun.set)
        await asyncio.to_thread(ended.wait)
        first_socket, *_ = get_hub().room(UUID(battle["id"])).sockets
        first_socket.resync()
        await page.until_finished()
        await second.until_finished()
        await relayed.wait()
        for message in late:
            heard(get_hub(), message)
        for one in (page, second):
            assert await one.silent()
            assert one.texts == {(1, "A"): "first second third", (1, "B"): "Say it "}
            await one.close()
        await _close()

    other = asyncio.create_task(asyncio.to_thread(asyncio.run, elsewhere()))
    await begun.wait()
    arena.server.go_on()
    await here.until_finished()
    ended.set()
    await other


async def test_a_page_at_another_web_process_waits_until_that_says_it_writes(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, begun = asyncio.Event(), asyncio.Event()
    looks: list[int] = []
    loop = asyncio.get_running_loop()
    claim, owned = Keeper.claim, Keeper.owned

    async def late(self: Keeper, ids: Iterable[int]) -> set[int]:
        if asyncio.get_running_loop() is loop:
            await looked.wait()
            return await claim(self, ids)
        ours = await claim(self, ids)  # too early
        loop.call_soon_threadsafe(looked.set)
        return ours

    async def noticed(self: Keeper, ids: Iterable[int]) -> set[int] | None:
        looks.append(1)
        if len(looks) > 1:
            loop.call_soon_threadsafe(looked.set)
        return await owned(self, ids)

    monkeypatch.setattr(Keeper, "claim", late)
    monkeypatch.setattr(Keeper, "owned", noticed)
    battle = await arena.start("slow", "echo")

    async def elsewhere() -> Page:
        page = Page(arena.socket(battle["id"]))
        assert await page.socket.connect()
        await page.next()
        loop.call_soon_threadsafe(begun.set)
        await page.until_finished()
        await page.close()
        await _close()
        return page

    other = asyncio.create_task(asyncio.to_thread(asyncio.run, elsewhere()))
    await begun.wait()
    arena.server.go_on()
    page = await other
    assert page.texts == {(1, "A"): "first second third", (1, "B"): "Say it "}
    assert len(arena.server.requests) == 2  # nobody was asked twice


async def test_a_turn_that_another_web_process_writes_is_followed(arena: Arena) -> None:
    battle = await arena.start("echo", "fast", prompt="first")
    here = await arena.finished(battle["id"])

    async def elsewhere() -> None:
        row = await Battle.objects.aget(pk=battle["id"])
        await sync_to_async(services.add_turn)(battle=row, prompt="second")
        generation.start(row.pk)
        there = Page(arena.socket(battle["id"]))
        assert await there.socket.connect()
        while (2, "A") not in there.states:
            await there.next()
        await there.until_finished()
        await there.close()
        await _close()

    other = asyncio.create_task(asyncio.to_thread(asyncio.run, elsewhere()))
    while (2, "A") not in here.states:
        await here.next(10)
    await here.until_finished(10)
    await other
    assert here.texts[2, "A"] == "second "
    assert here.texts[2, "B"] == NUMBERS
    assert here.states[2, "B"] == "done"


async def test_a_page_learns_that_the_process_that_wrote_is_gone(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "LOOK_AGAIN_S", 0.05)
    monkeypatch.setattr(hub, "ANSWER_WITHIN_S", 0.05)
    battle = await _left_behind(arena, state=Response.State.STREAMING)
    ids = [r.pk async for r in Response.objects.filter(turn__battle=battle)]
    gone = Keeper("a process that is gone")
    await gone.claim(ids)
    await gone.keep({ids[0]: "so far"})
    page = await arena.page(battle)
    await page.next()
    assert page.states == {(1, "A"): "streaming", (1, "B"): "streaming"}
    assert page.texts[1, "A"] == "so far"
    mirror = get_hub().peek(UUID(battle)).responses
    mirror[ids[0]] = LiveResponse(
        id=ids[0], battle_id=UUID(battle), turn=1, position=0, mine=False, text="so far, and on"
    )
    for pk in ids:
        await gone._pipeline([("DEL", f"arena:owner:{pk}")])  # as when it expires
    await page.until_finished()
    assert page.texts[1, "A"] == "so far, and on"  # what the page has shown stays
    assert "interrupted" in page.errors[1, "A"]
    await gone.close()


async def test_another_web_process_can_stop_it(arena: Arena) -> None:
    battle = await arena.start("slow", "echo")
    page = await arena.page(battle["id"])
    while not page.texts.get((1, "A")):
        await page.next()

    async def elsewhere() -> None:
        await generation.stop(UUID(battle["id"]))
        await asyncio.wait_for(get_hub().sent(), 5)
        await _close()

    await asyncio.to_thread(asyncio.run, elsewhere())
    await page.until_finished()
    assert page.states[1, "A"] == "stopped"


async def _close() -> None:
    await generation.close()
    await get_channel_layer().flush()


async def test_it_streams_while_redis_is_down(
    arena: Arena, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = "redis://127.0.0.1:9/0"
    settings.REDIS_URL = nowhere
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [nowhere]},
        }
    }
    with caplog.at_level(logging.WARNING, logger="arena"):
        battle = await arena.start("slow", "echo")
        page = await arena.page(battle["id"])
        while not page.texts.get((1, "A")):
            await page.next()
        arena.server.go_on()
        await page.until_finished()
    assert page.texts[1, "A"] == "first second third"
    said = [record.message for record in caplog.records if "cannot be reached" in record.message]
    assert len(said) == 2  # the store of texts, and the other processes: once each


async def _written(battle_id: str) -> None:
    """Until this process writes nothing more of the battle."""
    room = get_hub().peek(UUID(battle_id))
    await asyncio.gather(*room.starting)
    await asyncio.gather(*[r.writer for r in room.responses.values() if r.writer])
