"""OpenAI-compatible endpoints: vLLM, Ollama, llama.cpp, hosted APIs, and the local server.

Read with aiohttp and orjson, a tenth of the CPU time per chunk of the usual client library.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import Any

import aiohttp
import orjson
from django.conf import settings

from arena.backends.base import BackendError, CutOff, Message, Piece, Usage
from arena.backends.http import session
from arena.backends.problems import broke_off, no_connection, not_set_up, not_understood, refused
from arena.backends.sse import SSEError, events
from arena.models import Contender
from arena.text import clean

CHECK_MESSAGES = [{"role": "user", "content": "Say hello in three words."}]
ERROR_BODY_MAX_BYTES = 20_000
ANSWER_MAX_BYTES = 4 * 1024 * 1024
LOCAL_PATIENCE_S = 45.0  # less than the time limit for a first token, so that its reason is told
LOCAL_RETRY_S = 0.3
# After its last event the end of an answer comes at once, or the connection is given up.
END_WITHIN_S = 0.1


class OpenAIBackend:
    """A contender at any OpenAI-compatible URL; its key comes from a variable that it names."""

    def base_url(self, contender: Contender) -> str:
        if not contender.base_url:
            raise not_set_up(contender, "It has no base URL. Give one in the admin.")
        return contender.base_url.rstrip("/")

    async def stream(
        self, contender: Contender, messages: Sequence[Message]
    ) -> AsyncGenerator[Piece, None]:
        url = f"{self.base_url(contender)}/chat/completions"
        headers = _headers(contender)
        body = _body(contender, messages)
        try:
            async with aclosing(_answer(contender, url, headers, body)) as pieces:
                async for piece in pieces:
                    yield piece
        except aiohttp.ClientPayloadError as error:
            raise broke_off(contender, repr(error)) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # asyncio.timeout() cancels, so a TimeoutError here is the connection's own.
            raise no_connection(contender, url, error) from error
        except (SSEError, ValueError) as error:
            raise not_understood(contender, url, str(error)) from error

    async def check(self, contender: Contender) -> str:
        begun = time.perf_counter()
        text = ""
        async with aclosing(self.stream(contender, CHECK_MESSAGES)) as pieces:
            async for piece in pieces:
                if isinstance(piece, str):
                    text += piece
                if len(text) >= 60:
                    break
        seconds = time.perf_counter() - begun
        if not text.strip():
            raise broke_off(contender, "The endpoint answered, but with no text.")
        return f"“{' '.join(text.split())[:60]}” in {seconds:.1f} s"


class LocalBackend(OpenAIBackend):
    """A contender on the arena's own model server.

    That server starts, and starts again after a crash, beside the pages: a response waits for it
    instead of failing.
    """

    def base_url(self, contender: Contender) -> str:
        return str(settings.MODEL_SERVER_URL).rstrip("/")

    async def stream(
        self, contender: Contender, messages: Sequence[Message]
    ) -> AsyncGenerator[Piece, None]:
        deadline = time.monotonic() + LOCAL_PATIENCE_S
        while True:
            try:
                async with aclosing(super().stream(contender, messages)) as pieces:
                    async for piece in pieces:
                        yield piece
                return
            except BackendError as error:
                starts = isinstance(error.__cause__, aiohttp.ClientConnectorError)
                if not starts or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(LOCAL_RETRY_S)


def _headers(contender: Contender) -> dict[str, str]:
    headers = {"Accept": "text/event-stream"}
    if contender.api_key_env:
        key = os.environ.get(contender.api_key_env, "").strip()
        if not key:
            raise not_set_up(
                contender,
                f"The environment variable {contender.api_key_env} is not set where the web "
                "server runs. Set it there and restart.",
            )
        headers["Authorization"] = f"Bearer {key}"
    return headers


def _body(contender: Contender, messages: Sequence[Message]) -> dict[str, Any]:
    return {
        "model": contender.model,
        "messages": list(messages),
        "temperature": contender.temperature,
        "top_p": contender.top_p,
        "max_tokens": contender.max_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def _answer(
    contender: Contender, url: str, headers: dict[str, str], body: dict[str, Any]
) -> AsyncGenerator[Piece, None]:
    while True:
        async with await _posted(url, headers, body) as response:
            if response.status != 200:
                complaint = await _complaint(response)
                if _adapted(body, response.status, complaint):
                    continue
                raise refused(contender, url, response.status, complaint)
            if response.content_type == "application/json":
                async for piece in _whole(response):
                    yield piece
                return
            if response.content_type != "text/event-stream":
                raise not_understood(contender, url, f"It sends {response.content_type}.")
            async with aclosing(_pieces(contender, response)) as pieces:
                async for piece in pieces:
                    yield piece
            return


async def _posted(
    url: str, headers: dict[str, str], body: dict[str, Any]
) -> aiohttp.ClientResponse:
    async def post() -> aiohttp.ClientResponse:
        return await session().post(
            url,
            data=orjson.dumps(body),
            headers=headers | {"Content-Type": "application/json"},
            allow_redirects=False,  # the key is for this address only
        )

    try:
        return await post()
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
        # The endpoint gave up a kept connection in the moment in which it was used again.
        return await post()


def _adapted(body: dict[str, Any], status: int, complaint: str) -> bool:
    """Changes what the endpoint says it does not know, without changing what is sampled."""
    if status not in (400, 422):
        return False
    if "stream_options" in body and "stream_options" in complaint:
        del body["stream_options"]
        return True
    if "max_tokens" in body and "max_completion_tokens" in complaint:
        body["max_completion_tokens"] = body.pop("max_tokens")
        return True
    return False


async def _pieces(
    contender: Contender, response: aiohttp.ClientResponse
) -> AsyncGenerator[Piece, None]:
    ended = False
    async for data in events(response.content.iter_any()):
        if data == b"[DONE]":
            await _read_to_its_end(response)
            return
        chunk = _loads(data)
        try:
            piece, finish, tokens = _read(contender, chunk)
        except (AttributeError, IndexError, KeyError, TypeError):
            raise SSEError(f"A chunk has another shape: {str(chunk)[:80]}") from None
        if piece is not None:
            yield piece
        if tokens is not None:
            yield Usage(tokens)
        if finish == "length":
            yield CutOff()
        ended = ended or finish is not None
    if not ended:
        raise broke_off(contender, "The stream ended without a finish_reason and without [DONE].")


async def _read_to_its_end(response: aiohttp.ClientResponse) -> None:
    """Else its connection would be closed, and the next request need a new one."""
    with suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(END_WITHIN_S):
            async for _ in response.content.iter_any():
                pass


def _read(contender: Contender, chunk: Any) -> tuple[str | None, str | None, int | None]:
    """Text, why the answer is finished if it is, and tokens, of one chunk of a stream."""
    if error := chunk.get("error"):
        raise broke_off(contender, f"The endpoint reported in mid-stream: {str(error)[:500]}")
    usage = chunk.get("usage")
    tokens = int(usage["completion_tokens"]) if usage else None
    choices = chunk.get("choices")
    if not choices:
        return None, None, tokens
    choice = choices[0]
    said = choice.get("delta") or choice.get("message") or {}
    # "" is a sign of life: a model that thinks before it speaks has no content yet.
    text = clean(said.get("content") or "")
    return text, choice.get("finish_reason"), tokens


async def _whole(response: aiohttp.ClientResponse) -> AsyncGenerator[Piece, None]:
    """The answer of an endpoint that does not stream."""
    raw = await _limited(response, ANSWER_MAX_BYTES)
    answer = _loads(raw)
    try:
        choice = answer["choices"][0]
        text, finish = choice["message"]["content"], choice.get("finish_reason")
    except (AttributeError, KeyError, IndexError, TypeError):
        raise SSEError("Its JSON is not a chat completion.") from None
    yield clean(text or "")
    if finish == "length":
        yield CutOff()
    if tokens := (answer.get("usage") or {}).get("completion_tokens"):
        yield Usage(tokens)


async def _complaint(response: aiohttp.ClientResponse) -> str:
    raw = await _limited(response, ERROR_BODY_MAX_BYTES)
    return raw.decode("utf-8", "replace")


async def _limited(response: aiohttp.ClientResponse, limit: int) -> bytes:
    raw = b""
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > limit:
            return raw[:limit]
    return raw


def _loads(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        # orjson refuses lone surrogates, which some servers send for half an emoji.
        return json.loads(data.decode("utf-8", "replace"))
