"""From a vote to the open leaderboard: how long until a page has the new standings.

A vote is sent through the API; the time ends when a page that is open has been told by its socket
and has fetched its standings anew. With web server, Celery worker and Redis as in `make run`.

    python -m benchmarks.leaderboard [--votes 20]
"""

import argparse
import asyncio
import json
import time

import aiohttp

from benchmarks.running import percentile, rater, running_arena

HEADERS = {"HX-Request": "true", "HX-Target": "standings"}
ANSWER_TIMEOUT_S = 30.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--votes", type=int, default=20)
    asyncio.run(measure(parser.parse_args().votes))


async def measure(votes: int) -> None:
    async with (
        running_arena(tokens=1, worker=True) as arena,
        rater(arena.base) as person,
        person.ws_connect(f"{arena.base}/ws/leaderboard/") as page,
    ):
        await page.receive()
        delays = []
        for number in range(1, votes + 1):
            battle = await _battle(person, arena.base)
            begun = time.perf_counter()
            await _vote(person, arena.base, battle)
            await _shown(person, arena.base, page, number)
            delays.append(time.perf_counter() - begun)
    print("Seconds from a vote to the new standings on an open page.")
    print("votes       p50     worst")
    print(f"{votes:5d}  {percentile(delays, 50):8.2f}  {max(delays):8.2f}")


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
            if f"{votes} vote{'s' * (votes != 1)} ·" in text:
                return
            await page.receive()


if __name__ == "__main__":
    main()
