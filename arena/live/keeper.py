"""What the web processes know of each other's streams, in Redis: who writes, and the text so far.

Everything here may fail: without Redis the process that writes still serves its own pages.
"""

import logging
import os
import time
from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from arena.live.processes import has_died, identity

logger = logging.getLogger(__name__)

# Renewed each second; but the event loop of a process may be many seconds behind.
OWNER_EXPIRES_S = 15
TEXT_EXPIRES_S = 3600
# A busy event loop may take seconds to read an answer that came at once.
TIMEOUT_S = 5.0
CONNECTIONS = 32
# Only what still says so: another process may have claimed it meanwhile.
DELETE_IF = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end"
QUEUE_S = 10.0  # for one of them
# After a failure nobody waits for Redis for this long.
PAUSE_S = 5.0


class Keeper:
    """One process's view; `name` marks what is its own, `pid` whose life it hangs on."""

    def __init__(self, name: str, pid: int | None = None) -> None:
        self._mark = f"{name} {identity(os.getpid() if pid is None else pid)}"
        self._redis: Redis | None = None
        self._down_until = 0.0
        self._down = False

    async def claim(self, ids: Iterable[int]) -> set[int]:
        """Those responses that are ours to write: nobody else does. All, without Redis.

        Ours already counts: whoever says each second what is written may have claimed it first.
        """
        wanted = list(ids)
        answers = await self._pipeline(
            [
                command
                for pk in wanted
                for command in (
                    ("SET", _owner(pk), self._mark, "NX", "EX", OWNER_EXPIRES_S),
                    ("GET", _owner(pk)),
                )
            ]
        )
        if answers is None:
            return set(wanted)
        owners = answers[1::2]
        return {
            pk for pk, owner in zip(wanted, owners, strict=True) if owner == self._mark.encode()
        }

    async def owned(self, ids: Iterable[int]) -> set[int] | None:
        """Those that some living process writes. None when Redis does not say."""
        wanted = list(ids)
        answers = await self._pipeline([("GET", _owner(pk)) for pk in wanted])
        if answers is None:
            return None
        owners = {pk: answer for pk, answer in zip(wanted, answers, strict=True) if answer}
        dead = {pk: owner for pk, owner in owners.items() if has_died(owner.decode().split()[-1])}
        # Else nobody could claim them before they expire.
        await self._pipeline([("EVAL", DELETE_IF, 1, _owner(pk), dead[pk]) for pk in dead])
        return owners.keys() - dead.keys()

    async def texts(self, ids: Iterable[int]) -> dict[int, str]:
        """The text so far of each, up to a second old; empty where unknown."""
        wanted = list(ids)
        answers = await self._pipeline([("GET", _text(pk)) for pk in wanted])
        return {
            pk: (answer or b"").decode()
            for pk, answer in zip(wanted, answers or [b""] * len(wanted), strict=True)
        }

    async def beat(self, ids: Iterable[int]) -> set[int]:
        """Says that we still write these. Returns those that Redis knew nothing of: released
        meanwhile, or forgotten in a restart of Redis."""
        wanted = list(ids)
        answers = await self._pipeline(
            [("SET", _owner(pk), self._mark, "XX", "EX", OWNER_EXPIRES_S) for pk in wanted]
        )
        return {pk for pk, answer in zip(wanted, answers or wanted, strict=True) if not answer}

    async def keep(self, texts: Mapping[int, str]) -> None:
        await self._pipeline(
            [("SET", _text(pk), text, "EX", TEXT_EXPIRES_S) for pk, text in texts.items()]
        )

    async def release(self, ids: Iterable[int]) -> None:
        """These have ended."""
        await self._pipeline([("DEL", _owner(pk), _text(pk)) for pk in ids])

    async def close(self) -> None:
        if self._redis is not None:
            await self._redis.aclose()
            self._redis = None

    async def _pipeline(self, commands: list[tuple[Any, ...]]) -> list[Any] | None:
        """The answers, or None when Redis cannot be reached."""
        if not commands:
            return []
        if time.monotonic() < self._down_until:
            return None
        try:
            pipeline = self._client().pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)
            answers: list[Any] = await pipeline.execute()
        except (RedisError, OSError) as error:
            if not self._down:
                logger.warning("Redis cannot be reached, streams go on without it: %s", error)
            self._down = True
            self._down_until = time.monotonic() + PAUSE_S
            return None
        if self._down:
            logger.info("Redis is back.")
            self._down = False
        return answers

    def _client(self) -> Redis:
        if self._redis is None:
            # Some hundred battles that begin at once wait for a connection instead of failing.
            pool: BlockingConnectionPool = BlockingConnectionPool.from_url(
                settings.REDIS_URL,
                max_connections=CONNECTIONS,
                timeout=QUEUE_S,
                socket_timeout=TIMEOUT_S,
                socket_connect_timeout=TIMEOUT_S,
                retry=Retry(NoBackoff(), 0),
            )
            self._redis = Redis.from_pool(pool)
        return self._redis


def _owner(response_id: int) -> str:
    return f"arena:owner:{response_id}"


def _text(response_id: int) -> str:
    return f"arena:text:{response_id}"
