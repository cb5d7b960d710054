"""The leaderboard beside running votes: how soon it is new, and how fast its page is.

First: a vote is sent through the API; the time ends when a page that is open has been told by its
socket and has fetched its standings anew. Then: the whole page is asked for 50 times a second,
whether or not the answers come, while votes are cast one after the other. Imported votes lie below
all of it. With web server, worker and Redis as in `make run`; the client is on the same cores.

    python -m benchmarks.leaderboard [--votes 20] [--imported 100000] [--seconds 20]
"""

import argparse
import asyncio
import io
import json
import random
import re
import tempfile
import time

import aiohttp

from benchmarks.running import percentile, rater, running_arena

HEADERS = {"HX-Request": "true", "HX-Target": "standings"}
ANSWER_TIMEOUT_S = 30.0
RATE = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--votes", type=int, default=20)
    parser.add_argument("--imported", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=20)
    asyncio.run(measure(parser.parse_args()))


async def measure(options: argparse.Namespace) -> None:
    async with (
        running_arena(tokens=1, worker=True) as arena,
        rater(arena.base) as person,
    ):
        await asyncio.to_thread(_import, options.imported)
        async with person.ws_connect(f"{arena.base}/ws/leaderboard/") as page:
            await _shown(person, arena.base, page, options.imported)
            delays = []
            for number in range(1, options.votes + 1):
                battle = await _battle(person, arena.base)
                begun = time.perf_counter()
                await _vote(person, arena.base, battle)
                await _shown(person, arena.base, page, options.imported + number)
                delays.append(time.perf_counter() - begun)
        times, votes = await _load(person, arena.base, options.seconds)
    print("Seconds from a vote to the new standings on an open page.")
    print("votes       p50     worst")
    print(f"{options.votes:5d}  {percentile(delays, 50):8.2f}  {max(delays):8.2f}")
    print(f"Milliseconds of the whole page at {RATE} requests a second, beside running votes.")
    print("requests  votes cast       p50       p95     worst")
    figures = [1000 * percentile(times, p) for p in (50, 95)] + [1000 * max(times)]
    print(f"{len(times):8d}  {votes:10d}  " + "  ".join(f"{value:8.1f}" for value in figures))


def _import(votes: int) -> None:
    """Votes among 20 contenders whose strengths are evenly spread."""
    from django.core.management import call_command

    dice = random.Random(1)
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("model_a,model_b,winner\n")
        for _ in range(votes):
            a, b = dice.sample(range(20), 2)
            winner = "model_a" if dice.random() < 1 / (1 + 10 ** ((b - a) / 20)) else "model_b"
            file.write(f"model-{a},model-{b},{winner}\n")
        file.flush()
        call_command("import_votes", file.name, format="csv", stdout=io.StringIO())


async def _load(person: aiohttp.ClientSession, base: str, seconds: int) -> tuple[list[float], int]:
    """Seconds of each page, and how many votes were cast meanwhile."""
    times: list[float] = []

    async def ask() -> None:
        begun = time.perf_counter()
        async with person.get(f"{base}/leaderboard/") as answer:
            answer.raise_for_status()
            await answer.read()
        times.append(time.perf_counter() - begun)

    votes = 0

    async def keep_voting() -> None:
        nonlocal votes
        while True:
            await _vote(person, base, await _battle(person, base))
            votes += 1

    voting = asyncio.create_task(keep_voting())
    begun = time.perf_counter()
    async with asyncio.TaskGroup() as asking:
        for number in range(RATE * seconds):
            await asyncio.sleep(max(0.0, begun + number / RATE - time.perf_counter()))
            asking.create_task(ask())
    voting.cancel()
    await asyncio.gather(voting, return_exceptions=True)
    return times, votes


async def _battle(person: aiohttp.ClientSession, base: str) -> str:
    async with person.post(f"{base}/api/v1/battles", json={"prompt": "Hi", "size": 2}) as answer:
        battle = await answer.json()
    async with person.ws_connect(base + battle["socket"]) as socket:
        finished = 0
        async for message in socket:
            event = json.loads(message.data)
            finished += event["event"] == "done"
            if event["event"] == "state":
                responses = event["battle"]["turns"][0]["responses"]
                finished = sum(response["state"] == "done" for response in responses)
            if finished == 2:
                break
    return str(battle["id"])


async def _vote(person: aiohttp.ClientSession, base: str, battle: str) -> None:
    body = {"ranks": [1, 2]}
    async with person.post(f"{base}/api/v1/battles/{battle}/vote", json=body) as answer:
        answer.raise_for_status()


async def _shown(
    person: aiohttp.ClientSession, base: str, page: aiohttp.ClientWebSocketResponse, votes: int
) -> None:
    """Wait until the standings that the page fetches when told rest on this many votes."""
    async with asyncio.timeout(ANSWER_TIMEOUT_S):
        while True:
            async with person.get(f"{base}/leaderboard/", headers=HEADERS) as answer:
                text = await answer.text()
            if re.search(rf"\b{votes:,} vote", text):
                return
            await page.receive()


if __name__ == "__main__":
    main()
