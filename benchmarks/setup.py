"""Set-up time: from a fresh clone with an empty HOME to the first page, and a second start.

`python -m benchmarks.setup` clones this checkout's last commit into a temporary folder and calls
`make run` there twice. Packages come from the index that pip is configured for, without a cache.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIMIT_S = 1_800.0


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="arena-bench-") as name:
        folder = Path(name)
        subprocess.run(["git", "clone", "-q", str(ROOT), str(folder / "clone")], check=True)
        (folder / "home").mkdir()
        first, _ = start(folder)
        again, served = start(folder)
    print(f"{'clone to first page':<34}{first:8.1f} s")
    print(f"{'second start to first page':<34}{again:8.1f} s")
    print(f"{'  of it, as the arena itself says':<34}{served:8.1f} s")


def start(folder: Path) -> tuple[float, float]:
    """Seconds of `make run` until the arena says that it is ready, and those that it says."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = dict(os.environ) | {"HOME": str(folder / "home"), "PORT": str(port)}
    for name in ("ARENA_HOME", "REDIS_URL", "DATABASE_URL", "DJANGO_SETTINGS_MODULE"):
        env.pop(name, None)
    log = folder / "log"
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["make", "run"], cwd=folder / "clone", env=env, stdout=output, stderr=output
        )
    try:
        while time.monotonic() - began < LIMIT_S:
            if found := re.search(r"ready after ([\d.]+) s", log.read_text(errors="replace")):
                return time.monotonic() - began, float(found.group(1))
            if process.poll() is not None:
                break
            time.sleep(0.05)
        sys.exit(f"The arena did not start:\n{log.read_text(errors='replace')}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


if __name__ == "__main__":
    main()
