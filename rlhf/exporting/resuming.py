"""How far an export got, noted beside its unfinished files: one that is killed goes on from there.

Only for JSON Lines. A Parquet file has its index at its end, so half of one is of no use.
"""

import hashlib
import json
import os
import time
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EVERY_S = 2.0
_BLOCK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Written:
    """How much of a file counts: its rows, its bytes, and what they hash to so far."""

    rows: int
    size: int
    digest: "hashlib._Hash"


class Reached:
    """The note in an unfinished folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "reached.json"
        self.kept_at = time.monotonic()

    def is_due(self) -> bool:
        return time.monotonic() - self.kept_at >= EVERY_S

    def keep(self, counts: Mapping[str, Any], files: Mapping[str, Written]) -> None:
        """Note what the files hold by now, and what was counted for that."""
        told = {
            name: {"rows": one.rows, "size": one.size, "sha256": one.digest.hexdigest()}
            for name, one in files.items()
        }
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps({"counts": counts, "files": told}), encoding="utf-8")
        fresh.replace(self.path)
        self.kept_at = time.monotonic()

    def take_up(self, counted: Set[str]) -> tuple[dict[str, Any], dict[str, Written]] | None:
        """The counts and files of the last note, with the files cut to it; None without a note.

        None too where a file is not as noted, as after a power cut, and where the note's counts are
        not of what is `counted` now: another version kept it.
        """
        try:
            noted = json.loads(self.path.read_text(encoding="utf-8"))
            if noted["counts"].keys() != counted:
                return None
            written = {name: self._written(name, told) for name, told in noted["files"].items()}
        except (OSError, ValueError, KeyError):
            return None
        for name, told in written.items():
            os.truncate(self.path.with_name(name), told.size)
        return noted["counts"], written

    def _written(self, name: str, told: Mapping[str, Any]) -> Written:
        digest, left = hashlib.sha256(), told["size"]
        with self.path.with_name(name).open("rb") as file:
            while block := file.read(min(left, _BLOCK)):
                digest.update(block)
                left -= len(block)
        if digest.hexdigest() != told["sha256"]:
            raise ValueError(f"{name} is not as noted")
        return Written(told["rows"], told["size"], digest)

    def clear(self) -> None:
        """The files are whole."""
        self.path.unlink(missing_ok=True)
