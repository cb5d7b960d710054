"""The first-token time that the arena adds over the model server itself.

A scripted endpoint streams 20 tokens a second from the moment it is asked, so its own
first-token time is next to nothing; what a rater's socket waits beyond what a plain client of
that endpoint waits is the arena's. Starts its own Redis and uvicorn in a temporary ARENA_HOME.

    python -m benchmarks.first_token [--battles 1 20] [--rounds 20]
"""

import argparse
import asyncio
import json
import time
from contextlib import AsyncExitStack

import aiohttp

from benchmarks.running import Running, percentile, rater, running_arena

TOKENS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--battles", type=int, nargs="+", default=[1, 20])
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    asyncio.run(measure(options.battles, options.rounds))


async def measure(sizes: list[int], rounds: int) -> None:
    async with running_arena(tokens=TOKENS) as arena, aiohttp.ClientSession() as session:
        print("Milliseconds to the first token.")
        print("battles  rounds  plain p50   arena p50   arena p99   added p50   added p99")
        for size in sizes:
            await _battles(arena.base, size)  # warm
            await _report(session, arena, size, rounds)


async def _report(session: aiohttp.ClientSession, at: Running, size: int, rounds: int) -> None:
    plain: list[float] = []
    arena: list[float] = []
    for _ in range(rounds):
        # As many streams at once as the battles have: two contenders each.
        plain += await asyncio.gather(*[_plain(session, at.endpoint) for _ in range(2 * size)])
        arena += await _battles(at.base, size)
    added = [value - percentile(plain, 50) for value in arena]
    figures = [
        percentile(plain, 50),
        *[percentile(arena, p) for p in (50, 99)],
        *[percentile(added, p) for p in (50, 99)],
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
        people = [await stack.enter_async_context(rater(base)) for _ in range(size)]
        times = await asyncio.gather(*[_battle(person, base) for person in people])
    return [value for pair in times for value in pair]


async def _battle(person: aiohttp.ClientSession, base: str) -> list[float]:
    """Seconds from the request that starts a battle to each response's first text."""
    begun = time.perf_counter()
    body = {"prompt": "Hi", "simulated": True}
    async with person.post(f"{base}/api/v1/battles", json=body) as answer:
        battle = await answer.json()
    first: dict[str, float] = {}
    finished = 0
    async with person.ws_connect(base + battle["socket"]) as socket:
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


if __name__ == "__main__":
    main()
