"""The HTTP API: what it gives, and the reason for what it refuses."""

import io
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser, User
from django.core.management import CommandError, call_command
from django.test import AsyncClient, Client

from arena import services
from arena.models import Battle, Contender, Prompt, Rater, Turn
from tests.arena.conftest import Arena

NOWHERE = "00000000-0000-4000-8000-000000000000"


async def test_a_battle_is_started(arena: Arena) -> None:
    await arena.add("echo", "fast", "slow")
    answer = await arena.post("battles", {"prompt": "Hello", "size": 3})
    assert answer.status_code == 201
    body = answer.json()
    assert body == {
        "id": body["id"],
        "state": "open",
        "url": f"/battles/{body['id']}/",
        "socket": f"/ws/battles/{body['id']}/",
        "responses": [
            {"position": letter, "label": f"Contender {letter}"} for letter in ("A", "B", "C")
        ],
    }


async def test_a_battle_is_read(arena: Arena) -> None:
    await arena.add("echo", "fast")
    started = (await arena.post("battles", {"prompt": "Hello"})).json()
    await arena.finished(started["id"])
    battle = await arena.battle(started["id"])
    assert battle | {"turns": None} == {
        "id": started["id"],
        "state": "open",
        "mode": "anonymous",
        "url": started["url"],
        "socket": started["socket"],
        "turns": None,
        "vote": None,
        "contenders": None,
    }
    (turn,) = battle["turns"]
    assert (turn["turn"], turn["prompt"]) == (1, "Hello")
    assert [r["state"] for r in turn["responses"]] == ["done", "done"]


async def test_a_vote_reveals_the_contenders(arena: Arena) -> None:
    await arena.add("echo", "fast", "markdown")
    started = (await arena.post("battles", {"prompt": "Hello", "size": 3})).json()
    await arena.finished(started["id"])
    answer = await arena.post(
        f"battles/{started['id']}/vote",
        {"ranks": [2, 1, 2], "reasons": [" clear ", "my own"], "comment": " fine\x00 "},
    )
    assert answer.status_code == 201
    body = answer.json()
    assert body["vote"]["ranks"] == [2, 1, 2]
    assert body["vote"]["comment"] == "fine"
    assert body["vote"]["reasons"] == ["clear", "my own"]
    assert body["vote"]["counted"] is True
    assert [place["position"] for place in body["contenders"]] == ["A", "B", "C"]
    assert {place["slug"] for place in body["contenders"]} == {"echo", "fast", "markdown"}
    assert {place["name"] for place in body["contenders"]} >= {"Name of echo"}
    assert all("elo_before" in place and "elo_after" in place for place in body["contenders"])
    battle = await arena.battle(started["id"])
    assert (battle["state"], battle["vote"]) == ("voted", body["vote"])
    assert battle["contenders"] == body["contenders"]
    again = await arena.post(f"battles/{started['id']}/vote", {"ranks": [1, 2, 3]})
    assert again.status_code == 409
    assert "already" in again.json()["error"]


async def test_named_battles_show_their_contenders_at_once(arena: Arena) -> None:
    battle = await arena.start("echo", "fast")
    shown = (await arena.battle(battle["id"]))["contenders"]
    assert [place["slug"] for place in shown] == ["echo", "fast"]
    assert battle["responses"][0] == {"position": "A", "label": "Name of echo"}


async def test_a_direct_battle_has_one_contender_and_no_vote(arena: Arena) -> None:
    battle = await arena.start("echo", mode="direct", contenders=["echo"])
    await arena.finished(battle["id"])
    answer = await arena.post(f"battles/{battle['id']}/vote", {"ranks": [1]})
    assert answer.status_code == 409
    assert "thumbs" in answer.json()["error"]


async def test_a_reaction_is_given_and_taken_back(arena: Arena) -> None:
    battle = await arena.start("echo", "fast")
    await arena.finished(battle["id"])
    path = f"battles/{battle['id']}/reactions"
    up = {"turn": 1, "position": "B", "value": 1, "reasons": ["clear"], "comment": "good"}
    assert (await arena.post(path, up)).json() == up
    assert (await arena.battle(battle["id"]))["turns"][0]["responses"][1]["reaction"] == 1
    down = {"turn": 1, "position": "B", "value": -1}
    assert (await arena.post(path, down)).json()["reasons"] == []
    assert (await arena.post(path, down | {"value": 0})).json()["value"] == 0
    assert (await arena.battle(battle["id"]))["turns"][0]["responses"][1]["reaction"] is None


async def test_open_pages_hear_of_a_reaction(arena: Arena) -> None:
    battle = await arena.start("echo", "fast")
    page = await arena.finished(battle["id"])
    path = f"battles/{battle['id']}/reactions"
    up = {"turn": 1, "position": "B", "value": 1, "reasons": ["clear"], "comment": "good"}
    for said in (up, up | {"value": 0, "reasons": [], "comment": ""}):
        await arena.post(path, said)
        assert await page.until("reacted") == {"event": "reacted"} | said


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"value": 2}, 422),
        ({"position": "D"}, 422),
        ({"position": "C"}, 404),
        ({"turn": 2}, 404),
        ({"reasons": ["x" * 100]}, 422),
        ({"comment": "x" * 3000}, 422),
    ],
)
def test_odd_reactions_are_refused(db: None, change: dict[str, Any], status: int) -> None:
    client = Client()
    session = client.session
    rater = services.identify_rater(user=AnonymousUser(), session=session)
    session.save()
    _contenders()
    battle = services.start_battle(rater=rater, prompt="Hi")
    body = {"turn": 1, "position": "A", "value": 1} | change
    answer = client.post(
        f"/api/v1/battles/{battle.pk}/reactions", body, content_type="application/json"
    )
    assert answer.status_code == status
    assert answer.json()["error"]


def _contenders() -> None:
    for slug in ("echo", "fast"):
        Contender.objects.create(slug=slug, name=slug, model=slug)


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"prompt": ""}, 422, "empty"),
        ({"prompt": " \n\t\x00\x07 "}, 422, "empty"),
        ({"prompt": "x" * 1_000_000}, 422, "at most 16,000"),
        ({"prompt": "\ud800"}, 422, "prompt"),
        ({}, 422, "prompt: Field required"),
        ({"prompt": 7}, 422, "prompt: Input should be a valid string"),
        ({"prompt": "Hi", "size": "2"}, 422, "size: Input should be a valid integer"),
        ({"prompt": "Hi", "size": True}, 422, "size"),
        ({"prompt": "Hi", "size": 4}, 422, "2 or 3"),
        ({"prompt": "Hi", "size": 1}, 422, "2 or 3"),
        ({"prompt": "Hi", "siez": 3}, 422, "siez"),
        ({"prompt": "Hi", "mode": "blind"}, 422, "side_by_side"),
        ({"prompt": "Hi", "contenders": ["echo", "fast"]}, 422, "draws the contenders"),
        ({"prompt": "Hi", "mode": "side_by_side"}, 422, "2 or 3"),
        ({"prompt": "Hi", "mode": "direct", "contenders": ["echo", "fast"]}, 422, "one contender"),
        ({"prompt": "Hi", "mode": "side_by_side", "contenders": ["echo"] * 2}, 422, "of them once"),
        ({"prompt": "Hi", "mode": "direct", "contenders": ["nobody"]}, 422, "'nobody'"),
        ({"prompt": "Hi", "size": 3}, 503, "needs 3 active contenders, and there are 2"),
        ([], 422, "body"),
    ],
)
def test_odd_battles_are_refused_with_the_reason(
    db: None, body: Any, status: int, reason: str
) -> None:
    _contenders()
    answer = Client().post("/api/v1/battles", body, content_type="application/json")
    assert answer.status_code == status
    assert reason in answer.json()["error"]
    assert not Battle.objects.exists()
    assert not Rater.objects.exists()


async def test_who_was_refused_their_first_battle_can_begin_another(arena: Arena) -> None:
    await arena.add("echo", "fast")
    assert (await arena.post("battles", {"prompt": "Hi", "size": 3})).status_code == 503
    battle = await arena.post("battles", {"prompt": "Hi"})
    assert battle.status_code == 201
    await arena.finished(battle.json()["id"])
    assert await Rater.objects.acount() == 1


async def test_control_characters_do_not_reach_the_contenders(arena: Arena) -> None:
    battle = await arena.start("echo", "fast", prompt=" a\x00b\r\nc\x1b[31m\td ")
    await arena.finished(battle["id"])
    assert (await Turn.objects.aget()).prompt == "ab\nc[31m\td"
    assert arena.server.requests[0]["messages"] == [{"role": "user", "content": "ab\nc[31m\td"}]


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 100_000])
def test_malformed_json_is_refused(db: None, content: bytes) -> None:
    answer = Client().post("/api/v1/battles", content, content_type="application/json")
    assert answer.status_code == 400
    assert "JSON" in answer.json()["error"]


def test_a_body_that_is_too_big_is_refused(db: None) -> None:
    body = {"prompt": "x" * 5_000_000}
    answer = Client().post("/api/v1/battles", body, content_type="application/json")
    assert answer.status_code == 413
    assert "too big" in answer.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1/", 404),
        ("GET", "/api/", 404),
        ("GET", "/api/v1/battles/not-an-id", 404),
        ("GET", f"/api/v1/battles/{NOWHERE}", 404),
        ("POST", f"/api/v1/battles/{NOWHERE}/vote", 404),
        ("POST", f"/api/v1/battles/{NOWHERE}/stop", 404),
        ("PUT", "/api/v1/battles", 405),
        ("GET", "/api/v1/battles", 405),
        ("DELETE", "/api/v1/contenders", 405),
    ],
)
def test_wrong_addresses_and_methods_are_json_too(
    db: None, method: str, path: str, status: int
) -> None:
    body = b'{"ranks": [1, 2]}' if method == "POST" else b""
    answer = Client().generic(method, path, body, content_type="application/json")
    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("application/json")
    assert set(answer.json()) == {"error"}


async def test_a_failure_of_the_server_is_json_without_a_trace(
    arena: Arena, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**_: Any) -> None:
        raise RuntimeError("secret detail")

    await arena.add("echo", "fast")
    monkeypatch.setattr(services, "ask_first", fail)
    answer = await arena.post("battles", {"prompt": "Hi"})
    assert answer.status_code == 500
    assert answer.json() == {"error": "The server failed. The reason is in its log."}
    assert "secret detail" in caplog.text


async def test_other_peoples_battles_do_not_exist(arena: Arena) -> None:
    battle = await arena.start("echo", "fast")
    await arena.finished(battle["id"])
    stranger = AsyncClient()
    mine = f"/api/v1/battles/{battle['id']}"
    assert (await stranger.get(mine)).status_code == 404
    for action, body in [
        ("vote", {"ranks": [1, 2]}),
        ("turns", {"prompt": "more"}),
        ("stop", None),
        ("turns/1/regenerate", {}),
        ("reactions", {"turn": 1, "position": "A", "value": 1}),
    ]:
        answer = await stranger.post(f"{mine}/{action}", body, content_type="application/json")
        assert answer.status_code == 404, action
        assert "not yours" in answer.json()["error"]


async def test_the_next_turn_waits_for_the_last(arena: Arena) -> None:
    battle = await arena.start("slow", "echo")
    path = f"battles/{battle['id']}"
    assert (await arena.post(f"{path}/turns", {"prompt": "more"})).status_code == 409
    assert (await arena.post(f"{path}/turns/1/regenerate")).status_code == 409
    assert (await arena.post(f"{path}/vote", {"ranks": [1, 2]})).status_code == 409
    arena.server.go_on()
    await arena.finished(battle["id"])
    answer = await arena.post(f"{path}/turns", {"prompt": "more"})
    assert answer.status_code == 201
    assert [turn["turn"] for turn in answer.json()["turns"]] == [1, 2]
    await arena.finished(battle["id"])
    assert (await arena.post(f"{path}/turns/1/regenerate")).status_code == 409
    assert (await arena.post(f"{path}/turns/3/regenerate")).status_code == 404
    assert (await arena.post(f"{path}/turns/2/regenerate", {"position": "C"})).status_code == 404
    assert (await arena.post(f"{path}/vote", {"ranks": [1, 2]})).status_code == 201
    assert (await arena.post(f"{path}/turns", {"prompt": "more"})).status_code == 409
    assert (await arena.post(f"{path}/turns/2/regenerate")).status_code == 409


async def test_too_many_battles_at_once_are_refused(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    await arena.add("slow", "hang")
    for _ in range(10):
        assert (await arena.post("battles", {"prompt": "Hi"})).status_code == 201
    answer = await arena.post("battles", {"prompt": "Hi"})
    assert answer.status_code == 429
    assert "Wait" in answer.json()["error"]
    assert (await arena.post("battles", {"prompt": "Hi", "simulated": True})).status_code == 201


async def test_a_change_without_csrf_token_or_api_token_is_refused(arena: Arena) -> None:
    await arena.add("echo", "fast")
    browser = AsyncClient(enforce_csrf_checks=True)
    body = {"prompt": "Hi"}
    answer = await browser.post("/api/v1/battles", body, content_type="application/json")
    assert answer.status_code == 403
    assert "Authorization: Bearer" in answer.json()["error"]
    assert "X-CSRFToken" in answer.json()["error"]


async def test_a_browser_sends_its_csrf_token(arena: Arena) -> None:
    await arena.add("echo", "fast")
    browser = AsyncClient(enforce_csrf_checks=True)
    await browser.get("/login/")
    token = browser.cookies["csrftoken"].value
    answer = await browser.post(
        "/api/v1/battles",
        {"prompt": "Hi"},
        content_type="application/json",
        headers={"X-CSRFToken": token},
    )
    assert answer.status_code == 201


async def test_a_script_sends_its_api_token(arena: Arena) -> None:
    await arena.add("echo", "fast")
    user = await sync_to_async(User.objects.create_user)("ann")
    token = await sync_to_async(services.create_token)(user=user)
    script = AsyncClient(enforce_csrf_checks=True)
    headers = {"Authorization": f"Bearer {token}"}
    answer = await script.post(
        "/api/v1/battles", {"prompt": "Hi"}, content_type="application/json", headers=headers
    )
    assert answer.status_code == 201
    path = f"/api/v1/battles/{answer.json()['id']}"
    assert (await script.get(path, headers=headers)).status_code == 200
    assert (await script.get(path)).status_code == 404
    battle = await Battle.objects.select_related("rater").aget()
    assert battle.rater.user_id == user.pk
    user.is_active = False
    await user.asave()
    assert (await script.get(path, headers=headers)).status_code == 401


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer", "Basic YTpi", "Bearer \u00e9"])
def test_a_wrong_token_is_refused(db: None, header: str) -> None:
    answer = Client().get("/api/v1/contenders", headers={"Authorization": header})
    assert answer.status_code == 401
    assert "token" in answer.json()["error"]


def test_create_token_prints_a_token_that_works(db: None) -> None:
    User.objects.create_user("ann")
    out = io.StringIO()
    call_command("create_token", "ann", stdout=out)
    token = out.getvalue().strip()
    answer = Client().get("/api/v1/contenders", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200


def test_create_token_says_when_there_is_no_such_user(db: None) -> None:
    with pytest.raises(CommandError, match="no active user 'nobody'"):
        call_command("create_token", "nobody")


def test_contenders_are_listed_without_secrets(db: None) -> None:
    Contender.objects.create(
        slug="a",
        name="A",
        description="d",
        model="m",
        base_url="https://x.example/v1",
        api_key_env="KEY",
        active=False,
    )
    assert Client().get("/api/v1/contenders").json() == [
        {"slug": "a", "name": "A", "description": "d", "active": False}
    ]


async def test_the_category_comes_from_the_library(arena: Arena) -> None:
    await Prompt.objects.acreate(slug="p", category="coding", text="Write a loop.")
    await arena.add("echo", "fast")
    await arena.post("battles", {"prompt": " Write a loop.\n"})
    await arena.post("battles", {"prompt": "Write a loop, please."})
    assert sorted([b.category async for b in Battle.objects.all()]) == ["", "coding"]


async def test_simulated_raters_stay_apart(arena: Arena) -> None:
    await arena.add("echo", "fast")
    for simulated in (True, False, True):
        answer = await arena.post("battles", {"prompt": "Hi", "simulated": simulated})
        assert (await arena.get(f"battles/{answer.json()['id']}")).status_code == 200
    battles = [b async for b in Battle.objects.select_related("rater").order_by("created_at")]
    assert [b.population for b in battles] == ["simulated", "people", "simulated"]
    assert [b.rater.population for b in battles] == ["simulated", "people", "simulated"]
    assert battles[0].rater_id == battles[2].rater_id != battles[1].rater_id


def test_the_documentation_is_served_from_here(db: None) -> None:
    page = Client().get("/api/v1/docs")
    assert page.status_code == 200
    assert "http" not in page.content.decode().replace("http://testserver", "")
    schema = Client().get("/api/v1/openapi.json").json()
    assert {
        "/api/v1/battles",
        "/api/v1/battles/{battle_id}",
        "/api/v1/battles/{battle_id}/vote",
        "/api/v1/battles/{battle_id}/turns",
        "/api/v1/battles/{battle_id}/turns/{number}/regenerate",
        "/api/v1/battles/{battle_id}/stop",
        "/api/v1/battles/{battle_id}/reactions",
        "/api/v1/contenders",
        "/api/v1/leaderboard",
    } <= set(schema["paths"])
