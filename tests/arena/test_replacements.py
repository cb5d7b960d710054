"""A contender that fails before it has said anything leaves its place to another one."""

import random
from typing import Any

import numpy as np
import pytest
from asgiref.sync import sync_to_async
from pytest_django.fixtures import Settings

from arena.matchmaking import Candidate, Lineup, Uniform, draw_next
from arena.models import Contender, Placement, Replacement, Response
from arena.selectors import candidates, profiles
from arena.services import lineups
from tests.arena.conftest import Arena


@pytest.fixture(autouse=True)
def _look_afresh() -> None:
    lineups._candidates.cache_clear()


async def battle_with(arena: Arena, *models: str, spare: tuple[str, ...]) -> dict[str, Any]:
    """A blind battle of these models, in which the spare ones may take over."""
    await arena.add(*models, *spare)
    first = Contender.objects.filter(slug__in=models)
    drawn = Lineup(tuple([pk async for pk in first.values_list("pk", flat=True)]), 0.25)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lineups, "draw", lambda *_, **__: drawn)
        answer = await arena.post("battles", {"prompt": "Say it", "size": len(models)})
    assert answer.status_code == 201
    battle: dict[str, Any] = answer.json()
    return battle


async def who(battle: dict[str, Any]) -> set[str]:
    rows = Placement.objects.filter(battle=battle["id"]).values_list("contender__slug", flat=True)
    return {slug async for slug in rows}


@pytest.mark.parametrize("model", ["error-500", "error-429", "garbage", "empty", "html"])
async def test_another_contender_takes_over_without_a_word(arena: Arena, model: str) -> None:
    battle = await battle_with(arena, model, "echo", spare=("fast",))
    page = await arena.finished(battle["id"])
    assert set(page.states.values()) == {"done"}
    assert set(page.errors.values()) == {""}
    assert {event["event"] for event in page.events} <= {"state", "started", "delta", "done"}
    assert await who(battle) == {"echo", "fast"}
    answer = await arena.post(f"battles/{battle['id']}/vote", {"ranks": [1, 2]})
    assert {place["slug"] for place in answer.json()["contenders"]} == {"echo", "fast"}


async def test_one_that_is_silent_too_long_is_replaced(arena: Arena, settings: Settings) -> None:
    settings.FIRST_TOKEN_TIMEOUT_S = settings.IDLE_TIMEOUT_S = 0.2
    battle = await battle_with(arena, "hang", "echo", spare=("fast",))
    page = await arena.finished(battle["id"])
    assert set(page.states.values()) == {"done"}
    assert await who(battle) == {"echo", "fast"}


async def test_the_failure_is_kept_and_the_propensity_is_no_longer_known(arena: Arena) -> None:
    battle = await battle_with(arena, "error-500", "echo", spare=("fast",))
    await arena.finished(battle["id"])
    kept = await Replacement.objects.select_related("contender", "placement").aget()
    assert kept.contender.slug == "error-500"
    assert kept.error == "The contender's server refused to answer."
    assert kept.propensity == pytest.approx(0.25)
    assert kept.chance == pytest.approx(1.0)
    rows = Placement.objects.filter(battle=battle["id"]).values_list("propensity", flat=True)
    assert [value async for value in rows] == [None, None]


async def test_its_failures_lower_its_chance_to_be_drawn(arena: Arena) -> None:
    battle = await battle_with(arena, "error-500", "echo", spare=("fast",))
    await arena.finished(battle["id"])

    def seen() -> tuple[dict[str, Candidate], dict[str, float | None]]:
        able = dict(Contender.objects.values_list("pk", "slug"))
        shares = {able[pk]: profile.failed for pk, profile in profiles().items()}
        return {one.slug: one for one in candidates(able)}, shares

    known, shares = await sync_to_async(seen)()
    assert set(shares.values()) == {None}  # who is in the battle is not for everybody to see
    assert (known["error-500"].failures, known["error-500"].responses) == (1, 1)
    assert (known["fast"].failures, known["fast"].responses) == (0, 1)
    await arena.post(f"battles/{battle['id']}/vote", {"ranks": [1, 2]})
    _, shares = await sync_to_async(seen)()
    assert shares == {"error-500": 1.0, "echo": 0.0, "fast": 0.0}


async def test_what_has_said_something_is_not_replaced(arena: Arena) -> None:
    battle = await battle_with(arena, "dies", "echo", spare=("fast",))
    page = await arena.finished(battle["id"])
    assert sorted(page.states.values()) == ["done", "error"]
    assert "half an" in page.texts.values()
    assert await who(battle) == {"dies", "echo"}


async def test_white_space_alone_says_nothing(arena: Arena) -> None:
    battle = await battle_with(arena, "blank", "echo", spare=("fast",))
    page = await arena.finished(battle["id"])
    assert set(page.states.values()) == {"done"}
    assert await who(battle) == {"echo", "fast"}


async def test_named_contenders_are_not_replaced(arena: Arena) -> None:
    await arena.add("fast")
    battle = await arena.start("error-500", "echo")
    page = await arena.finished(battle["id"])
    assert page.states[1, "A"] == "error"
    assert await who(battle) == {"error-500", "echo"}


async def test_nobody_is_replaced_in_a_later_turn(arena: Arena) -> None:
    battle = await battle_with(arena, "fast", "echo", spare=("slow",))
    page = await arena.finished(battle["id"])
    await sync_to_async(Contender.objects.filter(slug="fast").update)(model="error-500")
    await arena.post(f"battles/{battle['id']}/turns", {"prompt": "And?"})
    await page.until("started")
    await page.until_finished()
    assert sorted(page.states[2, letter] for letter in "AB") == ["done", "error"]
    assert await who(battle) == {"fast", "echo"}


async def test_when_nobody_is_left_the_place_is_marked_and_can_be_tried_again(
    arena: Arena,
) -> None:
    await arena.add("error-500", "echo")
    battle = (await arena.post("battles", {"prompt": "Say it"})).json()
    page = await arena.finished(battle["id"])
    assert sorted(page.states.values()) == ["done", "error"]
    assert await Replacement.objects.acount() == 0
    (failed,) = [letter for (_, letter), state in page.states.items() if state == "error"]
    assert page.errors[1, failed] == "No answer came. Retry it."
    await arena.add("fast")
    await arena.post(f"battles/{battle['id']}/turns/1/regenerate", {"position": failed})
    await page.until("started")
    await page.until_finished()
    assert set(page.states.values()) == {"done"}
    assert await who(battle) == {"echo", "fast"}
    # Both tries were the failed one's, and nothing of them stays with its successor.
    kept = Replacement.objects.filter(contender__slug="error-500")
    assert await kept.acount() == 2
    assert await Response.objects.filter(turn__battle=battle["id"]).acount() == 2


async def test_both_may_fail_and_both_are_replaced(arena: Arena) -> None:
    battle = await battle_with(arena, "error-500", "empty", spare=("fast", "echo"))
    page = await arena.finished(battle["id"])
    assert set(page.states.values()) == {"done"}
    assert await who(battle) == {"echo", "fast"}


async def test_it_ends_when_all_fail(arena: Arena) -> None:
    everybody = ("error-500", "error-401", "error-404", "error-429", "empty", "garbage", "html")
    battle = await battle_with(arena, *everybody[:2], spare=everybody[2:])
    page = await arena.finished(battle["id"])
    assert set(page.states.values()) == {"error"}
    assert await Replacement.objects.acount() <= 4
    assert len(await who(battle)) == 2
    text = (await arena.client.get(battle["url"])).content.decode()
    assert "No answer was finished. Retry; if that fails too, tell the operator." in text


async def test_stopping_replaces_nobody(arena: Arena) -> None:
    battle = await battle_with(arena, "hang", "echo", spare=("fast",))
    answer = await arena.post(f"battles/{battle['id']}/stop")
    assert "stopped" in {r["state"] for r in answer.json()["turns"][0]["responses"]}
    assert await who(battle) == {"hang", "echo"}


class TestDraw:
    candidates = [Candidate(1, "a"), Candidate(2, "b"), Candidate(3, "c"), Candidate(4, "d")]

    def test_it_is_drawn_as_a_set_grows(self) -> None:
        rng = random.Random(1)
        drawn = [
            draw_next(Uniform(), self.candidates, staying={1}, out={2}, rng=rng) for _ in range(400)
        ]
        assert {chance for _, chance in drawn} == {0.5}
        share = np.mean([pk == 3 for pk, _ in drawn])
        assert 0.4 < share < 0.6
        assert {pk for pk, _ in drawn} == {3, 4}

    def test_who_is_failing_is_not_drawn(self) -> None:
        failing = [*self.candidates[:3], Candidate(4, "d", failures=2, responses=2)]
        rng = random.Random(1)
        for _ in range(50):
            assert draw_next(Uniform(), failing, staying={1}, out={2}, rng=rng) == (3, 1.0)

    def test_there_may_be_nobody(self) -> None:
        rng = random.Random(1)
        found = draw_next(Uniform(), self.candidates, staying={1, 2}, out={3, 4}, rng=rng)
        assert found is None
