"""What a run keeps on disk so that it can go on after it was killed: the folder `state/`.

It holds the fingerprint of the run's settings and inputs, and entries: folders `NAME.NUMBER`, each
renamed into place when whole. An entry may know its place: how long metrics.jsonl and samples.jsonl
were when it was written, and the seconds that each phase had taken. A run that goes on cuts both
files to the last place, so that no step is told twice. Knows no torch: the web reads it too.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rlhf.training.settings import Run

FOLDER = "state"
FINGERPRINT, PLACE = "fingerprint", "place.json"
ENTRIES = "[!.]*.*"
CONTINUED = ("metrics.jsonl", "samples.jsonl")
COST_SHARE = 0.05  # of a run's time that writing states may take: large ones come less often
# Settings that may differ between a run and its continuation.
FREE = {"output", "save_seconds"}


@dataclass(frozen=True)
class Place:
    """Where a run stood: bytes of its files of lines, seconds by phase, and in all."""

    sizes: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    total: float = 0.0


def fingerprint(config: Run) -> str:
    """SHA-256 of a config and of the files it names: a state serves only the run it is of."""
    values = {name: value for name, value in asdict(config).items() if name not in FREE}
    told = json.dumps([type(config).__name__, values], sort_keys=True)
    digest = hashlib.sha256(told.encode())
    for _, value in sorted(values.items()):
        if isinstance(value, str) and value and Path(value).is_file() and os.access(value, os.R_OK):
            with Path(value).open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


class State:
    """The state of the run in `output`; what another run or other inputs left there is removed.

    every_s: seconds after which something is worth keeping again; 0 keeps nothing to go on from.
    reads_only: of several processes of a run all but the first; they keep and remove nothing.
    """

    def __init__(
        self, output: Path, fingerprint: str, every_s: float, *, reads_only: bool = False
    ) -> None:
        self.folder, self.every_s = output / FOLDER, every_s
        self._kept_at = time.monotonic()
        self._cost_s = 0.0
        self._reads_only = reads_only
        mark = self.folder / FINGERPRINT
        self._foreign = reads_only and not (mark.is_file() and mark.read_text() == fingerprint)
        if reads_only:
            return
        if not every_s or not mark.is_file() or mark.read_text() != fingerprint:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir()
            if every_s:
                mark.write_text(fingerprint)
        for partial in self.folder.glob(".*"):
            shutil.rmtree(partial)

    def entries(self, name: str) -> list[Path]:
        """The whole entries of that name, by number."""
        return [] if self._foreign else sorted(self.folder.glob(f"{name}.*"))

    def is_due(self) -> bool:
        """Whether so much was done since the last entry that it should be kept."""
        pause = max(self.every_s, self._cost_s / COST_SHARE)
        return bool(self.every_s) and time.monotonic() - self._kept_at >= pause

    def keep(
        self,
        name: str,
        number: int,
        write: Callable[[Path], None],
        place: Place | None = None,
        *,
        alone: bool = True,
    ) -> bool:
        """Write an entry whole or not at all, then remove the earlier ones if it is to be `alone`.

        False where it could not be written (a full disk): the run goes on with what it has.
        """
        if self._reads_only:
            return False
        begin = time.monotonic()
        partial, final = self.folder / f".{name}", self.folder / f"{name}.{number:09d}"
        earlier = self.entries(name) if alone else []
        try:
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            write(partial)
            if place is not None:
                (partial / PLACE).write_text(json.dumps(asdict(place)))
            sync(partial)
            shutil.rmtree(final, ignore_errors=True)
            partial.rename(final)
        # Torch and safetensors tell of a full disk by errors of their own.
        except Exception as error:  # noqa: BLE001
            shutil.rmtree(partial, ignore_errors=True)
            print(f"The state {final.name} could not be written: {error}", file=sys.stderr)
            self._kept_at = time.monotonic()
            return False
        for old in earlier:
            if old != final:
                shutil.rmtree(old, ignore_errors=True)
        self._kept_at = time.monotonic()
        self._cost_s = self._kept_at - begin
        return True

    def remove(self) -> None:
        """Remove it: the run has its result."""
        if self._reads_only:
            return
        shutil.rmtree(self.folder, ignore_errors=True)


def can_go_on(output: Path) -> bool:
    """Whether another process can take up the run in this folder, be it from its beginning."""
    return (output / FOLDER / FINGERPRINT).is_file()


def kept_something(output: Path) -> bool:
    """Whether the run in this folder kept a state, so that it need not begin again."""
    return can_go_on(output) and any((output / FOLDER).glob(ENTRIES))


def drop(output: Path) -> None:
    """Remove the state of the run in this folder: it is not to go on."""
    shutil.rmtree(output / FOLDER, ignore_errors=True)


def drop_empty(output: Path) -> None:
    """Remove a state that nothing was kept in: what cannot be used will not be better later."""
    if not any((output / FOLDER).glob(f"{ENTRIES}/{PLACE}")):
        drop(output)


def last_place(output: Path) -> Place:
    """The furthest place of a state's entries; the beginning where there is none."""
    files = (output / FOLDER).glob(f"{ENTRIES}/{PLACE}")
    places = [Place(**json.loads(file.read_text())) for file in files]
    return max(places, key=lambda place: place.sizes.get(CONTINUED[0], 0), default=Place())


def cut_back(output: Path) -> Place:
    """Cut the run's files of lines to the place that its state is of, and return that.

    Only whole lines stay, also where a machine that lost its power had not written all of them.
    """
    place = last_place(output)
    for name in CONTINUED:
        path = output / name
        if path.is_file():
            kept = path.read_bytes()[: place.sizes.get(name, 0)]
            os.truncate(path, kept.rfind(b"\n") + 1)
    return place


def sync(folder: Path) -> None:
    """Have all files of a folder on the disk, and not only on their way to it."""
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb") as handle:
                os.fsync(handle.fileno())
