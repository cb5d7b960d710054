"""A small arena whose contenders answer from a scripted local endpoint."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.db import connections
from django.test import AsyncClient

from arena import generation
from arena.models import Contender
from tests.openai_server import OpenAIServer
from tests.sockets import TestSocket


class Page:
    """A socket as the browser has it: it applies the events to what it shows."""

    def __init__(self, socket: TestSocket) -> None:
        self.socket = socket
        self.events: list[dict[str, Any]] = []
        self.texts: dict[tuple[int, str], str] = {}
        self.states: dict[tuple[int, str], str] = {}
        self.errors: dict[tuple[int, str], str] = {}

    async def next(self, within: float = 5) -> dict[str, Any]:
        event: dict[str, Any] = await self.socket.receive(within)
        assert event is not None, f"closed with {self.socket.close_code}"
        self.events.append(event)
        self._apply(event)
        return event

    async def until(self, kind: str, within: float = 5) -> dict[str, Any]:
        while True:
            event = await self.next(within)
            if event["event"] == kind:
                return event

    async def until_finished(self, within: float = 5) -> None:
        while not self.states or set(self.states.values()) & {"pending", "streaming"}:
            await self.next(within)

    async def silent(self) -> bool:
        return await self.socket.silent()

    async def close(self) -> None:
        await self.socket.disconnect()

    def _apply(self, event: dict[str, Any]) -> None:
        match event:
            case {"event": "state", "battle": battle}:
                for turn in battle["turns"]:
                    self._take(turn["turn"], turn["responses"])
            case {"event": "started", "turn": number, "responses": responses}:
                self._take(number, responses)
            case {"event": "delta", "turn": number, "position": position, "text": text}:
                self.states[number, position] = "streaming"
                self.texts[number, position] = self.texts.get((number, position), "") + text
            case {"event": "done", "turn": number, "position": position, "state": state}:
                self.states[number, position] = state
            case {"event": "error", "turn": number, "position": position, "error": error}:
                self.states[number, position] = "error"
                self.errors[number, position] = error

    def _take(self, number: int, responses: list[dict[str, Any]]) -> None:
        for response in responses:
            key = number, response["position"]
            self.states[key] = response["state"]
            self.texts[key] = response.get("text", "")
            self.errors[key] = response.get("error") or ""


class Arena:
    """Drives the arena as a browser does: through its addresses and sockets."""

    def __init__(self, server: OpenAIServer) -> None:
        self.server = server
        self.client = AsyncClient()
        self._pages: list[Page] = []

    async def add(self, *models: str, **fields: Any) -> None:
        """Contenders for models of the scripted endpoint; slugs are the models' names."""
        for model in models:
            await sync_to_async(Contender.objects.create)(
                **{
                    "slug": model,
                    "name": f"Name of {model}",
                    "backend": "openai",
                    "base_url": self.server.url,
                    "model": model,
                    **fields,
                }
            )

    async def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return await self.client.post(
            f"/api/v1/{path}", body, content_type="application/json", **more
        )

    async def get(self, path: str, **more: Any) -> Any:
        return await self.client.get(f"/api/v1/{path}", **more)

    async def start(self, *models: str, prompt: str = "Say it", **body: Any) -> dict[str, Any]:
        """A battle between these models: named and in this order, or blind with `mode`."""
        await self.add(*models)
        chosen = {"mode": "side_by_side", "contenders": list(models)}
        answer = await self.post("battles", {"prompt": prompt} | (body or chosen))
        assert answer.status_code == 201, answer.content
        battle: dict[str, Any] = answer.json()
        return battle

    async def page(self, battle_id: str, **more: Any) -> Page:
        page = Page(self.socket(battle_id, **more))
        assert await page.socket.connect()
        self._pages.append(page)
        return page

    def socket(self, battle_id: str, *, headers: Any = (), client: Any = None) -> TestSocket:
        cookies = (client or self.client).cookies
        cookie = "; ".join(f"{key}={morsel.value}" for key, morsel in cookies.items())
        return TestSocket(
            f"/ws/battles/{battle_id}/", headers=[(b"cookie", cookie.encode()), *headers]
        )

    async def finished(self, battle_id: str) -> Page:
        """Waits until every response of the battle has ended."""
        page = await self.page(battle_id)
        await page.until_finished()
        return page

    async def battle(self, battle_id: str) -> dict[str, Any]:
        answer = await self.get(f"battles/{battle_id}")
        assert answer.status_code == 200, answer.content
        battle: dict[str, Any] = answer.json()
        return battle

    async def close(self) -> None:
        for page in self._pages:
            await page.close()


@pytest.fixture
async def server() -> AsyncIterator[OpenAIServer]:
    endpoint = OpenAIServer()
    await endpoint.start()
    yield endpoint
    await endpoint.stop()


@pytest.fixture
async def arena(transactional_db: None, server: OpenAIServer) -> AsyncIterator[Arena]:
    world = Arena(server)
    yield world
    await world.close()
    await generation.close()
    await get_channel_layer().flush()
    await sync_to_async(connections.close_all)()
