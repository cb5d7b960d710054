"""One trainer in a folder: a lock that the process itself holds for as long as it lives.

A lock of POSIX records, because no child has it, forked or started: it ends with the process,
however that ends. For the same reason nothing else in the process may open the file and close it.
Knows no torch: whoever starts trainers looks here too.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

LOCK = "trainer.lock"
OCCUPIED = 3  # exit code of a trainer that found its folder taken
TAKEN = (BlockingIOError, PermissionError)  # systems differ


def occupy(folder: Path) -> BinaryIO | None:
    """Take the folder until what is returned is closed; None if another process has it.

    The file says which process that is. Raises OSError where no file can be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / LOCK).open("ab")
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except TAKEN:
        file.close()
        return None
    with suppress(OSError):  # a full disk: the place counts, not what is said of it
        os.ftruncate(file.fileno(), 0)
        os.write(file.fileno(), b"%d\n" % os.getpid())
    return file


def occupant(folder: Path) -> int | None:
    """The process that has the folder now; None if there is none, or none that said so yet."""
    try:
        file = (folder / LOCK).open("rb")
    except FileNotFoundError:
        return None
    with file:
        try:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except TAKEN:
            told = file.read().strip()
            return int(told) if told.isdigit() else None
    return None
