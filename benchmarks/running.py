"""A running arena for benchmarks: Redis, web servers, Celery worker, a scripted endpoint."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 120.0
WEB = ["uvicorn", "config.asgi:application", "--no-access-log", "--log-level", "warning"]
WEB += ["--timeout-worker-healthcheck", "30"]
WORKER = ["celery", "-q", "-A", "config", "worker", "--without-gossip", "-Q"]


@dataclass(frozen=True)
class Running:
    """Where the arena and the endpoint of its two contenders answer, and their processes."""

    base: str
    endpoint: str
    pids: dict[str, list[int]]


@asynccontextmanager
async def running_arena(
    *,
    tokens: int,
    rate: int = 20,
    after_ms: int = 0,
    worker: bool = False,
    webs: int = 1,
    queues: str = "default",
) -> AsyncIterator[Running]:
    """Two contenders that stream `tokens` numbered words, in a temporary ARENA_HOME.

    They write `rate` a second, the first one `after_ms` after they were asked.
    """
    from config import redis_server

    async with AsyncExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        os.environ["ARENA_HOME"] = home
        os.environ["ARENA_LOG_LEVEL"] = "WARNING"
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        redis = redis_server.start(Path(home))
        stack.callback(_stop, redis)
        os.environ["REDIS_URL"] = redis_server.url(Path(home))
        model, port = _free_ports(2)
        endpoint = f"http://127.0.0.1:{model}/v1"
        serving = _start(["benchmarks.token_server", str(model)])
        stack.callback(_stop, serving)
        await asyncio.to_thread(_prepare, endpoint, model_name(tokens, rate, after_ms))
        web = _start([*WEB, "--port", str(port), "--workers", str(webs)])
        stack.callback(_stop, web)
        if worker:
            stack.callback(_stop, _start([*WORKER, queues]))
        base = f"http://127.0.0.1:{port}"
        await _until_it_serves(base)
        # Beside those that serve, several have one that helps them to share.
        pages = [web.pid] if webs == 1 else [one.pid for one in _serving(web.pid)]
        yield Running(
            base, endpoint, {"web": pages, "model server": [serving.pid], "Redis": [redis.pid]}
        )


def model_name(tokens: int, rate: int, after_ms: int = 0) -> str:
    """What a model of `benchmarks.token_server` is called that writes so."""
    return f"{tokens}-at-{rate}" + (f"-after-{after_ms}" if after_ms else "")


@asynccontextmanager
async def rater(base: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A browser that has loaded a page."""
    # uvicorn closes connections that were idle for five seconds.
    connector = aiohttp.TCPConnector(keepalive_timeout=2)
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar, connector=connector) as session:
        async with session.get(f"{base}/login/") as page:
            found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', await page.text())
        if found is None:
            raise RuntimeError("The sign-in page has no CSRF token.")
        session.headers["X-CSRFToken"] = found.group(1)
        yield session


def percentile(values: list[float], percent: int) -> float:
    """The value below which `percent` of them lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def _prepare(url: str, model: str) -> None:
    """A database with two contenders at the endpoint."""
    import django
    from django.core.management import call_command

    django.setup()
    from arena.models import Contender

    call_command("migrate", verbosity=0)
    for name in ("one", "two"):
        Contender.objects.create(slug=name, name=name, backend="openai", base_url=url, model=model)


def _serving(parent: int) -> list[psutil.Process]:
    children = psutil.Process(parent).children()
    return [one for one in children if "spawn_main" in " ".join(one.cmdline())]


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def _start(module: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", *module], cwd=ROOT)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=20)


async def _until_it_serves(base: str) -> None:
    async with asyncio.timeout(START_TIMEOUT_S), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"{base}/login/") as answer:
                    answer.raise_for_status()
                    return
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.1)
