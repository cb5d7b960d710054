"""Raters as programs: they use the arena's HTTP API and sockets, like so many people at once."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import aiohttp

from arena.simulation.preferences import Preference
from arena.simulation.verdicts import noisy_ranks, noisy_thumbs

# So long without an event from a battle is a failure.
SILENCE_S = 120.0
CANCEL_AGAIN_S = 1.0
PAUSE_S = 0.5
REASONS_KEPT = 5
# What makes every further battle fail as well: not worth trying again.
_HOPELESS = {401, 403, 404, 422, 503}


class SimulationError(Exception):
    """The simulation cannot go on. The message says what to do."""


class _Failure(Exception):
    """One battle came to nothing."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """Who votes how often and how; prompts and noise come from the seed.

    thumbs: share of the responses that get one, before the vote.
    """

    url: str
    token: str
    prompts: Sequence[str]
    preference: Preference
    votes: int
    size: int = 2
    consistency: float = 0.8
    thumbs: float = 0.2
    concurrency: int = 16
    seed: int = 0


@dataclass(slots=True)
class Outcome:
    """What has happened so far. `first` and `battles` count by contender."""

    votes: int = 0
    thumbs_up: int = 0
    thumbs_down: int = 0
    failures: int = 0
    seconds: float = 0.0
    first: Counter[str] = field(default_factory=Counter)
    battles: Counter[str] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)
    failures_in_a_row: int = 0

    def count_vote(self, contenders: Sequence[Mapping[str, Any]], ranks: Sequence[int]) -> None:
        self.votes += 1
        self.failures_in_a_row = 0
        for contender, rank in zip(contenders, ranks, strict=True):
            self.battles[contender["name"]] += 1
            self.first[contender["name"]] += rank == 1

    def count_failure(self, reason: str) -> None:
        self.failures += 1
        self.failures_in_a_row += 1
        if len(self.reasons) < REASONS_KEPT:
            self.reasons.append(reason)


async def simulate(
    simulation: Simulation, outcome: Outcome, progress: Callable[[], None] = lambda: None
) -> None:
    """Hold battles, up to `concurrency` at once, until there are `votes` votes.

    Counts into `outcome` and calls `progress` after each battle. A battle that comes to nothing
    is replaced by another. Raises SimulationError when it is hopeless to go on.
    """
    started = time.monotonic()
    numbers = iter(range(simulation.votes))
    headers = {"Authorization": f"Bearer {simulation.token}"}
    connector = aiohttp.TCPConnector(limit=0)
    try:
        async with aiohttp.ClientSession(
            simulation.url, headers=headers, connector=connector
        ) as session:
            crowd = [
                asyncio.create_task(_Rater(simulation, session, outcome, progress).vote_on(numbers))
                for _ in range(min(simulation.concurrency, simulation.votes))
            ]
            try:
                ended, _ = await asyncio.wait(crowd, return_when=asyncio.FIRST_EXCEPTION)
                for rater in ended:
                    rater.result()
            finally:
                await _end(crowd)
    finally:
        outcome.seconds = time.monotonic() - started


async def _end(crowd: Iterable[asyncio.Task[None]]) -> None:
    """Again, if need be: a time-out in the same moment takes a cancellation for its own."""
    going = {rater for rater in crowd if not rater.done()}
    while going:
        for rater in going:
            rater.cancel()
        _, going = await asyncio.wait(going, timeout=CANCEL_AGAIN_S)


@dataclass(frozen=True, slots=True)
class _Rater:
    simulation: Simulation
    session: aiohttp.ClientSession
    outcome: Outcome
    progress: Callable[[], None]

    async def vote_on(self, numbers: Iterator[int]) -> None:
        for number in numbers:
            chance = Random(f"{self.simulation.seed}/{number}")
            while not await self._voted(chance):
                continue

    async def _voted(self, chance: Random) -> bool:
        try:
            await self._hold_battle(chance)
        except (_Failure, aiohttp.ClientError, TimeoutError) as error:
            self.outcome.count_failure(str(error) or type(error).__name__)
            self._give_up_if_hopeless(error)
            await asyncio.sleep(PAUSE_S)
            return False
        finally:
            self.progress()
        return True

    async def _hold_battle(self, chance: Random) -> None:
        prompt = chance.choice(self.simulation.prompts)
        battle = await self._post(
            "/api/v1/battles",
            {"prompt": prompt, "size": self.simulation.size, "simulated": True},
        )
        answers = await self._read(battle)
        try:
            texts = answers.values()
            utilities = [float(self.simulation.preference(prompt, text)) for text in texts]
            ranks = noisy_ranks(utilities, self.simulation.consistency, chance)
            thumbs = noisy_thumbs(
                utilities, self.simulation.consistency, self.simulation.thumbs, chance
            )
        except (TypeError, ValueError) as error:
            raise SimulationError(f"The preference gave no number: {error}.") from error
        for position, value in zip(answers, thumbs, strict=True):
            if value:
                await self._thumb(battle, position, value)
        vote = await self._post(f"/api/v1/battles/{battle['id']}/vote", {"ranks": ranks})
        self.outcome.count_vote(vote["contenders"], ranks)

    async def _thumb(self, battle: dict[str, Any], position: str, value: int) -> None:
        thumb = {"turn": 1, "position": position, "value": value}
        await self._post(f"/api/v1/battles/{battle['id']}/reactions", thumb)
        self.outcome.thumbs_up += value > 0
        self.outcome.thumbs_down += value < 0

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        while True:
            async with self.session.post(path, json=body) as answer:
                if answer.status == 429:
                    await answer.read()
                elif answer.status in {200, 201}:
                    made: dict[str, Any] = await answer.json()
                    return made
                else:
                    reason = _reason(answer.status, await answer.text())
                    if answer.status in _HOPELESS:
                        raise SimulationError(f"The arena at {self.simulation.url} says: {reason}")
                    raise _Failure(reason)
            await asyncio.sleep(PAUSE_S)

    async def _read(self, battle: dict[str, Any]) -> dict[str, str]:
        """The finished answers, position A first, as the battle's socket brings them."""
        texts: dict[str, str] = {}
        states: dict[str, str] = {}
        async with self.session.ws_connect(battle["socket"], max_msg_size=0) as socket:
            while not states or set(states.values()) & {"pending", "streaming"}:
                event = await socket.receive(timeout=SILENCE_S)
                if event.type is not aiohttp.WSMsgType.TEXT:
                    raise _Failure(f"The socket was closed ({socket.close_code}).")
                _take_in(json.loads(event.data), texts, states)
        return dict(sorted(texts.items()))

    def _give_up_if_hopeless(self, error: Exception) -> None:
        if isinstance(error, aiohttp.ClientConnectionError) and not self.outcome.votes:
            raise SimulationError(
                f"Nothing answers at {self.simulation.url}. Start the arena (make run), "
                "or say where it is with --url."
            ) from error
        if self.outcome.failures_in_a_row >= max(10, 2 * self.simulation.concurrency):
            raise SimulationError(
                f"{self.outcome.failures_in_a_row} battles in a row failed. The last one: {error}"
            ) from error


def _take_in(event: dict[str, Any], texts: dict[str, str], states: dict[str, str]) -> None:
    match event:
        case {"event": "state", "battle": battle}:
            for response in battle["turns"][-1]["responses"]:
                texts[response["position"]] = response["text"]
                states[response["position"]] = response["state"]
                if response["state"] == "error":
                    raise _Failure(f"A response failed: {response['error']}")
        case {"event": "delta", "position": position, "text": text}:
            texts[position] += text
        case {"event": "done", "position": position, "state": state}:
            states[position] = state
        case {"event": "error", "error": error}:
            raise _Failure(f"A response failed: {error}")


def _reason(status: int, body: str) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {status}: {body[:200]}"
