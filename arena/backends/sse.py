"""Reads a stream of server-sent events: bytes in, the data of each event out."""

from collections.abc import AsyncGenerator, AsyncIterator

LINE_MAX_BYTES = 4 * 1024 * 1024


class SSEError(ValueError):
    """What came is not a stream of events."""


async def events(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The payload of each `data:` line.

    Chat completions put one JSON object on one line, so lines are not joined into events.
    Comments, `event:`, `id:` and `retry:` lines are passed over.
    """
    rest = b""
    async for chunk in chunks:
        rest += chunk
        if b"\n" not in chunk:
            if len(rest) > LINE_MAX_BYTES:
                raise SSEError("A line is longer than 4 MiB.")
            continue
        *lines, rest = rest.split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()
    if rest.startswith(b"data:"):
        yield rest[5:].strip()
