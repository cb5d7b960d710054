"""Batches of a long phase, kept as they come, so that a run that goes on computes none twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from rlhf.training.output import Output

FILE = "pieces.pt"


class Pieces:
    """The batches of the phase `name`, in order. `done` holds those that were kept before.

    A piece is what torch can load without running code: tensors, numbers, texts, and lists,
    tuples and dictionaries of them. Batch i must always be the same batch.
    """

    def __init__(self, output: Output, name: str) -> None:
        self._output, self._name = output, name
        entries = output.state.entries(name) if output.state else []
        self.done: list[Any] = [
            piece for entry in entries for piece in torch.load(entry / FILE, weights_only=True)
        ]
        self._number = len(entries)
        self._pending: list[Any] = []

    def add(self, piece: Any) -> None:
        """Take the next batch; it is on disk after `save_seconds` at the latest."""
        self.done.append(piece)
        self._pending.append(piece)
        if self._output.state is not None and self._output.state.is_due():
            self.save()

    def save(self) -> None:
        """Put everything on disk."""
        if not self._pending:
            return

        def write(folder: Path) -> None:
            torch.save(self._pending, folder / FILE)

        if self._output.keep(self._name, self._number, write, alone=False):
            self._number += 1
            self._pending = []
