"""Reads what a training process reports: whole lines of metrics.jsonl, from where we left off."""

import hashlib
import json
import logging
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)
MAX_BYTES = 4 * 1024 * 1024  # one reading; the rest comes with the next
MARKED = 1024  # bytes, so that the time of the last line is among them


@dataclass(frozen=True, slots=True)
class Report:
    """One line: when it was written (seconds since the epoch), where the process is, and the finite
    figures it measured there.
    """

    time: float
    phase: str
    step: int
    total: int
    progress: float
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """`offset` and `mark` say where the next reading goes on."""

    reports: tuple[Report, ...]
    offset: int
    mark: str
    unreadable: int  # lines that were no report
    began_anew: bool = False  # the file is another one than what was read


def read(path: Path, offset: int, mark: str = "") -> Reading:
    """Reports after `offset`. A last line without its line break is left for the next reading.

    A file that is shorter than the offset, or holds something else before it than `mark` tells
    (if there is one), was begun anew, however long it has become.
    """
    try:
        with path.open("rb") as file:
            shorter = offset > file.seek(0, 2)
            start = max(0, offset - MARKED)
            file.seek(start)
            before = file.read(offset - start)
            if shorter or (mark and _mark(before) != mark):
                return Reading((), 0, "", 0, began_anew=True)
            block = file.read(MAX_BYTES)
    except FileNotFoundError:
        return Reading((), offset, mark, 0)
    whole = block[: block.rfind(b"\n") + 1]
    reports: list[Report] = []
    unreadable = 0
    for line in whole.splitlines():
        if not line.strip():
            continue
        try:
            reports.append(_report(json.loads(line)))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            unreadable += 1
            logger.warning("%s: unreadable line (%s): %.200r", path, error, line)
    now = _mark((before + whole)[-MARKED:])
    return Reading(tuple(reports), offset + len(whole), now, unreadable)


def _mark(last: bytes) -> str:
    """What tells the last bytes that were read; empty for none."""
    return hashlib.blake2b(last, digest_size=8).hexdigest() if last else ""


def _report(line: dict[str, Any]) -> Report:
    time, progress = float(line["time"]), float(line["progress"])
    if not (math.isfinite(time) and math.isfinite(progress)):
        raise ValueError(f"time is {time}, progress {progress}")
    return Report(
        time=time,
        phase=str(line["phase"])[:60],
        step=max(0, int(line["step"])),
        total=max(0, int(line["total"])),
        progress=min(1.0, max(0.0, progress)),
        metrics={
            str(name)[:60]: float(value)
            for name, value in line.get("metrics", {}).items()
            if isinstance(value, int | float) and math.isfinite(value)
        },
    )
