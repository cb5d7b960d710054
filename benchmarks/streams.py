"""Streaming: the first token's delay, many battles at once, and votes.

Starts its own Redis, web processes and model server (`benchmarks.token_server`); the raters are
this process. All share the machine, so the CPU time of each is stated.

    python -m benchmarks.streams [first] [many] [votes] [--battles 500] [--webs 1]
"""

import argparse
import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from benchmarks.running import Running, model_name, percentile, rater, running_arena

TICKS = os.sysconf("SC_CLK_TCK")
TOKENS, RATE = 100, 50
BODY = {"prompt": "Why is the sky blue, and what makes the evening red?"}
VOTES_AT_ONCE = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["first", "many", "votes"])
    parser.add_argument("--battles", type=int, default=500)
    parser.add_argument("--webs", type=int, default=1)
    parser.add_argument(
        "--apart",
        action="store_true",
        help="many: each socket on a connection of its own, which as a browser's may end at "
        "another web process than the one that writes",
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tokens", type=int, default=600, help="of each response, of many")
    parser.add_argument("--within", type=float, default=20.0, help="seconds in which many begin")
    parser.add_argument("--after", type=int, default=0, help="ms before a contender's first token")
    options = parser.parse_args()
    later = [part for part in options.parts if part != "first"]
    if "first" in options.parts and later:
        # A process has one arena: Django's settings keep the first one's home.
        rest = [argument for argument in sys.argv[1:] if argument not in options.parts]
        for parts in (["first"], ["first", "--after", str(1000 // RATE)], later):
            command = [sys.executable, "-m", "benchmarks.streams", *parts, *rest]
            subprocess.run(command, check=True)
    elif "first" in options.parts:
        asyncio.run(first_tokens(options.webs, options.rounds, options.after))
    else:
        asyncio.run(many(options, votes="votes" in options.parts))


# --- the first token ---


async def first_tokens(webs: int, rounds: int, after_ms: int) -> None:
    async with running_arena(tokens=TOKENS, rate=RATE, after_ms=after_ms, webs=webs) as arena:
        async with aiohttp.ClientSession() as session:
            model = model_name(1, RATE, after_ms)
            plain = [await _plain(session, arena.endpoint, model) for _ in range(50)]
        print(
            f"First token, {webs} web process(es), {TOKENS} tokens of {RATE} a second, "
            f"the first after {after_ms} ms; ms."
        )
        print(f"plain client of the model server: p50 {1000 * percentile(plain, 50):.1f}")
        print("battles  within   rounds   added p50   added p99")
        await _round(arena, 5, 0.0)  # warm
        for battles, within in ((1, 0.0), (20, 0.0), (50, 5.0), (50, 2.0), (50, 0.0)):
            added: list[float] = []
            for _ in range(rounds * (10 if battles == 1 else 1)):
                lives = await _round(arena, battles, within)
                added += [value - percentile(plain, 50) for life in lives for value in life.first]
            p50, p99 = (1000 * percentile(added, p) for p in (50, 99))
            print(f"{battles:7d}  {within:4.0f} s  {rounds:7d}  {p50:10.1f}  {p99:10.1f}")


async def _plain(session: aiohttp.ClientSession, endpoint: str, model: str) -> float:
    begun, first = time.monotonic(), None
    body = {"model": model, "messages": [], "stream": True}
    async with session.post(f"{endpoint}/chat/completions", json=body) as answer:
        async for line in answer.content:  # to its end, so that the connection is used again
            if b'"content"' in line and first is None:
                first = time.monotonic() - begun
    if first is None:
        raise RuntimeError("No token came.")
    return first


async def _round(arena: Running, battles: int, within: float) -> list["Life"]:
    """Battles that arrive evenly over a time, or all in the same instant."""
    async with AsyncExitStack() as stack:
        people = await _people(stack, arena, battles)
        lives = [
            Life(person, arena.base, begin_after=within * number / battles)
            for number, person in enumerate(people)
        ]
        await asyncio.gather(*[life.run() for life in lives])
    return lives


async def _people(stack: AsyncExitStack, arena: Running, count: int) -> list[aiohttp.ClientSession]:
    gate = asyncio.Semaphore(20)

    async def come() -> aiohttp.ClientSession:
        async with gate:
            return await stack.enter_async_context(rater(arena.base))

    return await asyncio.gather(*[come() for _ in range(count)])


# --- a battle as its rater lives through it ---


class Life:
    """One battle of two: starts it, listens, and checks that every token comes once, in order."""

    def __init__(
        self,
        person: aiohttp.ClientSession,
        base: str,
        *,
        tokens: int = TOKENS,
        begin_after: float = 0.0,
        apart: bool = False,
    ) -> None:
        self._person = person
        self._base = base
        self._tokens = tokens
        self._begin_after = begin_after
        self._apart = apart
        self._texts = {"A": "", "B": ""}
        self.id = ""
        self.first: list[float] = []
        self.lags: list[int] = []  # ms, of every token
        self.events = 0

    async def run(self) -> None:
        await asyncio.sleep(self._begin_after)
        begun = time.monotonic()
        async with self._person.post(f"{self._base}/api/v1/battles", json=BODY) as answer:
            battle = await answer.json()
        self.id = battle["id"]
        unfinished = {"A", "B"}
        async with AsyncExitStack() as stack:
            person = self._person
            if self._apart:
                person = await stack.enter_async_context(_anew(self._person))
            socket = await stack.enter_async_context(
                person.ws_connect(self._base + battle["socket"], max_msg_size=0, compress=0)
            )
            async for message in socket:
                event = orjson.loads(message.data)
                self.events += 1
                for position, text, ended in _said(event, self._texts):
                    self._hear(position, text, begun)
                    if ended:
                        unfinished.discard(position)
                if not unfinished:
                    break
            if unfinished:
                raise RuntimeError(f"The socket of {self.id} closed with {socket.close_code}.")
        for position, text in self._texts.items():
            numbers = [int(token.split("/")[0]) for token in text.split()]
            if numbers != list(range(self._tokens)):
                wrong = next((n for n, told in enumerate(numbers) if n != told), len(numbers))
                raise RuntimeError(
                    f"Response {position} of {self.id}: {len(numbers)} tokens, wrong from {wrong}, "
                    f"{numbers[wrong : wrong + 10]}"
                )

    def _hear(self, position: str, text: str, begun: float) -> None:
        if not text:
            return
        now = time.monotonic()
        if not self._texts[position]:
            self.first.append(now - begun)
        self._texts[position] += text
        for sent in re.findall(r"\d+/(\d+)", text):
            self.lags.append(int(1000 * now) - int(sent))

    async def vote(self) -> None:
        address = f"{self._base}/api/v1/battles/{self.id}/vote"
        async with self._person.post(address, json={"ranks": [1, 2]}) as answer:
            if answer.status != 201:
                raise RuntimeError(await answer.text())


def _anew(person: aiohttp.ClientSession) -> aiohttp.ClientSession:
    """The same person on connections of their own."""
    return aiohttp.ClientSession(cookie_jar=person.cookie_jar)


def _said(event: dict[str, Any], known: dict[str, str]) -> Sequence[tuple[str, str, bool]]:
    """What an event adds to the texts that are known: position, text, whether it has ended."""
    match event:
        case {"event": "state", "battle": battle}:
            found = battle["turns"][0]["responses"]
            if failed := [r["error"] for r in found if r["state"] == "error"]:
                raise RuntimeError(f"A response failed: {failed[0]}")
            return [
                (r["position"], r["text"].removeprefix(known[r["position"]]), r["state"] == "done")
                for r in found
            ]
        case {"event": "delta", "position": position, "text": text}:
            return [(position, text, False)]
        case {"event": "done", "position": position}:
            return [(position, "", True)]
        case {"event": "error", "error": error}:
            raise RuntimeError(f"A response failed: {error}")
    return []


# --- many battles at once ---


async def many(options: argparse.Namespace, *, votes: bool) -> None:
    """Battles that begin one after another and last long enough to be all open at once."""
    battles, webs, tokens = options.battles, options.webs, options.tokens
    async with (
        running_arena(tokens=tokens, rate=20, webs=webs) as arena,
        AsyncExitStack() as stack,
    ):
        arena.pids["raters"] = [os.getpid()]
        people = await _people(stack, arena, battles)
        empty = _memory(arena.pids["web"])
        lives = [
            Life(
                person,
                arena.base,
                tokens=tokens,
                begin_after=options.within * number / battles,
                apart=options.apart,
            )
            for number, person in enumerate(people)
        ]
        before, begun = _cpu(arena), time.monotonic()
        measuring = asyncio.create_task(_highest_memory(arena.pids["web"]))
        await asyncio.gather(*[life.run() for life in lives])
        seconds = time.monotonic() - begun
        measuring.cancel()
        used = {name: spent - before[name] for name, spent in _cpu(arena).items()}
        lags = [lag for life in lives for lag in life.lags]
        first = [value for life in lives for value in life.first]
        highest = await measuring
        print(
            f"{battles} battles of two begin within {options.within:g} s, {tokens} tokens each; "
            f"web processes: {webs}"
        )
        print(f"tokens {len(lags)}, all in order; events {sum(life.events for life in lives)}")
        p50, p99 = (percentile(lags, p) for p in (50, 99))
        print(f"lag of a token, ms: p50 {p50}, p99 {p99}, worst {max(lags)}")
        p50, p99 = (1000 * percentile(first, p) for p in (50, 99))
        print(f"first token, ms: p50 {p50:.0f}, p99 {p99:.0f}")
        print(
            f"CPU, seconds of {seconds:.1f}: "
            + ", ".join(f"{name} {spent:.1f}" for name, spent in used.items())
        )
        grown = (highest - empty) / battles / 1024
        print(f"web memory: {empty / 2**20:.0f} MB idle, {grown:.0f} KB more for an open battle")
        if votes:
            await _votes(lives)


async def _votes(lives: list[Life]) -> None:
    gate = asyncio.Semaphore(VOTES_AT_ONCE)

    async def vote(life: Life) -> None:
        async with gate:
            await life.vote()

    begun = time.monotonic()
    await asyncio.gather(*map(vote, lives))
    rate = len(lives) / (time.monotonic() - begun)
    print(f"votes, {VOTES_AT_ONCE} at a time: {rate:.0f} a second")


def _cpu(arena: Running) -> dict[str, float]:
    """Seconds of CPU that each kind of process has used."""
    return {name: sum(map(_seconds, pids)) for name, pids in arena.pids.items()}


def _seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _memory(pids: Sequence[int]) -> int:
    """Bytes in memory, of all together."""
    pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE")


async def _highest_memory(pids: Sequence[int]) -> int:
    highest = 0
    try:
        while True:
            highest = max(highest, _memory(pids))
            await asyncio.sleep(0.5)
    except asyncio.CancelledError:
        return highest


if __name__ == "__main__":
    main()
