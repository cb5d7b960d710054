"""What a run computes on, its memory and its speed, from what its process wrote."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rlhf.models import Run

logger = logging.getLogger(__name__)
HEAD_BYTES = TAIL_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Vitals:
    """device: as the process names it, empty before it did. Memory in bytes, None if not told.

    first_metric: seconds from the request to the first figure, without those between two of the
    run's processes. speeds: tokens a second by phase.
    """

    device: str
    count: int | None
    resident: int | None
    gpu: int | None
    first_metric: float | None
    speeds: tuple[tuple[str, float], ...]


def vitals(run: Run) -> Vitals:
    """The vitals of a run that runs or has ended."""
    told = run.summary
    device = told.get("device") or _object(run.folder / "device.json")
    memory = most_memory(run)
    seconds, tokens = told.get("seconds", {}), told.get("tokens", {})
    return Vitals(
        device=str(device.get("name", "")),
        count=device.get("count") if device.get("kind") == "cpu" else None,
        resident=memory.get("resident"),
        gpu=memory.get("gpu"),
        first_metric=told.get("seconds_to_first_metric") or first_metric_after(run),
        speeds=tuple(
            (phase, count / seconds[phase])
            for phase, count in tokens.items()
            if seconds.get(phase, 0) > 0
        ),
    )


def most_memory(run: Run) -> dict[str, int]:
    """Bytes that a process of the run used at most, by kind ("resident", "gpu")."""
    told = run.summary.get("peak_memory") or _last_memory(run.folder / "metrics.jsonl")
    found, before = dict(told), run.peak_memory
    return found | {kind: max(size, found.get(kind, 0)) for kind, size in before.items()}


def first_metric_after(run: Run) -> float | None:
    """Seconds from the request to the first reported figure; None while there is none.

    Without those in which nothing ran, from the last word of a process until another was prepared.
    """
    for line in _objects(_piece(run.folder / "metrics.jsonl", last=False)):
        if line.get("metrics") and isinstance(line.get("time"), int | float):
            first = float(line["time"])
            spent = first - run.created_at.timestamp() - _idle_before(run, first)
            return max(0.0, round(spent, 1))
    return None


def _idle_before(run: Run, moment: float) -> float:
    """Seconds before a moment in which no process of a begun run worked."""
    pauses = [
        (datetime.fromisoformat(told[name]).timestamp() for name in ("silent_since", "resumed_at"))
        for told in run.interruptions
        if "resumed_at" in told and "silent_since" in told
    ]
    return sum(max(0.0, min(end, moment) - begin) for begin, end in pauses)


def _last_memory(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for line in _objects(_piece(path, last=True)):
        memory = line.get("memory")
        found = memory if isinstance(memory, dict) else found
    return found


def _piece(path: Path, *, last: bool) -> bytes:
    try:
        with path.open("rb") as file:
            if last:
                file.seek(max(0, file.seek(0, 2) - TAIL_BYTES))
            return file.read(HEAD_BYTES)
    except FileNotFoundError:
        return b""


def _objects(piece: bytes) -> Iterator[dict[str, Any]]:
    """The whole objects of a piece of a JSON-lines file; its ends may be cut."""
    for line in piece.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value


def _object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        logger.warning("%s: %s", path, error)
        return {}
    return value if isinstance(value, dict) else {}
