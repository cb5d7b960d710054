"""What a run will take, from its settings, its model, its examples and this machine."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

from arena.models import Prompt, Response
from rlhf.estimating import (
    Examples,
    Machine,
    Shape,
    peak_bytes,
    read_shape,
    this_machine,
    tokens_in,
    work_of,
)
from rlhf.estimating.lengths import CHARACTERS
from rlhf.estimating.machines import STARTING_S
from rlhf.models import Dataset, Job, Run
from rlhf.selection import Selection
from rlhf.selectors.chosen import chosen_thumbs, thumbs_beside_votes
from rlhf.selectors.contenders import weights_of
from rlhf.selectors.datasets import dataset_rows
from rlhf.selectors.votes import count_votes
from rlhf.training import settings
from rlhf.training.config import build_config

LOOKED_AT = 200  # rows, for their lengths
RUNS_COMPARED = 12
UNSURE = {True: (0.6, 1.8), False: (0.3, 4.0)}  # without earlier runs; measured device or not
FEWER = ("part_size", "batch_size", "batch_rows", "sample_batch", "block_tokens", "max_new_tokens")


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds (likely, and between which) and bytes of a run, and what that rests on.

    plain: the seconds before earlier runs corrected them. runs: how many of those there were, of
    the same stage or else of any. remedy: a setting and its value with which it would fit, where
    the memory does not suffice and there is one.
    """

    seconds: float
    low: float
    high: float
    plain: float
    memory: int
    machine: str
    kind: str
    machine_memory: int
    free: int
    measured: bool
    runs: int
    same_stage: bool
    remedy: tuple[str, int] | None = None

    @property
    def fits(self) -> bool:
        return self.memory <= self.machine_memory

    @property
    def tight(self) -> bool:
        """Whether it fits the machine, but not what is free of it now."""
        return self.fits and self.memory > self.free

    def as_dict(self) -> dict[str, Any]:
        """What a run keeps of it."""
        return asdict(self)


def estimate_of(run: Run) -> Estimate | None:
    """The estimate of a run that need not be saved; None where its model does not tell its size."""
    folder = weights_of(run.base) if run.base else None
    shape = read_shape(folder) if folder else None
    if shape is None:
        return None
    examples, config = examples_of(run), config_of(run)
    machine = this_machine(device=config.device, threads=config.threads)
    loads = work_of(config, shape, examples)
    work = sum(load.operations / machine.rate(load.kind) for load in loads)
    plain = machine.starting_s + work
    ratios, same_stage = _ratios(run.stage, machine)
    ratio = statistics.median(ratios) if ratios else 1.0
    low, high = UNSURE[machine.measured]
    if len(ratios) > 1:
        low, high = min(ratios) / ratio, max(ratios) / ratio
    memory = peak_bytes(config, shape, examples, machine)
    return Estimate(
        seconds=round(ratio * plain, 1),
        low=round(ratio * plain * low, 1),
        high=round(ratio * plain * high, 1),
        plain=round(plain, 1),
        memory=memory,
        machine=machine.name,
        kind=machine.kind,
        machine_memory=machine.memory,
        free=machine.free,
        measured=machine.measured,
        runs=len(ratios),
        same_stage=same_stage,
        remedy=None if memory <= machine.memory else _remedy(config, shape, examples, machine),
    )


def starting_seconds(estimate: Mapping[str, Any]) -> float:
    """Of the seconds that a run's kept estimate tells, those before it computes."""
    plain = estimate.get("plain")
    return STARTING_S[estimate["kind"]] * estimate["seconds"] / plain if plain else 0.0


def config_of(run: Run) -> settings.Run:
    """The run's settings as its process will read them; its files have no names yet."""
    files = {"output": "", "model": "", "reward_model": "", "rankings": "", "prompts": ""}
    files |= {"demonstrations": "", "thumbs": "", "texts": ""}
    kind = settings.STAGES[run.stage]
    known = {name: value for name, value in files.items() if name in kind.__dataclass_fields__}
    if run.reward_run is not None:
        known["reward_model"] = run.reward_run.name
    return build_config(kind, {**known, **run.config})


def examples_of(run: Run) -> Examples:
    """What the run will learn from; lengths are of the newest texts, or of a dataset's first."""
    system = tokens_in(run.base.system_prompt) if run.base else 0.0
    prompts = [system + tokens_in(text) for text in _prompts()]
    examples = Examples(
        prompts=len(prompts),
        prompt_tokens=_mean(prompts) or 40,
        longest_prompt=max(prompts, default=0.0),
    )
    dataset = run.dataset
    if dataset is None:
        return examples
    if run.stage == "reward" and not dataset.source:
        selection = Selection.parse(dataset.selection)
        examples = replace(examples, thumbs=thumbs_beside_votes(selection).count())
    if not dataset.whole:
        return _of_votes(dataset, examples)
    return _of_rows(dataset, examples, getattr(config_of(run), "max_tokens", math.inf))


def _of_votes(dataset: Dataset, examples: Examples) -> Examples:
    """Of votes or thumbs that will be frozen when the run begins."""
    newest = Response.objects.exclude(text="").order_by("-pk").select_related("turn")[:LOOKED_AT]
    if dataset.format == "trl-unpaired":
        rows = chosen_thumbs(Selection.parse(dataset.selection)).count()
    else:
        rows = count_votes(dataset.population).with_texts
    texts = [(tokens_in(one.turn.prompt), [tokens_in(one.text)]) for one in newest]
    return _with_lengths(replace(examples, rows=rows), texts)


def _of_rows(dataset: Dataset, examples: Examples, longest: float) -> Examples:
    """Of the rows that are there; those of more tokens than the `longest` will be left out."""
    rows = dataset.rows or 0
    if dataset.format == "text":
        tokens = (dataset.size or 0) / CHARACTERS
        return replace(examples, rows=rows, text_tokens=tokens)
    seen = list(islice(dataset_rows(dataset), LOOKED_AT))
    parts = [_parts(row) for row in seen]
    texts = [
        (tokens_in(str(prompt)), [tokens_in(str(one)) for one in said]) for prompt, said in parts
    ]
    texts = [(asked, said) for asked, said in texts if asked + max(said) <= longest] or texts
    mean = statistics.fmean(len(said) for _, said in parts) if parts else 2
    return _with_lengths(replace(examples, rows=rows, responses=mean), texts)


def _with_lengths(examples: Examples, texts: Sequence[tuple[float, Sequence[float]]]) -> Examples:
    """With the lengths of rows that were looked at: tokens of prompt and of responses."""
    return replace(
        examples,
        row_prompt_tokens=_mean([asked for asked, _ in texts]) or 40,
        response_tokens=_mean([one for _, said in texts for one in said]) or 64,
        longest_row=max((asked + max(said, default=0.0) for asked, said in texts), default=0.0),
    )


def _parts(row: dict[str, Any]) -> tuple[Any, list[Any]]:
    """The prompt of a row and its responses; of a conversation, what leads to its last answer."""
    if "messages" in row:
        return row["messages"][:-1], [row["messages"][-1]]
    return row["prompt"], row.get("responses") or [row.get("completion")]


def _prompts() -> Iterator[str]:
    return Prompt.objects.filter(active=True).values_list("text", flat=True).iterator()


def _mean(lengths: Sequence[float]) -> float:
    return statistics.fmean(lengths) if lengths else 0.0


def _ratios(stage: str, machine: Machine) -> tuple[list[float], bool]:
    """Recorded over estimated seconds of the newest runs here, of the same stage if any."""
    done = Run.objects.filter(state=Job.State.SUCCEEDED).exclude(estimate={})
    found = [
        (run.stage, ratio) for run in done.order_by("-pk")[:100] if (ratio := _ratio(run, machine))
    ]
    same = [ratio for name, ratio in found if name == stage]
    return (same or [ratio for _, ratio in found])[:RUNS_COMPARED], bool(same)


def _ratio(run: Run, machine: Machine) -> float | None:
    told = run.estimate
    if told.get("machine") != machine.name or not run.started_at or not run.finished_at:
        return None
    took = (
        (run.finished_at - run.started_at).total_seconds()
        if run.resumed_at is None
        else _computed(run, machine)
    )
    return took / told["plain"] if told.get("plain") and took > 0 else None


def _computed(run: Run, machine: Machine) -> float:
    """Seconds of a resumed run as if one process had made it; 0 where that is not told.

    Its last process tells what is in the result of its own and of earlier ones' time: without what
    was lost and made again, and without the time between them.
    """
    told = run.summary.get("seconds", {}).get("total", 0.0)
    return machine.starting_s + told if told else 0.0


def _remedy(
    config: settings.Run, shape: Shape, examples: Examples, machine: Machine
) -> tuple[str, int] | None:
    """The first setting that makes it fit, adapters first, then half as much again and again."""
    if getattr(config, "lora_rank", 1) == 0 and not isinstance(config, settings.Reward):
        smaller = replace(config, lora_rank=16)  # type: ignore[call-arg]
        if peak_bytes(smaller, shape, examples, machine) <= machine.memory:
            return ("lora_rank", 16)
    for name in FEWER:
        value = getattr(config, name, 0)
        while value > 1:
            value //= 2
            fewer: dict[str, Any] = {name: value}
            smaller = replace(config, **fewer)
            if peak_bytes(smaller, shape, examples, machine) <= machine.memory:
                return (name, value)
    return None
