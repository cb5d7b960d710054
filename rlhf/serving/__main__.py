"""`python -m rlhf.serving --home ARENA_HOME`: the local model server."""

import argparse
import asyncio
import logging
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import web

    from rlhf.serving.engine import Engine

# Read by OpenMP when torch is imported. Threads that spin while they wait take the cores from a
# training run and lose them to it: with one beside it a step took ten times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

ENGINE_CHECK_S = 1.0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m rlhf.serving", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the ARENA_HOME")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8100)
    parser.add_argument("--default-model", default="", help="loaded at start")
    parser.add_argument("--max-models", type=int, default=4, help="models loaded at once")
    parser.add_argument("--max-active", type=int, default=32, help="answers written at once")
    parser.add_argument("--max-waiting", type=int, default=128, help="more get a 429")
    parser.add_argument("--context", type=int, default=4096, help="tokens of prompt and answer")
    parser.add_argument("--dtype", choices=["auto", "float32", "bfloat16"], default="auto")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    # Importing torch takes seconds, so `--help` and a wrong option must not wait for it.
    import torch
    from transformers.utils import logging as transformers_logging

    from rlhf.serving.app import create_app
    from rlhf.serving.catalog import Catalog
    from rlhf.serving.engine import Engine, Limits

    transformers_logging.disable_progress_bar()
    limits = Limits(
        active=options.max_active,
        waiting=options.max_waiting,
        models=options.max_models,
        context=options.context,
    )
    dtype = None if options.dtype == "auto" else getattr(torch, options.dtype)
    catalog = Catalog(options.home)
    engine = Engine(catalog, limits, dtype=dtype)
    engine.start()
    try:
        if options.default_model:
            engine.preload(options.default_model)
        app = create_app(engine, catalog, options.default_model)
        asyncio.run(serve(app, engine, options.host, options.port))
    finally:
        engine.stop()


async def serve(app: "web.Application", engine: "Engine", host: str, port: int) -> None:
    """Serves until SIGTERM or SIGINT, or until the engine's thread dies (then it raises)."""
    from aiohttp import web

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # handler_cancellation: a client that leaves ends its request.
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=2)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    logging.getLogger(__name__).info("Models at http://%s:%d/v1", host, port)
    try:
        while not stop.is_set():
            if not engine.is_running():
                raise SystemExit("The engine's thread has died; its traceback is above.")
            try:
                await asyncio.wait_for(stop.wait(), ENGINE_CHECK_S)
            except TimeoutError:
                continue
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    main()
