"""A WebSocket client for tests, speaking ASGI to the application itself.

`channels.testing` offers the same, but cannot be imported without Daphne.
"""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from asgiref.testing import ApplicationCommunicator

from config.asgi import application


class TestSocket:
    """One connection to `path`. `close_code` is set once the server has closed it."""

    __test__ = False

    def __init__(self, path: str, *, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        parts = urlsplit(path)
        scope = {
            "type": "websocket",
            "path": parts.path,
            "query_string": parts.query.encode(),
            "headers": [(b"host", b"testserver"), *headers],
            "subprotocols": [],
        }
        self._communicator = ApplicationCommunicator(application, scope)
        self.close_code: int | None = None
        self.rejected = False
        self.frames: list[str] = []  # as they came

    async def connect(self) -> bool:
        """True when the server accepts."""
        await self._communicator.send_input({"type": "websocket.connect"})
        answer = await self._communicator.receive_output(timeout=5)
        self.rejected = answer["type"] != "websocket.accept"
        return not self.rejected

    async def receive(self, within: float = 5) -> Any:
        """The next frame, read as JSON; None when the server closes instead."""
        message = await self._communicator.receive_output(timeout=within)
        if message["type"] == "websocket.close":
            self.close_code = message.get("code", 1000)
            return None
        self.frames.append(message["text"])
        return json.loads(message["text"])

    async def send(self, text: str | None = None, data: bytes | None = None) -> None:
        frame = {"text": text} if data is None else {"bytes": data}
        await self._communicator.send_input({"type": "websocket.receive", **frame})

    async def silent(self) -> bool:
        return bool(await self._communicator.receive_nothing(timeout=0.05))

    async def disconnect(self) -> None:
        await self._communicator.send_input({"type": "websocket.disconnect", "code": 1000})
        await self._communicator.wait(timeout=5)
