"""A web process begins and ends in order."""

import gc
import logging
import os

import pytest
from asgiref.testing import ApplicationCommunicator

from config.asgi import application
from ranking.charts import rendering


async def test_the_process_that_draws_ends_before_the_web_process() -> None:
    """uvicorn ends by the signal that stopped it, so that nothing after its shutdown runs."""
    rendering.render({"mark": "point", "data": {"values": []}}, "svg")
    drawing = rendering._renderer._process
    assert drawing is not None
    process = ApplicationCommunicator(application, {"type": "lifespan"})
    await process.send_input({"type": "lifespan.shutdown"})
    assert await process.receive_output(20) == {"type": "lifespan.shutdown.complete"}
    assert drawing.returncode is not None


async def test_it_starts_and_stops_and_says_so(
    transactional_db: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "config.lifespan")
    process = ApplicationCommunicator(application, {"type": "lifespan"})
    await process.send_input({"type": "lifespan.startup"})
    assert await process.receive_output(20) == {"type": "lifespan.startup.complete"}
    await process.send_input({"type": "lifespan.shutdown"})
    assert await process.receive_output(20) == {"type": "lifespan.shutdown.complete"}
    gc.unfreeze()
    me = f"Web process {os.getpid()}"
    said = [record.getMessage() for record in caplog.records if record.name == "config.lifespan"]
    assert said == [f"{me} serves.", f"{me} ends."]
