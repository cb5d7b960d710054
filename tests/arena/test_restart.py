"""The web process is killed in mid-stream, and another one takes its place."""

import asyncio
import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis

from tests.openai_server import OpenAIServer

ROOT = Path(__file__).resolve().parents[2]
CONTENDERS = """
import sys
from arena.models import Contender
for model in ("slow", "echo"):
    Contender.objects.create(
        slug=model, name=model, backend="openai", base_url=sys.argv[-1], model=model
    )
"""
pytestmark = pytest.mark.slow


@pytest.fixture
def environment(tmp_path: Path, redis: str) -> dict[str, str]:
    return os.environ | {
        "ARENA_HOME": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'arena.sqlite3'}",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "REDIS_URL": redis,
    }


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    return int(number)


@pytest.fixture
async def endpoint() -> AsyncIterator[OpenAIServer]:
    server = OpenAIServer()
    await server.start()
    yield server
    await server.stop()


async def test_a_battle_opens_with_what_had_come_and_offers_to_retry(
    environment: dict[str, str], port: int, endpoint: OpenAIServer
) -> None:
    await asyncio.to_thread(prepare, environment, endpoint.url)
    base = f"http://127.0.0.1:{port}"
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(base, cookie_jar=jar) as rater:
        async with web(environment, port, rater) as process:
            await sign_in(rater)
            body = {"prompt": "Say it"}
            battle = await answer(rater, "POST", "/api/v1/battles", json=body)
            address = f"/api/v1/battles/{battle['id']}"
            await until(rater, address, lambda said: sorted(said) == ["Say it ", "first"])
            await until_kept(environment["REDIS_URL"], b"first")
            process.kill()
            await asyncio.to_thread(process.wait)
        async with web(environment, port, rater):
            page = await until_ended(rater, address)
            slow = next(one for one in page if one["state"] == "error")
            assert slow["text"] == "first"
            assert "interrupted" in slow["error"]
            async with rater.get(f"/battles/{battle['id']}/") as html:
                assert f"Retry {slow['position']}" in await html.text()
            endpoint.go_on()
            again = {"position": slow["position"]}
            await answer(rater, "POST", f"{address}/turns/1/regenerate", json=again)
            page = await until_ended(rater, address)
            assert sorted(one["text"] for one in page) == ["Say it ", "first second third"]
            vote = await answer(rater, "POST", f"{address}/vote", json={"ranks": [1, 2]})
            assert vote["vote"]["counted"]


def prepare(environment: dict[str, str], url: str) -> None:
    manage = [sys.executable, "manage.py"]
    run = {"cwd": ROOT, "env": environment, "check": True, "capture_output": True}
    subprocess.run([*manage, "migrate", "-v0"], **run)  # type: ignore[call-overload]
    code = f"import sys; sys.argv.append({url!r})\n{CONTENDERS}"
    subprocess.run([*manage, "shell", "-c", code], **run)  # type: ignore[call-overload]


@asynccontextmanager
async def web(
    environment: dict[str, str], port: int, rater: aiohttp.ClientSession
) -> AsyncIterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port)]
    process = subprocess.Popen(  # noqa: ASYNC220
        [*command, "--log-level", "warning"], cwd=ROOT, env=environment, stderr=subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(60):
            while True:
                try:
                    async with rater.get("/login/"):
                        break
                except aiohttp.ClientError:
                    await asyncio.sleep(0.1)
        yield process
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)


async def sign_in(rater: aiohttp.ClientSession) -> None:
    async with rater.get("/login/") as page:
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', await page.text())
    assert found is not None
    rater.headers["X-CSRFToken"] = found.group(1)


async def answer(rater: aiohttp.ClientSession, method: str, path: str, **more: Any) -> Any:
    async with rater.request(method, path, **more) as said:
        assert said.status < 300, await said.text()
        return await said.json()


async def until(rater: aiohttp.ClientSession, address: str, fits: Any) -> None:
    async with asyncio.timeout(30):
        while not fits([one["text"] for one in await responses(rater, address)]):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def until_kept(url: str, text: bytes) -> None:
    async with Redis.from_url(url) as redis, asyncio.timeout(30):
        while True:
            keys = [key async for key in redis.scan_iter("arena:text:*")]
            if any([await redis.get(key) == text for key in keys]):
                return
            await asyncio.sleep(0.05)


async def until_ended(rater: aiohttp.ClientSession, address: str) -> list[dict[str, Any]]:
    async with asyncio.timeout(30):
        while True:
            page = await responses(rater, address)
            if not {one["state"] for one in page} & {"pending", "streaming"}:
                return page
            await asyncio.sleep(0.2)


async def responses(rater: aiohttp.ClientSession, address: str) -> list[dict[str, Any]]:
    battle = await answer(rater, "GET", address)
    found: list[dict[str, Any]] = battle["turns"][-1]["responses"]
    return found
