"""How a run's time is shared among its phases, counted from its settings and inputs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Any

from rlhf.estimating import Examples, read_shape, this_machine, tokens_in, work_of
from rlhf.estimating.lengths import CHARACTERS
from rlhf.training import settings

LOOKED_AT = 200  # rows, for their lengths
LEAST = 0.01  # of the whole: a phase that nothing was counted for takes some time too


def shares(config: settings.Run, usual: Mapping[str, float]) -> dict[str, float]:
    """Seconds that each of the usual phases is expected to take; `usual` where nothing tells them.

    What is wrong with the inputs is for those who read them to say.
    """
    try:
        shape, examples = read_shape(Path(config.model)), counted(config)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return dict(usual)
    if shape is None:
        return dict(usual)
    machine = this_machine(device=config.device, threads=config.threads)
    seconds = dict.fromkeys(usual, 0.0) | {"loading": machine.starting_s}
    for load in work_of(config, shape, examples):
        # Where looks have no share of their own they are part of the training.
        phase = load.phase if load.phase in seconds else "training"
        seconds[phase] += load.operations / machine.rate(load.kind)
    whole = sum(seconds.values())
    return {name: max(value, LEAST * whole) for name, value in seconds.items()}


def counted(config: settings.Run) -> Examples:
    """How much there is to learn from in the files that a config names."""
    files = {
        name: path
        for name in ("prompts", "rankings", "thumbs", "demonstrations", "texts")
        if (path := getattr(config, name, ""))
    }
    examples = Examples()
    if path := files.pop("prompts", ""):
        count, rows = _rows(path)
        lengths = [tokens_in(str(row["prompt"])) for row in rows]
        examples = replace(examples, prompts=count, prompt_tokens=fmean(lengths))
    if path := files.pop("texts", ""):
        return replace(examples, text_tokens=Path(path).stat().st_size / CHARACTERS)
    for path in islice(files.values(), 1):
        count, rows = _rows(path)
        said = [row.get("responses") or [row["response"]] for row in rows]
        examples = replace(
            examples,
            rows=count,
            responses=fmean(map(len, said)),
            row_prompt_tokens=fmean(tokens_in(str(row["prompt"])) for row in rows),
            response_tokens=fmean(tokens_in(str(one)) for texts in said for one in texts),
        )
    return examples


def _rows(path: str) -> tuple[int, list[dict[str, Any]]]:
    """How many lines a file has, and the first of them."""
    with Path(path).open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in islice(file, LOOKED_AT) if line.strip()]
        return len(rows) + sum(1 for _ in file), rows
