"""What a web process does when it begins and before it ends."""

import gc
from collections.abc import Awaitable, Callable
from typing import Any

from arena import generation

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
            # Modules live for ever; without this every full collection walks through them all
            # and holds up the streams meanwhile.
            gc.collect()
            gc.freeze()
            await send({"type": "lifespan.startup.complete"})
        else:
            await generation.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
