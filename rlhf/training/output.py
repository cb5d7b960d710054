"""The folder a run leaves: metrics.jsonl, samples.jsonl, summary.json, error.json, checkpoint/."""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rlhf.training.errors import InputError, TrainingError

PARTIAL = ".checkpoint.partial"


class Output:
    """Writes one run's folder. Every line of metrics.jsonl is on disk when `progress` returns.

    A stage runs through `phases`, each with its share of the whole run's expected time, so that
    `progress` in [0, 1] only grows.
    """

    def __init__(self, folder: Path, phases: dict[str, float]) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for stale in ("metrics.jsonl", "samples.jsonl", "summary.json", "error.json"):
                (folder / stale).unlink(missing_ok=True)
            shutil.rmtree(folder / PARTIAL, ignore_errors=True)
        except OSError as error:
            raise InputError(
                f"Cannot write to {folder}: {error.strerror}.", "Choose a writable output folder."
            ) from error
        whole = sum(phases.values())
        self._starts: dict[str, float] = {}
        self._shares = {name: share / whole for name, share in phases.items()}
        begin = 0.0
        for name, share in self._shares.items():
            self._starts[name] = begin
            begin += share
        self._furthest = 0.0
        self.seconds: dict[str, float] = {}
        self._clock = time.monotonic()

    @contextmanager
    def phase(self, name: str) -> Iterator[Callable[..., None]]:
        """Time a phase; yields `report(step, total, **metrics)`."""
        begin = time.monotonic()
        self.progress(name, 0, 1, {})

        def report(step: int, total: int, **metrics: float) -> None:
            self.progress(name, step, total, metrics)

        yield report
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - begin

    def progress(self, phase: str, step: int, total: int, metrics: dict[str, float]) -> None:
        """Append a line to metrics.jsonl; a metric that is not finite stops the run."""
        for name, value in metrics.items():
            if not math.isfinite(value):
                raise TrainingError(
                    f"{name} became {value} in phase {phase}, step {step}.",
                    "Lower the learning rate or look at the data for empty or huge texts.",
                )
        done = self._starts[phase] + self._shares[phase] * min(1.0, step / max(1, total))
        self._furthest = max(self._furthest, done)
        line = {
            "time": round(time.time(), 3),
            "phase": phase,
            "step": step,
            "total": total,
            "progress": round(self._furthest, 4),
            "metrics": {name: float(value) for name, value in metrics.items()},
        }
        self._append("metrics.jsonl", line)

    def sample(self, line: dict[str, Any]) -> None:
        """Append a line to samples.jsonl."""
        self._append("samples.jsonl", line)

    def publish(self, write: Callable[[Path], None]) -> Path:
        """Write a checkpoint under a temporary name, then rename it to `checkpoint/`."""
        partial, final = self.folder / PARTIAL, self.folder / "checkpoint"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            write(partial)
            for file in partial.rglob("*"):
                if file.is_file():
                    with file.open("rb") as handle:
                        os.fsync(handle.fileno())
            shutil.rmtree(final, ignore_errors=True)
            partial.rename(final)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return final

    def summary(self, stage: str, config: dict[str, Any], metrics: dict[str, Any]) -> None:
        """Write summary.json: what ran, its final metrics, its times."""
        whole = time.monotonic() - self._clock
        seconds = {name: round(value, 1) for name, value in self.seconds.items()}
        self.write_json(
            "summary.json",
            {
                "stage": stage,
                "config": config,
                "metrics": metrics,
                "seconds": {**seconds, "total": round(whole, 1)},
            },
        )

    def write_json(self, name: str, value: dict[str, Any]) -> None:
        """Write a JSON file whole or not at all."""
        write_json(self.folder / name, value)

    def _append(self, name: str, line: dict[str, Any]) -> None:
        with (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON file whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)
