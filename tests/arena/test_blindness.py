"""Before the vote nothing that reaches the rater tells who answers.

Each contender has a telling word in everything that is its own: name, slug, model, description,
system prompt, key, address, and what its endpoint complains of. Every byte is looked through.
"""

import random
import re
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.http import HttpResponseBase
from pytest_django.fixtures import Settings

from arena.matchmaking import Lineup
from arena.models import Battle, Contender, Placement, Response
from arena.services import lineups
from tests.arena.conftest import Arena, Page
from tests.openai_server import OpenAIServer

SECRETS = {
    "echo": "Zebra",
    "markdown": "Giraffe",
    "error-500": "Walrus",
    "error-429": "Ocelot",
    "dies": "Marmot",
    "error-404": "Badger",
    "empty": "Lobster",
    "garbage": "Pelican",
    "html": "Hamster",
    "unended": "Panther",
}


class Eavesdropper:
    """Keeps all that reaches the rater's browser."""

    def __init__(self, arena: Arena) -> None:
        self.arena = arena
        self.heard: list[str] = []

    async def post(self, path: str, body: Any = None) -> Any:
        return self.keep(await self.arena.post(path, body))

    async def get(self, path: str, **more: Any) -> str:
        answer = self.keep(await self.arena.client.get(path, **more))
        return answer.content.decode() if not answer.streaming else ""

    def keep(self, answer: Any) -> Any:
        assert isinstance(answer, HttpResponseBase)
        self.heard += [str(answer.headers), str(answer.cookies)]
        if not answer.streaming:
            self.heard.append(answer.content.decode())  # type: ignore[attr-defined]
        return answer

    async def look_around(self, battle: dict[str, Any]) -> None:
        """All pages that a rater may have open meanwhile, and what these load."""
        for path in (battle["url"], f"/api/v1/battles/{battle['id']}", "/", "/battles/"):
            page = await self.get(path)
            for asset in set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page)):
                self.heard.append(asset)
        await self.get(battle["url"], headers={"HX-Request": "true"})

    def socket(self, page: Page) -> None:
        self.heard += page.socket.frames

    def everything(self) -> str:
        return "\n".join(self.heard).lower()


async def secret_arena(arena: Arena, *models: str) -> list[str]:
    """These contenders, and what must not be heard."""
    for model in models:
        word = SECRETS[model]
        await arena.add(
            f"{word}-slug",
            name=f"{word} name",
            model=f"secret-{model}-{word}",
            description=f"{word} is described",
            system_prompt=f"{word} {word}",
        )
    told = [SECRETS[model] for model in models] + ["secret-", arena.server.url, "127.0.0.1"]
    return [word.lower() for word in told]


async def blind_battle(eavesdropper: Eavesdropper, *models: str) -> dict[str, Any]:
    chosen = [f"{SECRETS[model]}-slug" for model in models]
    rows = Contender.objects.filter(slug__in=chosen).values_list("pk", flat=True)
    lineup = Lineup(tuple([pk async for pk in rows]), 0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lineups, "draw", lambda *_, **__: lineup)
        answer = await eavesdropper.post("battles", {"prompt": "Hello", "size": len(models)})
    battle: dict[str, Any] = answer.json()
    return battle


@pytest.mark.parametrize("pace", [0, 5_000])
@pytest.mark.parametrize(
    ("models", "spare"),
    [
        (("echo", "markdown"), ()),
        (("error-500", "dies", "error-404"), ()),
        (("echo", "error-404"), ()),
        (("error-429", "garbage", "html"), ("echo", "empty", "markdown")),
        (("unended", "error-500"), ("empty", "echo")),
    ],
)
async def test_no_byte_names_a_contender_before_the_vote(
    arena: Arena,
    settings: Settings,
    models: tuple[str, ...],
    spare: tuple[str, ...],
    pace: int,
) -> None:
    settings.ARENA_PACING = pace
    lineups._candidates.cache_clear()
    secrets = await secret_arena(arena, *models, *spare)
    eavesdropper = Eavesdropper(arena)
    battle = await blind_battle(eavesdropper, *models)
    address = f"battles/{battle['id']}"
    page = await arena.page(battle["id"])
    await eavesdropper.look_around(battle)
    await page.until_finished()
    await eavesdropper.look_around(battle)
    for path in (f"{address}/turns/1/regenerate", f"{address}/turns"):
        await eavesdropper.post(path, {"prompt": "And?"} if path.endswith("turns") else None)
        await page.until("started")
        await page.until_finished()
        await eavesdropper.look_around(battle)
    await eavesdropper.post(f"{address}/stop")
    await eavesdropper.post(f"{address}/vote", {"ranks": [7]})
    await eavesdropper.post(f"{address}/reactions", {"turn": 9, "position": "A", "value": 1})
    late = await arena.page(battle["id"])
    await late.next()
    eavesdropper.socket(page)
    eavesdropper.socket(late)
    everything = eavesdropper.everything()
    assert "hello" in everything  # it does hear
    assert [word for word in secrets if word in everything] == []


async def test_all_failures_sound_the_same(arena: Arena) -> None:
    failing = ["error-500", "error-429", "error-404", "empty", "garbage", "html"]
    await secret_arena(arena, *failing)
    eavesdropper = Eavesdropper(arena)
    said = set()
    for pair in (failing[:2], failing[2:4], failing[4:]):
        battle = await blind_battle(eavesdropper, *pair)
        page = await arena.finished(battle["id"])
        said |= set(page.errors.values())
        said |= {r["error"] for r in (await arena.battle(battle["id"]))["turns"][0]["responses"]}
    assert said == {"No answer came. Retry it."}


async def test_the_operator_can_still_read_what_failed(arena: Arena) -> None:
    await secret_arena(arena, "error-429", "garbage")
    battle = await blind_battle(Eavesdropper(arena), "error-429", "garbage")
    await arena.finished(battle["id"])
    rows = Response.objects.filter(turn__battle=battle["id"]).values_list("error", flat=True)
    assert {error async for error in rows} == {
        "The contender is busy. Retry in a while.",
        "The contender's answer could not be read.",
    }


async def test_the_vote_names_them(arena: Arena) -> None:
    await secret_arena(arena, "echo", "markdown")
    battle = (await arena.post("battles", {"prompt": "Hello"})).json()
    await arena.finished(battle["id"])
    answer = await arena.post(f"battles/{battle['id']}/vote", {"ranks": [1, 1]})
    assert {place["name"] for place in answer.json()["contenders"]} == {
        "Zebra name",
        "Giraffe name",
    }
    page = (await arena.client.get(battle["url"])).content.decode()
    assert "Zebra name" in page


async def test_neither_positions_nor_rows_follow_the_contenders(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over many battles each contender is at each position, in the order of all rows and ids."""
    await secret_arena(arena, "echo", "markdown")
    monkeypatch.setattr(random, "SystemRandom", lambda: random.Random(next(seeds)))
    seeds = iter(range(1_000))

    def many() -> list[tuple[Any, ...]]:
        from arena import services
        from arena.models import Rater

        for number in range(60):
            rater = Rater.objects.create(external_id=str(number))
            services.start_battle(rater=rater, prompt=f"Hello {number}")
        rows = Placement.objects.filter(battle__in=Battle.objects.all()).order_by("pk")
        return list(rows.values_list("battle", "position", "contender__slug"))

    rows = await sync_to_async(many)()
    first = [slug for _, position, slug in rows if position == 0]
    assert [position for _, position, _ in rows] == [0, 1] * 60
    assert 15 < first.count("Zebra-slug") < 45


async def test_what_reaches_the_browser_has_no_ids_of_rows(arena: Arena) -> None:
    """Only the battle's random id: numbers of rows grow, and would tell what was made when."""
    await secret_arena(arena, "echo", "markdown")
    battle = (await arena.post("battles", {"prompt": "Hello"})).json()
    page = await arena.finished(battle["id"])
    keys = {key for event in page.events for key in _keys(event)}
    assert not keys & {"pk", "contender", "contender_id", "placement", "response_id", "slug"}
    ids = {event["battle"]["id"] for event in page.events if event["event"] == "state"}
    assert ids == {battle["id"]}


def _keys(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {key for below in value.values() for key in _keys(below)}
    if isinstance(value, list):
        return {key for below in value for key in _keys(below)}
    return set()


class TestPacing:
    """With a pace the responses are shown in step, however fast each is written."""

    async def test_nothing_is_shown_until_all_have_begun(
        self, arena: Arena, settings: Settings
    ) -> None:
        settings.ARENA_PACING = 100_000
        battle = await self.begin(arena, "fast", "waits")
        page = await arena.page(battle["id"])
        await self.until_asked(arena, "waits")
        await page.next()
        assert set(page.texts.values()) == {""}
        assert await page.silent()
        arena.server.go_on()
        await page.until_finished()
        kinds = [(e["event"], e.get("position")) for e in page.events]
        begins = [kinds.index(("delta", letter)) for letter in "AB"]
        assert max(begins) < min(i for i, (kind, _) in enumerate(kinds) if kind == "done")

    async def test_the_fast_one_waits_for_the_slow_one(
        self, arena: Arena, settings: Settings
    ) -> None:
        settings.ARENA_PACING = 100_000
        battle = await self.begin(arena, "fast", "slow")
        page = await arena.page(battle["id"])
        while not all(page.texts.values()) or not page.texts:
            await page.next()
        assert {len(text) for text in page.texts.values()} == {len("first")}
        assert set(page.states.values()) == {"streaming"}
        state = await arena.battle(battle["id"])
        assert {len(r["text"]) for r in state["turns"][0]["responses"]} == {len("first")}
        arena.server.go_on()
        await page.until_finished()
        numbers = "".join(f"{number} " for number in range(100))
        assert set(page.texts.values()) == {"first second third", numbers}

    async def test_stopping_shows_nothing_more(self, arena: Arena, settings: Settings) -> None:
        settings.ARENA_PACING = 100_000
        battle = await self.begin(arena, "fast", "slow")
        page = await arena.page(battle["id"])
        while not all(page.texts.values()) or not page.texts:
            await page.next()
        await arena.post(f"battles/{battle['id']}/stop")
        await page.until_finished()
        assert {len(text) for text in page.texts.values()} == {len("first")}
        rows = Response.objects.filter(turn__battle=battle["id"]).values_list("text", flat=True)
        assert {len(text) async for text in rows} == {len("first")}

    @staticmethod
    async def begin(arena: Arena, *models: str) -> dict[str, Any]:
        await arena.add(*models)
        answer = await arena.post("battles", {"prompt": "Hello"})
        battle: dict[str, Any] = answer.json()
        return battle

    @staticmethod
    async def until_asked(arena: Arena, model: str) -> None:
        server: OpenAIServer = arena.server
        await server.until_asked(model)
