"""What a run's process wrote into samples.jsonl, by the step that it is of."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlhf.models import Run

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Samples:
    """Responses of an update beside its base's. `step` is None for those of the result."""

    step: int | None
    lines: tuple[dict[str, Any], ...]


def samples(run: Run) -> list[Samples]:
    """The samples of each step, in the order in which they were written."""
    found: dict[int | None, list[dict[str, Any]]] = {}
    for line in _objects(run.folder / "samples.jsonl"):
        step = line.get("step")
        found.setdefault(step if isinstance(step, int) else None, []).append(line)
    return [Samples(step, tuple(lines)) for step, lines in found.items()]


def _objects(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of lines; unreadable ones are skipped."""
    found: list[dict[str, Any]] = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return found
    for line in lines:
        try:
            value = json.loads(line)
        except ValueError as error:
            logger.warning("%s: unreadable line: %s", path, error)
            continue
        if isinstance(value, dict):
            found.append(value)
    return found
