"""What a web process does when it begins and before it ends."""

import gc
from collections.abc import Awaitable, Callable
from typing import Any

from django.urls import get_resolver

from arena import generation
from ranking.charts import rendering

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
            # Modules live for ever; without this every full collection walks through them all
            # and holds up the streams meanwhile.
            gc.collect()
            gc.freeze()
            await send({"type": "lifespan.startup.complete"})
        else:
            await generation.close()
            rendering.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
