"""An OpenAI-compatible server that streams numbered tokens at an exact pace, and does little else.

A model named `100-at-50` writes 100 tokens of 50 a second, the first at once; `100-at-50-after-20`
thinks for 20 ms before it. Token n is `n/t ` where t is the moment at which it was sent
(CLOCK_MONOTONIC, in ms), so that a client on the same machine knows the lag of each. Every 25th
token ends a paragraph. A connection is kept for the next request, as vLLM and others keep it.

    python -m benchmarks.token_server PORT
"""

import asyncio
import re
import sys
import time

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
BEGIN = b'data: {"choices":[{"delta":{"role":"assistant"},"finish_reason":null}]}\n\n'
TOKEN = b'data: {"choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}\n\n'
END = (
    b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
    b'data: {"choices":[],"usage":{"completion_tokens":%d}}\n\ndata: [DONE]\n\n'
)
LAST = b"0\r\n\r\n"
PARAGRAPH = 25


class Connection(asyncio.Protocol):
    """One request and its answer after another."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._asked = b""
        self._answering = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._asked += data
        found = re.search(rb'"model":\s*"(\d+)-at-(\d+)(?:-after-(\d+))?"', self._asked)
        if found and not self._answering:
            self._answering = True
            self._sent, self._tokens, self._every = 0, int(found[1]), 1 / int(found[2])
            self._begun = self._loop.time() + int(found[3] or 0) / 1000
            self._transport.write(HEAD + _chunk(BEGIN))
            self._loop.call_at(self._begun, self._token) if found[3] else self._token()

    def _token(self) -> None:
        if self._transport.is_closing():
            return
        n = self._sent
        self._sent += 1
        end = b"\\n\\n" if n % PARAGRAPH == PARAGRAPH - 1 else b" "
        self._transport.write(
            _chunk(TOKEN % (b"%d/%d%s" % (n, time.monotonic_ns() // 1_000_000, end)))
        )
        if self._sent < self._tokens:
            self._loop.call_at(self._begun + self._sent * self._every, self._token)
        else:
            self._transport.write(_chunk(END % self._tokens) + LAST)
            self._asked, self._answering = b"", False


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
