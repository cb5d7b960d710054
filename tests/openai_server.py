"""A local OpenAI-compatible endpoint whose models behave by their names.

echo        says the last prompt back, word by word
fast        100 tokens as fast as they can be sent
waits       nothing until `server.go_on()` is called, then its answer
slow        one word, and the next ones only when `server.go_on()` is called
pace        `tokens` words of 20 a second (for the benchmark)
hang        accepts the request and sends nothing
stall       one word, then nothing
empty       ends without a word             blank    says only white space
dies        half an answer, then the connection breaks
error-500 error-401 error-404 error-429    that status
rich        mathematics, a list, code, Hebrew   long        forty paragraphs, a word at a time
wide        a table, a formula and code that are wider than a phone
markdown    a table, a list and code        script      tries to run in the page
remembers   says how many messages it was sent, and their roles
whole       answers in one piece, without streaming
picky       refuses stream_options and max_tokens, as some endpoints do
chunk-error reports an error in mid-stream      unended  ends without saying so
surrogate   half an emoji and a NUL             html     a web page instead of an answer
thinks      sends reasoning before its answer   garbage  lines that are not JSON
lingers     ends its answer a moment after its last event
hangs-up    as echo, and closes a kept connection when it is used again
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiohttp import web

MARKDOWN = """# Title

Some *text* with `code` and [a link](https://example.org).

| a | b |
|---|--:|
| 1 | 2 |

```python
def f(x):
    return x + 1
```

1. one
2. two
"""
SCRIPT = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> "
    "[click](javascript:alert(1)) ![pixel](https://evil.example/p.png)\n"
)
RICH = r"""**Scattering** grows with $1/\lambda^4$:

\[
I \propto \frac{1}{\lambda^4}, \quad
\sum_{i=1}^{n} x_i = \begin{aligned} a &= b \\ c &= d \end{aligned}
\]

- [x] blue is scattered most, see https://a.example/rayleigh
- [ ] red the least[^1]

השמיים כחולים בגלל פיזור.

```python
def intensity(wavelength: float, reference: float = 550e-9) -> float:
    # How much is scattered, against green light; a comment too long for a narrow panel.
    return (reference / wavelength) ** 4
```

| colour | wavelength | scattered |
|:--|--:|--:|
| blue | 450 nm | 2.2 |
| red | 700 nm | 0.4 |

[^1]: At sunset the way through the air is longer.
"""
WIDE = r"""| wavelength | reference | scattered | absorbed | transmitted |
|--:|--:|--:|--:|--:|
| 450 nanometres | 550 nanometres | 2.2 | 0.01 | 0.97 |

\[
a_1 + a_2 + a_3 + a_4 + a_5 + a_6 + a_7 + a_8 + a_9 + a_{10} + a_{11} + a_{12} + a_{13} = 0
\]

```python
    # How much is scattered, against green light; a comment too long for a narrow panel.
```
"""
HANG_S = 3600.0


class OpenAIServer:
    """Runs in the test's own event loop. `requests` keeps what was asked."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.connections: list[asyncio.BaseTransport | None] = []  # of each request
        self.url = ""
        self.cut = asyncio.Event()  # the client ended a stream
        self._gate = asyncio.Event()
        self._awaited: dict[str, list[asyncio.Future[None]]] = {}
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0) -> str:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._complete)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self.url

    async def stop(self) -> None:
        self._gate.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def until_asked(self, model: str) -> None:
        """Returns once such a contender has been asked."""
        if not any(asked["model"] == model for asked in self.requests):
            waiting = asyncio.get_running_loop().create_future()
            self._awaited.setdefault(model, []).append(waiting)
            await waiting

    def go_on(self) -> None:
        """Lets the models that wait finish."""
        self._gate.set()

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        self.requests.append(asked)
        self.keys.append(request.headers.get("Authorization"))
        used_again = request.transport in self.connections
        self.connections.append(request.transport)
        model: str = re.sub(r"^secret-(.*)-[A-Z]\w+$", r"\1", asked["model"])
        for waiting in self._awaited.pop(model, []):
            waiting.set_result(None)
        if refusal := self._refusal(model, asked):
            return refusal
        if model == "hangs-up" and used_again:
            assert request.transport is not None
            request.transport.close()
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            await self._stream(response, model, asked)
        except (asyncio.CancelledError, ConnectionResetError):
            self.cut.set()
            raise
        return response

    def _refusal(self, model: str, asked: dict[str, Any]) -> web.Response | None:
        if model.startswith("error-"):
            status = int(model.removeprefix("error-"))
            message = "The model does not exist" if status == 404 else f"No. {asked['model']}"
            return web.json_response({"error": {"message": message}}, status=status)
        if model == "picky":
            for name, instead in [("stream_options", ""), ("max_tokens", "max_completion_tokens")]:
                if name in asked:
                    reason = f"Unsupported parameter {name}. Use {instead}"
                    return web.json_response({"error": {"message": reason}}, status=400)
        if model == "whole":
            message = {"role": "assistant", "content": "All at once."}
            return web.json_response(
                {"choices": [{"message": message}], "usage": {"completion_tokens": 3}}
            )
        if model == "html":
            return web.Response(text="<html>Welcome</html>", content_type="text/html")
        return None

    async def _stream(
        self, response: web.StreamResponse, model: str, asked: dict[str, Any]
    ) -> None:
        async def say(text: str | None, **more: Any) -> None:
            delta: dict[str, Any] = {} if text is None else {"content": text}
            chunk = {"choices": [{"delta": delta, "finish_reason": None, **more}]}
            await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")

        await say(None, delta={"role": "assistant"})
        speak = _VOICES.get(model)
        if speak is None:
            raise ValueError(f"No behaviour is named {model!r}.")
        async for text in speak(self, response, asked):
            await say(text)
        if model == "unended":
            return
        await say(None, finish_reason="length" if model == "cut-off" else "stop")
        usage = {"choices": [], "usage": {"completion_tokens": 7}}
        await response.write(b"data: " + json.dumps(usage).encode() + b"\n\n")
        await response.write(b"data: [DONE]\n\n")
        if model == "lingers":
            await asyncio.sleep(0.02)


Voice = Callable[[OpenAIServer, web.StreamResponse, dict[str, Any]], AsyncIterator[str]]
_VOICES: dict[str, Voice] = {}


def _voice(name: str) -> Callable[[Voice], Voice]:
    def keep(voice: Voice) -> Voice:
        _VOICES[name] = voice
        return voice

    return keep


@_voice("echo")
@_voice("lingers")
@_voice("hangs-up")
async def _echo(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    for word in asked["messages"][-1]["content"].split(" "):
        yield word + " "


@_voice("fast")
async def _fast(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    for number in range(100):
        yield f"{number} "


@_voice("slow")
async def _slow(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    yield "first"
    await server._gate.wait()
    yield " second"
    yield " third"


@_voice("waits")
async def _waits(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    await server._gate.wait()
    yield "waited"


@_voice("pace")
async def _pace(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    for number in range(asked["max_tokens"]):
        yield f"word{number} "
        await asyncio.sleep(0.05)


@_voice("hang")
async def _hang(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    await asyncio.sleep(HANG_S)
    yield ""


@_voice("stall")
async def _stall(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    yield "one"
    await asyncio.sleep(HANG_S)


@_voice("empty")
async def _empty(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    yield ""


@_voice("blank")
async def _blank(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    yield " "
    yield "\n"


@_voice("cut-off")
@_voice("unended")
@_voice("half")
async def _half(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    yield "half an"


@_voice("dies")
async def _dies(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    yield "half an"
    assert response._req is not None
    assert response._req.transport is not None
    response._req.transport.abort()
    raise ConnectionResetError


@_voice("long-dies")
async def _long_dies(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    yield "A paragraph.\n\n" * 40
    async for half in _dies(server, response, asked):
        yield half


@_voice("fades")
async def _fades(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    yield "first"
    await server._gate.wait()
    async for half in _dies(server, response, asked):
        yield half


@_voice("markdown")
async def _markdown(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    for start in range(0, len(MARKDOWN), 7):
        yield MARKDOWN[start : start + 7]


@_voice("rich")
async def _rich(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    for start in range(0, len(RICH), 9):
        yield RICH[start : start + 9]


@_voice("long")
async def _long(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    for paragraph in range(40):
        for word in range(30):
            yield f"word{word} "
        await asyncio.sleep(0.03)
        yield f"end of {paragraph}.\n\n"


@_voice("wide")
async def _wide(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    yield WIDE


@_voice("script")
async def _script(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    yield SCRIPT


@_voice("remembers")
async def _remembers(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    yield " ".join(message["role"] for message in asked["messages"])


@_voice("picky")
async def _picky(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    yield f"up to {asked['max_completion_tokens']}"


@_voice("chunk-error")
async def _chunk_error(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    yield "so far "
    await response.write(b'data: {"error": {"message": "out of memory"}}\n\n')


@_voice("surrogate")
async def _surrogate(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    yield "\ud83d odd\x00"


@_voice("garbage")
async def _garbage(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    await response.write(b"data: {this is not JSON\n\n")
    yield ""


@_voice("thinks")
async def _thinks(server: OpenAIServer, response: web.StreamResponse, asked: Any) -> Any:
    chunk = b'{"choices": [{"delta": {"reasoning_content": "hmm"}, "finish_reason": null}]}'
    await response.write(b": a comment\n\nevent: message\ndata: " + chunk + b"\r\n\r\n")
    yield "the answer"
