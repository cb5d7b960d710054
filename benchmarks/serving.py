"""The model server alone: first token and tokens per second, for one and four streams.

`python -m benchmarks.serving` serves SmolLM2-135M twice, as two models with weights of their own.
Each measurement is repeated and its median reported; prompts differ, so that none is remembered.
"""

import asyncio
import itertools
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from rlhf.serving import weights

ROOT = Path(__file__).resolve().parent.parent
ONE, TWO = weights.NAME, "second"
TOKENS = 48
REPEATS = 5
SYSTEM = "You are a helpful assistant. Answer in two or three plain sentences."
QUESTIONS = (
    "Why is the sky blue?",
    "What should I cook tonight with rice and eggs?",
    "How do I write a letter of thanks to a neighbour?",
    "What is the difference between a lake and a sea?",
)
numbers = itertools.count(1)


@dataclass(frozen=True)
class Stream:
    first: float  # seconds to the first text
    whole: float
    tokens: int


def main() -> None:
    home = Path(os.environ.get("ARENA_HOME") or ROOT / "var").resolve()
    folder = weights.prepare(home / "models" / weights.NAME)
    with tempfile.TemporaryDirectory(prefix="arena-bench-") as name:
        models = Path(name) / "models"
        models.mkdir()
        for model in (ONE, TWO):
            (models / model).symlink_to(folder)
        asyncio.run(measure(Path(name)))


async def measure(home: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "rlhf.serving", "--home", str(home), "--port", str(port)]
    began = time.perf_counter()
    server = subprocess.Popen(  # noqa: ASYNC220 - there is nothing else for the loop to do yet
        [*command, "--default-model", ONE], stderr=subprocess.DEVNULL
    )
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
            await ready(http, server)
            print(f"{'start to loaded':<28}{time.perf_counter() - began:6.1f} s")
            await stream(http, TWO)  # loads it
            print(f"{'':<28}{'first, median':>15}{'first, worst':>15}{'tokens/s':>10}")
            for label, models in (
                ("1 stream", [ONE]),
                ("4 streams, one model", [ONE] * 4),
                ("4 streams, two models", [ONE, TWO] * 2),
                ("8 streams, one model", [ONE] * 8),
            ):
                await report(http, label, models)
            memory = psutil.Process(server.pid).memory_info().rss
            print(f"{'memory, two models':<28}{memory / 2**20:6.0f} MB")
    finally:
        server.terminate()
        server.wait(timeout=30)


async def ready(http: aiohttp.ClientSession, server: "subprocess.Popen[bytes]") -> None:
    while server.poll() is None:
        try:
            async with http.get("/health") as health:
                if health.status == 200:
                    return
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.1)
    sys.exit(f"The model server ended with code {server.returncode}.")


async def report(http: aiohttp.ClientSession, label: str, models: Sequence[str]) -> None:
    firsts: list[float] = []
    rates: list[float] = []
    for _ in range(REPEATS):
        streams = await asyncio.gather(*(stream(http, model) for model in models))
        firsts += [one.first for one in streams]
        rates.append(sum(one.tokens for one in streams) / max(one.whole for one in streams))
    print(
        f"{label:<28}{statistics.median(firsts):13.2f} s{max(firsts):13.2f} s"
        f"{statistics.median(rates):10.1f}",
        flush=True,
    )


async def stream(http: aiohttp.ClientSession, model: str) -> Stream:
    number = next(numbers)
    messages = [
        # The number comes first, so that no beginning is shared with an earlier request.
        {"role": "system", "content": f"Conversation {number}. {SYSTEM}"},
        {"role": "user", "content": QUESTIONS[number % len(QUESTIONS)]},
    ]
    body = {
        "model": model, "messages": messages, "temperature": 0.7, "top_p": 0.9,
        "max_tokens": TOKENS, "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip
    began = time.perf_counter()
    first: float | None = None
    tokens = 0
    async with http.post("/v1/chat/completions", json=body) as response:
        response.raise_for_status()
        async for line in response.content:
            if not line.startswith(b"data: {"):
                continue
            chunk: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
            if chunk.get("usage"):
                tokens = chunk["usage"]["completion_tokens"]
            elif first is None and chunk["choices"][0]["delta"].get("content"):
                first = time.perf_counter() - began
    whole = time.perf_counter() - began
    return Stream(whole if first is None else first, whole, tokens)


if __name__ == "__main__":
    main()
