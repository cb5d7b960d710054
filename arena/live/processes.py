"""Which process is it, and does it still live? Told to the other processes of the same machine."""

import os
from functools import lru_cache
from pathlib import Path

# Of a process that has died and that its parent has not heard of, or is hearing of.
DEAD = {"Z", "X"}


def identity(pid: int) -> str:
    """A process of this machine, or of this container; empty where that cannot be told."""
    return f"{_machine()}/{pid}" if _machine() else ""


def has_died(who: str) -> bool:
    """Whether that process is known to have died: never so of another machine's."""
    machine, _, pid = who.rpartition("/")
    if not machine or machine != _machine():
        return False
    try:
        os.kill(int(pid), 0)  # knows of other users' processes too, which /proc may hide
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return state in DEAD


@lru_cache
def _machine() -> str:
    """This start of the machine, and whose process numbers they are."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # not Linux
        return ""
