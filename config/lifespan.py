"""What a web process does when it begins and before it ends."""

import asyncio
import gc
import logging
import os
from collections.abc import Awaitable, Callable
from typing import Any

from django.urls import get_resolver

from arena import generation
from config.request_threads import RequestThreads
from config.sqlite.checkpoints import Checkpoints
from ranking.charts import rendering

logger = logging.getLogger(__name__)

Message = dict[str, Any]


class Lifespan:
    """The ASGI lifespan protocol."""

    def __init__(self, requests: RequestThreads) -> None:
        self._requests = requests
        self._checkpoints = Checkpoints()

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await generation.close()
                rendering.close()
                await self._requests.close()
                await asyncio.to_thread(self._checkpoints.close)
                logger.info("Web process %d ends.", os.getpid())
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _start(self) -> None:
        # Else the first request would wait for the pages and the API to be loaded.
        get_resolver().url_patterns  # noqa: B018
        self._requests.open()
        self._checkpoints.open()
        generation.open()
        # Modules live for ever; without this every full collection walks through them all and
        # holds up the streams meanwhile.
        gc.collect()
        gc.freeze()
        # One that died said no end, and uvicorn replaces it without a word at this log level.
        logger.info("Web process %d serves.", os.getpid())
