"""The folder a run leaves: metrics.jsonl, samples.jsonl, summary.json, error.json, checkpoint/.

While it runs there is `state/` as well (`state`): a run that finds its own goes on from there.
"""

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

from rlhf.training import settings
from rlhf.training.distributed import is_first
from rlhf.training.errors import InputError, TrainingError
from rlhf.training.shares import shares
from rlhf.training.state import CONTINUED, Place, State, cut_back, fingerprint, last_place, sync
from rlhf.training.vitals import device_facts, peak_memory

PARTIAL = ".checkpoint.partial"


class Output:
    """Writes one run's folder. Every line of metrics.jsonl is on disk when `progress` returns.

    A stage runs through `phases`, each with its share of the whole run's expected time, some of
    them in several rounds: `progress` in [0, 1] is what is done of all together, and only grows.
    """

    def __init__(self, folder: Path, phases: dict[str, float], state: State | None = None) -> None:
        self.folder = folder
        self.state = state
        self.silent = not is_first()  # of several processes, one writes
        place = Place()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not self.silent:
                self._clear(keep_lines=state is not None)
            if state is not None:
                place = last_place(folder) if self.silent else cut_back(folder)
        except OSError as error:
            raise InputError(
                f"Cannot write to {folder}: {error.strerror}.", "Choose a writable output folder."
            ) from error
        whole = sum(phases.values())
        self._shares = {name: share / whole for name, share in phases.items()}
        self._done: dict[str, float] = {}  # of each phase that was begun, the share that is done
        for line in self._lines():
            self._advance(line["phase"], line.get("done", _share(line["step"], line["total"])))
        # Phases that an earlier process went through are silent until there is something new.
        self._catching_up = bool(place.sizes)
        self.seconds: dict[str, float] = dict(place.seconds)
        self.tokens: dict[str, int] = {}
        self._running: dict[str, float] = {}
        self._clock = time.monotonic() - place.total

    def _clear(self, *, keep_lines: bool) -> None:
        """Remove what an earlier run left that would be taken for this one's."""
        for stale in ("summary.json", "error.json", *(() if keep_lines else CONTINUED)):
            (self.folder / stale).unlink(missing_ok=True)
        shutil.rmtree(self.folder / PARTIAL, ignore_errors=True)

    @contextmanager
    def phase(self, name: str) -> Iterator[Callable[..., None]]:
        """Time a phase; yields `report(step, total, **metrics)`."""
        self._running[name] = time.monotonic()
        if name not in self._done or not self._catching_up or name == "loading":
            self.progress(name, 0, 1, {})

        def report(step: int, total: int, **metrics: float) -> None:
            self._catching_up = self._catching_up and name == "loading"
            self.progress(name, step, total, metrics)

        yield report
        self.seconds = self._seconds()
        del self._running[name]

    def keep(self, name: str, number: int, write: Callable[[Path], None], **how: bool) -> bool:
        """Keep an entry of the run's state, from which it can go on at this place."""
        return self.state is not None and self.state.keep(name, number, write, self.place(), **how)

    def place(self) -> Place:
        """Where the run stands; its lines so far are on the disk when this returns."""
        sizes = {}
        for name in CONTINUED:
            path = self.folder / name
            if path.is_file():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
                    sizes[name] = os.fstat(file.fileno()).st_size
        return Place(sizes, self._seconds(), time.monotonic() - self._clock)

    def aside(
        self, phase: str, step: int, total: int, metrics: dict[str, float], done: float
    ) -> None:
        """Append a line about something that is measured on the way, within another phase.

        `done`: the share of all that will be measured so.
        """
        self._advance(phase, done)
        self._tell(phase, step, total, metrics)

    def progress(self, phase: str, step: int, total: int, metrics: dict[str, float]) -> None:
        """Append a line to metrics.jsonl; a metric that is not finite stops the run."""
        for name, value in metrics.items():
            if not math.isfinite(value):
                raise TrainingError(
                    f"{name} became {value} in phase {phase}, step {step}.",
                    "Lower the learning rate or look at the data for empty or huge texts.",
                )
        self._advance(phase, _share(step, total))
        self._tell(phase, step, total, metrics)

    def _tell(self, phase: str, step: int, total: int, metrics: dict[str, float]) -> None:
        line = {
            "time": round(time.time(), 3),
            "phase": phase,
            "step": step,
            "total": total,
            "done": round(self._done[phase], 4),
            "progress": round(self._progress(), 4),
            "metrics": {name: float(value) for name, value in metrics.items()},
            "memory": peak_memory(),
        }
        self._append("metrics.jsonl", line)

    def count(self, phase: str, tokens: int) -> None:
        """Add to the tokens that a phase sampled or trained on."""
        self.tokens[phase] = self.tokens.get(phase, 0) + tokens

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
            sync(partial)
            shutil.rmtree(final, ignore_errors=True)
            partial.rename(final)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return final

    def summary(self, stage: str, config: dict[str, Any], metrics: dict[str, Any]) -> None:
        """Write summary.json (what ran, its final metrics, its times) and end the run's state."""
        whole = time.monotonic() - self._clock
        seconds = {name: round(value, 1) for name, value in self.seconds.items()}
        self.write_json(
            "summary.json",
            {
                "stage": stage,
                "config": config,
                "metrics": metrics,
                "seconds": {**seconds, "total": round(whole, 1)},
                "tokens": self.tokens,
                "device": device_facts(config.get("device", "auto")),
                "peak_memory": peak_memory(),
            },
        )
        if self.state is not None:
            self.state.remove()

    def write_json(self, name: str, value: dict[str, Any]) -> None:
        """Write a JSON file whole or not at all."""
        write_json(self.folder / name, value)

    def _seconds(self) -> dict[str, float]:
        """Seconds by phase, those that are under way included."""
        now = time.monotonic()
        found = dict(self.seconds)
        for name, begin in self._running.items():
            found[name] = found.get(name, 0.0) + now - begin
        return found

    def _advance(self, phase: str, done: float) -> None:
        self._done[phase] = max(self._done.get(phase, 0.0), done)

    def _progress(self) -> float:
        return sum(self._shares.get(phase, 0.0) * done for phase, done in self._done.items())

    def _lines(self) -> list[dict[str, Any]]:
        path = self.folder / "metrics.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        return [json.loads(line) for line in lines]

    def _append(self, name: str, line: dict[str, Any]) -> None:
        if self.silent:
            return
        with (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _share(step: int, total: int) -> float:
    return min(1.0, step / max(1, total))


def open_output(config: settings.Run, phases: dict[str, float]) -> Output:
    """The folder that a config names, with the state of an earlier process of the same run.

    phases: their shares of the time, where the run's own cannot be counted (`shares`).
    """
    folder = Path(config.output)
    mark = fingerprint(config)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        state = State(folder, mark, config.save_seconds, reads_only=not is_first())
    except OSError as error:
        raise InputError(
            f"Cannot write to {folder}: {error.strerror}.", "Choose a writable output folder."
        ) from error
    return Output(folder, shares(config, phases), state)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON file whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    partial.replace(path)
