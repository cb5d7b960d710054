"""The HTTP side of the model server."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from rlhf.serving.catalog import Catalog
from rlhf.serving.engine import Delta, Engine, Job
from rlhf.serving.errors import InvalidRequest, ServingError
from rlhf.serving.protocol import Answer, ChatRequest, parse

logger = logging.getLogger(__name__)
BODY_MAX_BYTES = 2 * 1024 * 1024
ENGINE = web.AppKey("engine", Engine)
CATALOG = web.AppKey("catalog", Catalog)
DEFAULT_MODEL = web.AppKey("default_model", str)


def create_app(engine: Engine, catalog: Catalog, default_model: str = "") -> web.Application:
    """The application. The caller starts and stops `engine`."""
    app = web.Application(client_max_size=BODY_MAX_BYTES, middlewares=[_errors_as_json])
    app[ENGINE] = engine
    app[CATALOG] = catalog
    app[DEFAULT_MODEL] = default_model
    app.router.add_get("/health", health)
    app.router.add_get("/v1/models", list_models)
    app.router.add_get("/v1/models/{name}", show_model)
    app.router.add_post("/v1/chat/completions", chat)
    return app


async def health(request: web.Request) -> web.Response:
    """200 and "ok", or 503 while the default model is "loading", or when the engine "failed"."""
    engine = request.app[ENGINE]
    state = "ok"
    if not engine.is_running():
        state = "failed"
    elif engine.is_loading(request.app[DEFAULT_MODEL]):
        state = "loading"
    return _json({"status": state, **engine.load_of()}, status=200 if state == "ok" else 503)


async def list_models(request: web.Request) -> web.Response:
    entries = request.app[CATALOG].entries()
    data = [_model(entry.name, entry.created) for entry in entries]
    return _json({"object": "list", "data": data})


async def show_model(request: web.Request) -> web.Response:
    entry = request.app[CATALOG].find(request.match_info["name"])
    return _json(_model(entry.name, entry.created))


async def chat(request: web.Request) -> web.StreamResponse:
    """One answer, whole or as server-sent events. A client that leaves frees its place."""
    wanted = parse(await _body(request))
    deltas: asyncio.Queue[Delta | ServingError] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def listener(event: Delta | ServingError) -> None:
        with contextlib.suppress(RuntimeError):  # the server's loop is closed: nobody listens
            loop.call_soon_threadsafe(deltas.put_nowait, event)

    job = Job(
        wanted.model, wanted.messages, wanted.sampler, wanted.max_tokens, wanted.stops, listener
    )
    engine = request.app[ENGINE]
    engine.submit(job)
    try:
        if wanted.stream:
            return await _streamed(request, wanted, _events(deltas))
        return await _whole(wanted, _events(deltas))
    finally:
        engine.cancel(job)


async def _events(deltas: asyncio.Queue[Delta | ServingError]) -> AsyncIterator[Delta]:
    while True:
        event = await deltas.get()
        if isinstance(event, ServingError):
            raise event
        yield event
        if event.finish is not None:
            return


async def _whole(wanted: ChatRequest, deltas: AsyncIterator[Delta]) -> web.Response:
    received = [delta async for delta in deltas]
    text = "".join(delta.text for delta in received)
    return _json(Answer(wanted.model).whole(text, received[-1]))


async def _streamed(
    request: web.Request, wanted: ChatRequest, deltas: AsyncIterator[Delta]
) -> web.StreamResponse:
    answer = Answer(wanted.model)
    # Not before the first piece: until then a failure can still have its own status.
    delta = await anext(deltas)
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
    )
    await response.prepare(request)
    await _send(response, answer.chunk({"role": "assistant", "content": ""}))
    try:
        while delta.finish is None:
            await _send(response, answer.chunk({"content": delta.text}))
            delta = await anext(deltas)
    except ServingError as error:
        await _send(response, error.as_json())
        await response.write_eof()
        return response
    if delta.text:
        await _send(response, answer.chunk({"content": delta.text}))
    await _send(response, answer.chunk({}, delta.finish))
    if wanted.include_usage:
        await _send(response, answer.usage_chunk(delta))
    await response.write(b"data: [DONE]\n\n")
    await response.write_eof()
    return response


async def _send(response: web.StreamResponse, value: dict[str, Any]) -> None:
    await response.write(b"data: " + orjson.dumps(value) + b"\n\n")


async def _body(request: web.Request) -> Any:
    try:
        return orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"The body is not JSON: {error}") from error


def _model(name: str, created: int) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": created, "owned_by": "local"}


def _json(value: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ServingError as error:
        response = _json(error.as_json(), status=error.status)
        if error.status == 429:
            response.headers["Retry-After"] = "5"
        return response
    except web.HTTPException as error:
        wrong = InvalidRequest(f"{request.method} {request.path[:100]}: {error.reason}")
        return _json(wrong.as_json(), status=error.status)
