"""Contenders behind OpenAI-compatible endpoints, and what "test connection" says of them."""

import asyncio
import socket

import pytest
from asgiref.sync import sync_to_async
from pytest_django import Settings

from arena.backends import BackendError, CutOff, Usage, backend_of, check_connection
from arena.backends.http import close_session
from arena.backends.sse import LINE_MAX_BYTES, SSEError, events
from arena.errors import Unavailable
from arena.models import Contender
from tests.openai_server import OpenAIServer


def contender(server: OpenAIServer, model: str, **fields: str) -> Contender:
    values = {"backend": "openai", "base_url": server.url, "model": model, "slug": model}
    return Contender(**(values | fields))


async def said(who: Contender) -> tuple[str, int | None]:
    """What it answers to "Hi there", and the tokens counted."""
    found = await said_once(who)
    await close_session()
    return found


async def said_once(who: Contender) -> tuple[str, int | None]:
    """The same, and connections are kept."""
    text, tokens = "", None
    async for piece in backend_of(who).stream(who, [{"role": "user", "content": "Hi there"}]):
        if isinstance(piece, Usage):
            tokens = piece.tokens
        elif isinstance(piece, CutOff):
            text += "…"
        else:
            text += piece
    return text, tokens


@pytest.mark.parametrize(
    ("model", "text", "tokens"),
    [
        ("echo", "Hi there ", 7),
        ("whole", "All at once.", 3),
        ("cut-off", "half an…", 7),
        ("picky", "up to 256", 7),
        ("thinks", "the answer", 7),
        ("surrogate", " odd", 7),
    ],
)
async def test_it_reads_what_endpoints_send(
    server: OpenAIServer, model: str, text: str, tokens: int
) -> None:
    assert await said(contender(server, model)) == (text, tokens)


async def test_one_connection_serves_one_answer_after_another(server: OpenAIServer) -> None:
    for _ in range(3):
        assert await said_once(contender(server, "lingers")) == ("Hi there ", 7)
    await close_session()
    assert len(set(server.connections)) == 1


async def test_a_kept_connection_that_the_endpoint_gives_up_costs_no_answer(
    server: OpenAIServer,
) -> None:
    assert await said_once(contender(server, "echo")) == ("Hi there ", 7)
    assert await said_once(contender(server, "hangs-up")) == ("Hi there ", 7)
    await close_session()
    first, again, anew = server.connections
    assert first is again is not anew


async def test_it_asks_with_the_contenders_sampling(server: OpenAIServer) -> None:
    who = contender(server, "echo")
    who.temperature, who.top_p, who.max_tokens = 0.3, 0.8, 42
    await said(who)
    assert server.requests == [
        {
            "model": "echo",
            "messages": [{"role": "user", "content": "Hi there"}],
            "temperature": 0.3,
            "top_p": 0.8,
            "max_tokens": 42,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ]


async def test_the_key_comes_from_the_variable(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "sk-123\n")
    await said(contender(server, "echo", api_key_env="SOME_KEY"))
    await said(contender(server, "echo"))
    assert server.keys == ["Bearer sk-123", None]


async def test_local_contenders_ask_the_local_server(
    server: OpenAIServer, settings: Settings
) -> None:
    settings.MODEL_SERVER_URL = server.url
    assert (await said(contender(server, "echo", backend="local", base_url="")))[0] == "Hi there "


async def test_a_local_contender_waits_for_a_model_server_that_is_still_starting(
    settings: Settings,
) -> None:
    late = OpenAIServer()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # bound, not listening: a connection is refused
        port = listener.getsockname()[1]
        settings.MODEL_SERVER_URL = f"http://127.0.0.1:{port}/v1"
        asking = asyncio.create_task(said(contender(late, "echo", backend="local")))
        done, _ = await asyncio.wait([asking], timeout=0.1)
        assert not done
    await late.start(port)
    assert await asking == ("Hi there ", 7)
    await late.stop()


@pytest.mark.parametrize(
    ("model", "fields", "detail"),
    [
        ("error-401", {}, "wants a key"),
        ("error-401", {"api_key_env": "SOME_KEY"}, "key in SOME_KEY is not accepted"),
        ("error-404", {}, "does not know the model 'error-404'"),
        ("error-429", {}, "Too many requests"),
        ("error-500", {}, "failure of its own"),
        ("html", {}, "does not speak the OpenAI protocol"),
        ("garbage", {}, "does not speak the OpenAI protocol"),
        ("empty", {}, "no text"),
        ("echo", {"api_key_env": "NOT_SET"}, "variable NOT_SET is not set"),
        ("echo", {"backend": "pigeon"}, "unknown backend 'pigeon'"),
        ("echo", {"base_url": ""}, "no base URL"),
        ("echo", {"base_url": "http://127.0.0.1:9/v1"}, "refuses the connection"),
        ("echo", {"base_url": "http://no-such-host.invalid/v1"}, "(DNS)"),
        ("echo", {"base_url": "nonsense"}, "is not a URL"),
    ],
)
async def test_the_connection_test_says_what_is_wrong(
    server: OpenAIServer,
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    fields: dict[str, str],
    detail: str,
) -> None:
    monkeypatch.setenv("SOME_KEY", "sk-123")
    with pytest.raises(Unavailable) as caught:
        await sync_to_async(check_connection)(contender(server, model, **fields))
    assert detail in caught.value.reason
    assert "sk-123" not in caught.value.reason


async def test_the_connection_test_tells_an_address_that_is_not_an_api(
    server: OpenAIServer,
) -> None:
    wrong = contender(server, "echo", base_url=server.url.removesuffix("/v1") + "/api")
    with pytest.raises(Unavailable, match="usually ends in /v1"):
        await sync_to_async(check_connection)(wrong)


async def test_the_connection_test_tells_tls_where_there_is_none(server: OpenAIServer) -> None:
    wrong = contender(server, "echo", base_url=server.url.replace("http:", "https:"))
    with pytest.raises(Unavailable, match="TLS"):
        await sync_to_async(check_connection)(wrong)


async def test_the_connection_test_gives_up_in_time(
    server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arena.backends.connection.CHECK_TIMEOUT_S", 0.2)
    with pytest.raises(Unavailable, match="does not answer"):
        await sync_to_async(check_connection)(contender(server, "hang"))


async def test_the_connection_test_shows_the_first_words(server: OpenAIServer) -> None:
    answer = await sync_to_async(check_connection)(contender(server, "echo"))
    assert answer.startswith("“Say hello in three words.” in 0.")


async def test_what_a_rater_reads_names_nobody(server: OpenAIServer) -> None:
    for model in ("error-401", "error-404", "error-500", "html", "garbage", "dies"):
        with pytest.raises(BackendError) as caught:
            await said(contender(server, model))
        assert model not in caught.value.reason
        assert "127.0.0.1" not in caught.value.reason
        assert model in caught.value.detail


async def test_leaving_early_ends_the_request(server: OpenAIServer) -> None:
    who = contender(server, "stall")
    stream = backend_of(who).stream(who, [{"role": "user", "content": "Hi"}])
    async for piece in stream:
        if piece:
            break
    await stream.aclose()
    await close_session()
    await asyncio.wait_for(server.cut.wait(), 5)


async def test_lines_may_be_cut_anywhere() -> None:
    stream = b': hello\r\ndata: {"a": 1}\r\n\r\nevent: x\ndata:{"b": 2}\n\ndata: last'
    for size in (1, 2, 3, 7, len(stream)):

        async def chunks(size: int = size):  # type: ignore[no-untyped-def]
            for start in range(0, len(stream), size):
                yield stream[start : start + size]

        assert [data async for data in events(chunks())] == [b'{"a": 1}', b'{"b": 2}', b"last"]


async def test_a_line_without_end_is_refused() -> None:
    async def chunks():  # type: ignore[no-untyped-def]
        for _ in range(5):
            yield b"x" * (LINE_MAX_BYTES // 4)

    with pytest.raises(SSEError):
        assert not [data async for data in events(chunks())]
