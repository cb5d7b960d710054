"""Reads what a training process reports: whole lines of metrics.jsonl, from where we left off."""

import json
import logging
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)
MAX_BYTES = 4 * 1024 * 1024  # one reading; the rest comes with the next


@dataclass(frozen=True, slots=True)
class Report:
    """One line: where the process is, and the finite figures it measured there."""

    phase: str
    step: int
    total: int
    progress: float
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    reports: tuple[Report, ...]
    offset: int
    unreadable: int  # lines that were no report
    began_anew: bool = False  # the file is shorter than what was read of it


def read(path: Path, offset: int) -> Reading:
    """Reports after `offset`. A last line without its line break is left for the next reading."""
    try:
        with path.open("rb") as file:
            if offset > file.seek(0, 2):
                return Reading((), 0, 0, began_anew=True)
            file.seek(offset)
            block = file.read(MAX_BYTES)
    except FileNotFoundError:
        return Reading((), offset, 0)
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
    return Reading(tuple(reports), offset + len(whole), unreadable)


def _report(line: dict[str, Any]) -> Report:
    progress = float(line["progress"])
    if not math.isfinite(progress):
        raise ValueError(f"progress is {progress}")
    return Report(
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
