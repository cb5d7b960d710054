"""What a web process does when it begins and before it ends."""

import gc
from collections.abc import Awaitable, Callable
from typing import Any

from django.urls import get_resolver

from arena import generation
from config.sqlite.base import keep_spare_connections
from ranking.charts import rendering

SPARE_CONNECTIONS = 8

Message = dict[str, Any]


async def lifespan(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """The ASGI lifespan protocol."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            # Else the first request would wait for the pages and the API to be loaded.
            get_resolver().url_patterns  # noqa: B018
            keep_spare_connections(SPARE_CONNECTIONS)
            # Modules live for ever; without this every full collection walks through them all
            # and holds up the streams meanwhile.
            gc.collect()
            gc.freeze()
            await send({"type": "lifespan.startup.complete"})
        else:
            await generation.close()
            rendering.close()
            keep_spare_connections(0)
            await send({"type": "lifespan.shutdown.complete"})
            return
