"""Plots as SVG or PNG, drawn in a process beside the web server.

vl-convert holds Python's lock while it draws, see docs/decisions/0006-charts.md: inside the web
server each plot would halt all streams.
"""

import atexit
import hashlib
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from ranking.selectors.kept import Kept

FORMATS = {"svg": "image/svg+xml", "png": "image/png"}
TIMEOUT_S = 30.0
_RENDERER = Path(__file__).with_name("renderer.py")
_DRAWN: Kept[bytes] = Kept(size=64, seconds=3600)


class DrawingError(Exception):
    """A plot could not be drawn; the message says why."""


def fingerprint(spec: dict[str, Any]) -> str:
    """A hash of all that a plot shows."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()


def render(spec: dict[str, Any], file_format: str) -> bytes:
    """A plot, drawn unless the very same one was drawn lately. Raises DrawingError."""
    key = (fingerprint(spec), file_format)
    return _DRAWN.get(key, lambda: _renderer.draw(spec, file_format))


class Renderer:
    """The process that draws. It is started when it is needed, and again should it be gone."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def draw(self, spec: dict[str, Any], file_format: str) -> bytes:
        request = json.dumps({"format": file_format, "spec": spec}).encode() + b"\n"
        with self._lock:
            try:
                return self._ask(request)
            except (BrokenPipeError, EOFError):  # it had nothing to do and left, or was killed
                self.stop()
                try:
                    return self._ask(request)
                except (BrokenPipeError, EOFError) as error:
                    self.stop()
                    raise DrawingError("The process that draws plots died.") from error

    def stop(self) -> None:
        """Ends the process if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _ask(self, request: bytes) -> bytes:
        """Raises EOFError or BrokenPipeError when the process is gone, also if that takes long."""
        process = self._process = self._process or _start()
        assert process.stdin is not None
        assert process.stdout is not None
        watch = threading.Timer(TIMEOUT_S, process.kill)
        watch.start()
        try:
            process.stdin.write(request)
            process.stdin.flush()
            word, _, size = process.stdout.readline().partition(b" ")
            if not size:
                raise EOFError
            body = process.stdout.read(int(size))
        finally:
            watch.cancel()
        if len(body) < int(size):
            raise EOFError
        if word != b"ok":
            raise DrawingError(body.decode())
        return body


def _start() -> "subprocess.Popen[bytes]":
    # -P: the renderer's folder is not where it looks for modules.
    return subprocess.Popen(
        [sys.executable, "-P", str(_RENDERER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


_renderer = Renderer()
# uvicorn ends by the very signal that stops it, so without this: it calls `close` instead.
atexit.register(_renderer.stop)


def close() -> None:
    """Ends the process that draws, before the web server ends."""
    _renderer.stop()
