"""Who may open a battle's socket, and what it says beside the streams."""

import asyncio
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import AsyncClient

from arena import consumers, generation, services
from arena.live import room
from arena.live.hub import get_hub
from arena.models import Battle
from arena.selectors import BattleState
from tests.arena.conftest import Arena
from tests.sockets import TestSocket


async def test_the_first_event_is_the_state(arena: Arena) -> None:
    battle = await arena.start("echo", "fast", prompt="hello **you**")
    await arena.finished(battle["id"])
    page = await arena.page(battle["id"])
    state = await page.next()
    assert state["battle"] | {"turns": []} == await arena.battle(battle["id"]) | {"turns": []}
    assert state["battle"]["turns"][0]["responses"][0] == {
        "position": "A",
        "label": "Name of echo",
        "state": "done",
        "text": "hello **you** ",
        "error": None,
        "cut_off": False,
        "reaction": None,
        "html": '<p dir="auto">hello <strong>you</strong></p>\n',
    }
    assert await page.silent()


async def test_what_happens_while_the_state_is_read_is_not_lost(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    battle = await arena.start("echo", "fast")
    await arena.finished(battle["id"])
    loop, read = asyncio.get_running_loop(), consumers.state_of

    def late(row: Battle) -> BattleState:
        """The vote comes after the reading, and before the state is sent."""
        state = read(row)
        monkeypatch.setattr(consumers, "state_of", read)
        services.cast_vote(battle=row, ranks=[1, 2])
        told = asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop)
        told.result(10)  # the event loop has heard of it
        return state

    monkeypatch.setattr(consumers, "state_of", late)
    page = await arena.page(battle["id"])
    state = await page.next()
    assert state["battle"]["vote"]["ranks"] == [1, 2]


async def test_a_connection_lives_audibly_while_responses_are_unfinished(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "LOOK_AGAIN_S", 0.02)
    battle = await arena.start("hang", "echo")
    page = await arena.page(battle["id"])
    while (await page.next())["event"] != "beat":
        pass
    assert (await page.next())["event"] == "beat"
    await generation.stop(UUID(battle["id"]))
    await page.until_finished()
    assert await page.silent()


async def test_the_page_of_a_new_blind_battle_does_not_wait_for_the_database(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "_own", None)
    battle = await arena.start("slow", "echo", mode="anonymous")
    page = await arena.page(battle["id"])
    state = (await page.next())["battle"]
    assert state["contenders"] is None
    assert [turn["prompt"] for turn in state["turns"]] == ["Say it"]
    labels = [response["label"] for response in state["turns"][0]["responses"]]
    assert labels == ["Contender A", "Contender B"]
    arena.server.go_on()
    await page.until_finished()


async def test_a_page_of_a_new_battle_says_what_has_happened_since(arena: Arena) -> None:
    battle = (await arena.start("echo", "fast", mode="anonymous"))["id"]
    await arena.finished(battle)
    await arena.post(f"battles/{battle}/reactions", {"turn": 1, "position": "B", "value": 1})
    liked = (await (await arena.page(battle)).next())["battle"]
    assert [one["reaction"] for one in liked["turns"][0]["responses"]] == [None, 1]
    await arena.post(f"battles/{battle}/skip")
    assert (await (await arena.page(battle)).next())["battle"]["state"] == "skipped"


@pytest.mark.parametrize("mode", [{}, {"mode": "anonymous"}])
@pytest.mark.parametrize("whose", ["someone else", "nobody"])
async def test_other_peoples_battles_are_closed_with_4404(
    arena: Arena, whose: str, mode: dict[str, str]
) -> None:
    battle = await arena.start("echo", "fast", **mode)
    stranger = AsyncClient()
    if whose == "someone else":
        await stranger.post(
            "/api/v1/battles", {"prompt": "mine", "size": 2}, content_type="application/json"
        )
    socket = arena.socket(battle["id"], client=stranger)
    assert await socket.connect()
    assert await socket.receive() is None
    assert socket.close_code == 4404


@pytest.mark.parametrize("keep_verdicts", [True, False])
async def test_who_is_forgotten_has_no_socket_left_and_opens_none(
    arena: Arena, keep_verdicts: bool
) -> None:
    battle = await arena.start("echo", "fast", mode="anonymous")
    page = await arena.finished(battle["id"])
    row = await Battle.objects.aget(pk=battle["id"])
    if keep_verdicts:
        await sync_to_async(services.cast_vote)(battle=row, ranks=[1, 2])
        await page.until("revealed")
    forget = sync_to_async(services.forget_raters)
    await forget(raters={row.rater_id}, keep_verdicts=keep_verdicts)
    for socket in (page.socket, arena.socket(battle["id"])):
        if socket is not page.socket:
            assert await socket.connect()
        assert await socket.receive() is None
        assert socket.close_code == 4404


async def test_unknown_battles_are_closed_with_4404(arena: Arena) -> None:
    socket = arena.socket("00000000-0000-4000-8000-000000000000")
    assert await socket.connect()
    assert await socket.receive() is None
    assert socket.close_code == 4404


@pytest.mark.parametrize("path", ["/ws/nope/", "/ws/battles/zz/", "/ws/"])
async def test_unknown_addresses_are_closed_with_4404(arena: Arena, path: str) -> None:
    socket = TestSocket(path)
    assert await socket.connect()
    assert await socket.receive() is None
    assert socket.close_code == 4404


@pytest.mark.parametrize(
    ("origin", "accepted"),
    [
        (b"http://testserver", True),
        (b"https://testserver:8443", True),
        (b"http://evil.example", False),
        (b"http://testserver.evil.example", False),
        (b"null", False),
        (b"http://[bad", False),
    ],
)
async def test_pages_of_other_sites_are_refused(
    arena: Arena, origin: bytes, accepted: bool
) -> None:
    battle = await arena.start("echo", "fast")
    socket = arena.socket(battle["id"], headers=[(b"origin", origin)])
    assert await socket.connect() is accepted
    await socket.disconnect()


async def test_an_api_token_opens_the_socket_of_its_owner(arena: Arena) -> None:
    user = await sync_to_async(User.objects.create_user)("ann")
    token = await sync_to_async(services.create_token)(user=user)
    await arena.add("echo", "fast")
    answer = await AsyncClient().post(
        "/api/v1/battles",
        {"prompt": "Hi"},
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 201
    with_token = [(b"authorization", f"Bearer {token}".encode())]
    page = await arena.page(answer.json()["id"], headers=with_token)
    assert (await page.next())["event"] == "state"
    without = arena.socket(answer.json()["id"])
    await without.connect()
    assert await without.receive() is None


@pytest.mark.parametrize("header", [b"Bearer nonsense", b"Basic YTpi", b"Bearer "])
@pytest.mark.parametrize("mode", [{}, {"mode": "anonymous"}])
async def test_a_wrong_token_is_closed_with_4401(
    arena: Arena, header: bytes, mode: dict[str, str]
) -> None:
    battle = await arena.start("echo", "fast", **mode)
    socket = arena.socket(battle["id"], headers=[(b"authorization", header)])
    assert await socket.connect()
    assert await socket.receive() is None
    assert socket.close_code == 4401


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("{", "not JSON"),
        ("\x00", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"event": "vote"}', "only sends"),
        ("null", "only sends"),
        (b"\xff\xfe", "Binary"),
    ],
)
async def test_odd_frames_are_answered_and_the_socket_stays(
    arena: Arena, frame: str | bytes, reason: str
) -> None:
    battle = await arena.start("echo", "slow")
    page = await arena.page(battle["id"])
    await page.next()
    if isinstance(frame, bytes):
        await page.socket.send(data=frame)
    else:
        await page.socket.send(frame)
    while "turn" in (event := await page.until("error")):
        continue
    assert reason in event["error"]
    arena.server.go_on()
    await page.until_finished()
    assert page.texts[1, "B"] == "first second third"


async def test_a_vote_is_revealed_in_every_tab_once(arena: Arena) -> None:
    await arena.add("echo", "fast")
    battle = (await arena.post("battles", {"prompt": "Hi"})).json()
    first = await arena.finished(battle["id"])
    second = await arena.finished(battle["id"])
    answer = await arena.post(f"battles/{battle['id']}/vote", {"ranks": [2, 1]})
    for page in (first, second):
        event = await page.until("revealed")
        assert event == {"event": "revealed", **answer.json()}
        assert await page.silent()
    later = await arena.page(battle["id"])
    state = await later.next()
    assert state["battle"]["contenders"] == answer.json()["contenders"]
    assert await later.silent()


async def test_a_page_that_does_not_read_is_let_go(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    battle = await arena.start("echo", "slow")
    page = await arena.page(battle["id"])
    while page.states.get((1, "A")) != "done" or not page.texts.get((1, "B")):
        await page.next()
    monkeypatch.setattr(room, "QUEUE_MAX", 3)
    open_room = next(iter(get_hub().rooms.values()))
    for number in range(5):
        open_room.push({"event": "delta", "text": str(number)})
    while await page.socket.receive() is not None:
        continue
    assert page.socket.close_code == 4408


async def test_nothing_is_left_when_the_pages_are_gone(arena: Arena) -> None:
    battle = await arena.start("echo", "fast")
    page = await arena.finished(battle["id"])
    (open_room,) = get_hub().rooms.values()
    assert len(open_room.sockets) == 1
    await page.close()
    assert not open_room.sockets
