"""The leaderboard beside running votes: how soon it is new, and how fast its page is.

First: a vote is sent through the API; the time ends when a page that is open has been told by its
socket and has fetched its standings anew, and again when its figures are of that leaderboard
and a plot is drawn. Then: the whole page is asked for 50 times a second, whether or not the answers
come, while votes are cast one after the other. Imported votes lie below all of it. With web server,
worker and Redis as in `make run`; the client is on the same cores.

    python -m benchmarks.leaderboard [--votes 20] [--imported 100000] [--seconds 20]
"""

import argparse
import asyncio
import html
import io
import json
import random
import re
import tempfile
import time

import aiohttp

from benchmarks.running import percentile, rater, running_arena

PACE_S = 1.5  # of static/js/leaderboard.js
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
            delays, figure_delays = [], []
            renewed = -PACE_S
            for number in range(1, options.votes + 1):
                battle = await _battle(person, arena.base)
                begun = time.perf_counter()
                await _vote(person, arena.base, battle)
                digest = await _shown(person, arena.base, page, options.imported + number)
                delays.append(time.perf_counter() - begun)
                renewed = await _drawn(person, arena.base, digest, renewed)
                figure_delays.append(renewed - begun)
        times, votes = await _load(person, arena.base, options.seconds)
    print("Seconds from a vote to the new leaderboard on an open page.")
    print("votes                 p50     worst")
    for name, found in (("standings", delays), ("plots", figure_delays)):
        print(f"{options.votes:5d}  {name:10}  {percentile(found, 50):5.2f}  {max(found):8.2f}")
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
) -> str:
    """Wait until the standings that the page fetches when told rest on this many votes.

    Returns the digest of their leaderboard.
    """
    async with asyncio.timeout(ANSWER_TIMEOUT_S):
        while True:
            text = await _part(person, base, "standings")
            if re.search(rf"\b{votes:,} vote", text):
                return _digest(text)
            await page.receive()


async def _drawn(person: aiohttp.ClientSession, base: str, digest: str, renewed: float) -> float:
    """Wait as the page does until its figures are of that leaderboard and its first plot is drawn.

    Returns when.
    """
    async with asyncio.timeout(ANSWER_TIMEOUT_S):
        while True:
            await asyncio.sleep(max(0.0, renewed + PACE_S - time.perf_counter()))
            renewed = time.perf_counter()
            text = await _part(person, base, "figures")
            if _digest(text) == digest:
                address = re.search(r'<img [^>]*src="([^"]+)"', text)
                assert address, "the figures have no plot"
                async with person.get(base + html.unescape(address[1])) as answer:
                    answer.raise_for_status()
                    await answer.read()
                return time.perf_counter()


async def _part(person: aiohttp.ClientSession, base: str, part: str) -> str:
    headers = {"HX-Request": "true", "HX-Target": part}
    async with person.get(f"{base}/leaderboard/", headers=headers) as answer:
        return await answer.text()


def _digest(part: str) -> str:
    found = re.search(r'data-of="(\w+)"', part)
    assert found, "the part does not say of which leaderboard it is"
    return found[1]


if __name__ == "__main__":
    main()
