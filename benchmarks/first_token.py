"""The first-token time that the arena adds over the model server itself.

A scripted endpoint streams 20 tokens a second from the moment it is asked, so its own
first-token time is next to nothing; what a rater's socket waits beyond what a plain client of
that endpoint waits is the arena's. Starts its own Redis and uvicorn in a temporary ARENA_HOME.

    python -m benchmarks.first_token [--battles 1 20] [--rounds 20]
"""

import argparse
import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp

ROOT = Path(__file__).resolve().parent.parent
TOKENS = 20
START_TIMEOUT_S = 120.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--battles", type=int, nargs="+", default=[1, 20])
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        os.environ["ARENA_HOME"] = home
        os.environ["ARENA_LOG_LEVEL"] = "WARNING"
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        sys.path.insert(0, str(ROOT))
        asyncio.run(measure(Path(home), options.battles, options.rounds))


async def measure(home: Path, sizes: list[int], rounds: int) -> None:
    from config import redis_server
    from tests.openai_server import OpenAIServer

    redis = redis_server.start(home)
    os.environ["REDIS_URL"] = redis_server.url(home)
    endpoint = OpenAIServer()
    await endpoint.start()
    port = await asyncio.to_thread(_prepare, endpoint.url)
    web = _serve(port)
    try:
        base = f"http://127.0.0.1:{port}"
        async with aiohttp.ClientSession() as session:
            await _until_it_serves(session, base)
            print("Milliseconds to the first token.")
            print("battles  rounds  plain p50   arena p50   arena p99   added p50   added p99")
            for size in sizes:
                await _battles(base, size)  # warm
                await _report(session, base, endpoint.url, size, rounds)
    finally:
        web.send_signal(signal.SIGTERM)
        web.wait(timeout=10)
        await endpoint.stop()
        redis.terminate()
        redis.wait(timeout=10)


def _prepare(url: str) -> int:
    """A database with two contenders at the endpoint; returns a free port."""
    import socket

    import django
    from django.core.management import call_command

    django.setup()
    from arena.models import Contender

    call_command("migrate", verbosity=0)
    for name in ("one", "two"):
        Contender.objects.create(
            slug=name, name=name, backend="openai", base_url=url, model="pace", max_tokens=TOKENS
        )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _serve(port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--no-access-log"]
    return subprocess.Popen([*command, "--log-level", "warning", "--port", str(port)], cwd=ROOT)


async def _until_it_serves(session: aiohttp.ClientSession, base: str) -> None:
    async with asyncio.timeout(START_TIMEOUT_S):
        while True:
            try:
                async with session.get(f"{base}/login/") as answer:
                    answer.raise_for_status()
                    return
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.1)


async def _report(
    session: aiohttp.ClientSession, base: str, endpoint: str, size: int, rounds: int
) -> None:
    plain: list[float] = []
    arena: list[float] = []
    for _ in range(rounds):
        # As many streams at once as the battles have: two contenders each.
        plain += await asyncio.gather(*[_plain(session, endpoint) for _ in range(2 * size)])
        arena += await _battles(base, size)
    added = [value - _percentile(plain, 50) for value in arena]
    figures = [
        _percentile(plain, 50),
        *[_percentile(arena, p) for p in (50, 99)],
        *[_percentile(added, p) for p in (50, 99)],
    ]
    print(f"{size:7d}  {rounds:6d}  " + "   ".join(f"{1000 * value:9.1f}" for value in figures))


async def _plain(session: aiohttp.ClientSession, endpoint: str) -> float:
    """Seconds from the request to the first content at the endpoint itself."""
    begun = time.perf_counter()
    body = {"model": "pace", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": TOKENS}
    first = 0.0
    async with session.post(f"{endpoint}/chat/completions", json=body | {"stream": True}) as answer:
        async for line in answer.content:
            if not first and b'"content"' in line:
                first = time.perf_counter() - begun
    return first


async def _battles(base: str, size: int) -> list[float]:
    """Seconds to the first text of each response, of battles that start all at once."""
    async with AsyncExitStack() as stack:
        raters = [await stack.enter_async_context(_rater(base)) for _ in range(size)]
        times = await asyncio.gather(*[_battle(rater, base) for rater in raters])
    return [value for pair in times for value in pair]


@asynccontextmanager
async def _rater(base: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A browser that has loaded a page."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as rater:
        async with rater.get(f"{base}/login/") as page:
            found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', await page.text())
        if found is None:
            raise RuntimeError("The sign-in page has no CSRF token.")
        rater.headers["X-CSRFToken"] = found.group(1)
        yield rater


async def _battle(rater: aiohttp.ClientSession, base: str) -> list[float]:
    """Seconds from the request that starts a battle to each response's first text."""
    begun = time.perf_counter()
    body = {"prompt": "Hi", "simulated": True}
    async with rater.post(f"{base}/api/v1/battles", json=body) as answer:
        battle = await answer.json()
    first: dict[str, float] = {}
    finished = 0
    async with rater.ws_connect(base + battle["socket"]) as socket:
        async for message in socket:
            now = time.perf_counter() - begun
            for position, text, ended in _heard(json.loads(message.data)):
                if text:
                    first.setdefault(position, now)
                finished += ended
            if finished == 2:
                break
    return list(first.values())


def _heard(event: dict) -> list[tuple[str, str, bool]]:  # type: ignore[type-arg]
    """(position, text, ended) of each response that an event speaks of."""
    if event["event"] == "state":
        responses = event["battle"]["turns"][0]["responses"]
        return [(r["position"], r["text"], r["state"] == "done") for r in responses]
    if event["event"] == "delta":
        return [(event["position"], event["text"], False)]
    if event["event"] == "done":
        return [(event["position"], "", True)]
    if event["event"] == "error":
        raise RuntimeError(f"A response failed: {event['error']}")
    return []


def _percentile(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


if __name__ == "__main__":
    main()
