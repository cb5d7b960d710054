"""A rater's client for the tests of pages. Contenders don't write here: texts are put in."""

from collections.abc import Sequence
from html import unescape
from typing import Any
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from arena import generation, selectors, services
from arena.models import Battle, Contender, Response
from arena.rendering import render

NAMES = ["Amber Heron", "Basalt Otter", "Cobalt Wren"]
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """The battles whose writing was started or stopped; nothing is written."""
    calls: list[UUID] = []

    def seen(battle: Battle) -> selectors.BattleState:
        state = selectors.battle_state(battle)
        for response in state.responses:
            response.html = render(response.text)
        return state

    async def look(battle: Battle, *, html: bool = False) -> selectors.BattleState:
        return await sync_to_async(seen)(battle)

    async def stop(battle_id: UUID) -> None:
        calls.append(battle_id)

    monkeypatch.setattr(generation, "start", lambda battle_id, **_: calls.append(battle_id))
    monkeypatch.setattr(generation, "stop", stop)
    monkeypatch.setattr(generation, "look", look)
    return calls


@pytest.fixture(autouse=True)
def contenders(db: None) -> list[Contender]:
    return [
        services.register_contender(
            name=name, model=name.lower(), backend="openai", base_url="http://127.0.0.1:9/v1"
        )
        for name in NAMES
    ]


def begin(
    client: Client, *, size: int = 2, prompt: str = "Why is the sky blue?", **more: Any
) -> Battle:
    answer = client.post(reverse("home"), {"prompt": prompt, "size": size, **more})
    assert answer.status_code == 303, answer.content.decode()
    return Battle.objects.get(pk=answer["Location"].rstrip("/").rsplit("/", 1)[-1])


def finish(battle: Battle, texts: Sequence[str] = ("one", "two", "three")) -> None:
    for response in Response.objects.filter(turn__battle=battle, superseded=False):
        response.text = texts[response.placement.position]
        response.state = Response.State.DONE if response.text else Response.State.ERROR
        response.error = "" if response.text else "It did not answer."
        response.save()


def page(answer: HttpResponse) -> str:
    return unescape(answer.content.decode())


def ranks(battle: Battle) -> list[int | None]:
    return list(battle.placements.order_by("position").values_list("rank", flat=True))


def vote(client: Client, battle: Battle, verdict: str, **data: Any) -> HttpResponse:
    return client.post(reverse("vote", args=[battle.pk]), {"verdict": verdict, **data})


def voted(client: Client, verdict: str = "a", **more: Any) -> Battle:
    """A battle that this rater has voted on."""
    battle = begin(client, **more)
    finish(battle)
    assert vote(client, battle, verdict).status_code == 303
    battle.refresh_from_db()
    return battle
