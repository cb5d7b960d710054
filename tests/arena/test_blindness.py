"""Before the vote nothing that reaches the rater tells who answers."""

import json

import pytest

from tests.arena.conftest import Arena

SECRETS = {
    "echo": "Zebra",
    "markdown": "Giraffe",
    "error-500": "Walrus",
    "dies": "Ocelot",
    "error-404": "Badger",
}


async def secret_arena(arena: Arena, *models: str) -> list[str]:
    """Contenders whose name, slug, model and description all hold a telling word."""
    for model in models:
        word = SECRETS[model]
        await arena.add(
            f"{word}-slug",
            name=f"{word} name",
            model=f"secret-{model}",
            description=f"{word} is described",
            system_prompt=f"{word} {word}",
        )
    told = [SECRETS[model] for model in models] + ["secret-", arena.server.url, "127.0.0.1"]
    return [word.lower() for word in told]


@pytest.mark.parametrize(
    "models", [("echo", "markdown"), ("error-500", "dies", "error-404"), ("echo", "error-404")]
)
async def test_no_byte_names_a_contender_before_the_vote(
    arena: Arena, models: tuple[str, ...]
) -> None:
    secrets = await secret_arena(arena, *models)
    started = await arena.post("battles", {"prompt": "Hello", "size": len(models)})
    battle = started.json()
    seen = [started.content.decode(), str(started.headers)]
    page = await arena.finished(battle["id"])
    seen += [json.dumps(event) for event in page.events]
    for path in (battle["url"], f"/api/v1/battles/{battle['id']}", "/", "/battles/"):
        answer = await arena.client.get(path)
        seen += [answer.content.decode(), str(answer.headers)]
    again = await arena.post(f"battles/{battle['id']}/turns/1/regenerate")
    seen.append(again.content.decode())
    await page.until("started")
    await page.until_finished()
    seen += [json.dumps(event) for event in page.events]
    seen.append((await arena.post(f"battles/{battle['id']}/stop")).content.decode())
    seen.append((await arena.post(f"battles/{battle['id']}/vote", {"ranks": [7]})).content.decode())
    everything = "\n".join(seen).lower()
    assert [word for word in secrets if word in everything] == []


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
