"""A web process begins and ends in order."""

import gc

from asgiref.testing import ApplicationCommunicator

from config.asgi import application


async def test_it_starts_and_stops() -> None:
    process = ApplicationCommunicator(application, {"type": "lifespan"})
    await process.send_input({"type": "lifespan.startup"})
    assert await process.receive_output(20) == {"type": "lifespan.startup.complete"}
    await process.send_input({"type": "lifespan.shutdown"})
    assert await process.receive_output(20) == {"type": "lifespan.shutdown.complete"}
    gc.unfreeze()
