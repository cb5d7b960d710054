"""Writes what a training process reads: frozen votes or texts, prompts, its configuration."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from arena.categories import categories_told
from arena.errors import Invalid
from arena.models import Prompt
from arena.sentences import Sentence
from rlhf.exporting import Counts, canonical, get_format, read_rows, split_of
from rlhf.models import Dataset, Job, Run
from rlhf.selection import Selection
from rlhf.selectors import dataset_rows
from rlhf.selectors.contenders import weights_of
from rlhf.services.datasets import write_dataset
from rlhf.stages import TEXTS, THUMBS, get_stage
from rlhf.untested import held_out_instead

# An update meets its base on these prompts, and learns from no example that begins with one. A
# tenth, as in datasets, would be too few of a small library to tell anything; this holds out the
# same ones and as many again.
HELD_OUT_PERCENT = 20
Messages = list[dict[str, str]]
RANKING_KEYS = ("prompt", "responses", "ranks", "weight", "split")

WEIGHTS_GONE = Sentence("The weights of %(contender)s are not on this machine any more.")
NOT_WRITTEN = Sentence("%(dataset)s was not written (%(state)s).")
SEVERAL_TURNS = Sentence(
    "%(skipped)s votes on conversations of several turns were left out: "
    "training reads single turns."
)


class Cancelled(Exception):
    """The operator cancelled while the inputs were being prepared."""


def prepare(run: Run, cancelled: Callable[[], bool]) -> Path:
    """Write the run's inputs into its folder; returns the configuration file.

    Raises Cancelled, OSError (a full disk) or ArenaError (weights or a dataset that are gone).
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    config: dict[str, Any] = {**run.config, "output": str(run.folder), "model": _weights(run)}
    if run.dataset is not None:
        config |= _examples(run, _frozen(run.dataset, cancelled))
    if run.reward_run is not None:
        config["reward_model"] = str(run.reward_run.folder / "checkpoint")
    if get_stage(run.stage).makes_contender:
        path = run.folder / "prompts.jsonl"
        _write_lines(path, _prompts(run))
        config["prompts"] = str(path)
    if cancelled():
        raise Cancelled
    file = run.folder / "config.json"
    file.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    return file


def _weights(run: Run) -> str:
    folder = weights_of(run.base) if run.base else None
    if folder is None:
        raise Invalid(WEIGHTS_GONE(contender=run.base))
    return str(folder)


def _frozen(dataset: Dataset, cancelled: Callable[[], bool]) -> Dataset:
    """The dataset with its file written, now if it was not yet."""
    if not dataset.ended:
        write_dataset(dataset.pk, stop=cancelled)
        dataset.refresh_from_db()
    if dataset.state == Job.State.CANCELLED and cancelled():
        raise Cancelled
    if dataset.state != Job.State.SUCCEEDED:
        raise Invalid(
            f"{NOT_WRITTEN(dataset=dataset, state=dataset.state)} {dataset.error}".strip()
        )
    return dataset


def _examples(run: Run, dataset: Dataset) -> dict[str, str]:
    """Write the dataset's rows as the stage reads them; the setting that names the file."""
    if dataset.format == TEXTS:
        path = run.folder / "texts.jsonl"
        _write_lines(path, dataset_rows(dataset))
        return {"texts": str(path)}
    rows = dataset_rows(dataset)
    if get_stage(run.stage).makes_contender:
        rows = _without_held_out(rows)
    if dataset.format == THUMBS:
        path = run.folder / "thumbs.jsonl"
        _write_lines(path, _thumbs(rows, _system(run)))
        return {"thumbs": str(path)}
    if run.stage == "sft":
        path = run.folder / "demonstrations.jsonl"
        _write_lines(path, _demonstrations(rows, _system(run)))
        return {"demonstrations": str(path)}
    skipped = tested = 0

    def single_turn() -> Iterator[dict[str, Any]]:
        nonlocal skipped, tested
        for row in rows:
            if all(isinstance(text, str) for text in row["responses"]):
                tested += row["split"] == "test"
                yield row
            else:
                skipped += 1

    path = run.folder / "rankings.jsonl"
    _write_lines(path, map(_ranking, single_turn()))
    config = {"rankings": str(path)}
    if run.stage == "reward" and not dataset.source:
        config |= _thumbs_beside(run, Selection.parse(dataset.selection))
    notes = [SEVERAL_TURNS(skipped=skipped)] if skipped else []
    notes += held_out_instead(run.stage) if not tested else []
    run.notes += [note for note in notes if note not in run.notes]
    run.save(update_fields=["notes"])
    return config


def _ranking(row: dict[str, Any]) -> dict[str, Any]:
    """A ranking with what its evaluation tells apart: raters and categories."""
    asked = [one["content"] for one in _as_messages(row["prompt"]) if one["role"] == "user"]
    categories = categories_told(
        asked,
        row["responses"],
        category=row.get("category", ""),
        tags=row.get("tags", "").split(),
        language=row.get("language", ""),
    )
    told = {key: row[key] for key in RANKING_KEYS}
    return told | {"rater": row.get("rater", ""), "categories": categories}


def _thumbs(rows: Iterable[Mapping[str, Any]], system: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Thumbs with their conversations."""
    for row in rows:
        yield {
            "prompt": row["prompt"],
            "response": row["completion"][-1]["content"],
            "up": row["label"],
            "split": row["split"],
            **system,
        }


def _thumbs_beside(run: Run, selection: Selection) -> dict[str, str]:
    """Write the selection's thumbs on training prompts; the setting that names the file, if any."""
    path = run.folder / "thumbs.jsonl"
    chunks = read_rows(get_format(THUMBS), selection, Counts())
    rows = (row for chunk in chunks for row in chunk if row["split"] == "train")
    # Without a system prompt, as the rankings are: then a response is known again.
    _write_lines(path, _thumbs(rows, {}))
    return {"thumbs": str(path)} if path.stat().st_size else {}


def _demonstrations(
    rows: Iterable[dict[str, Any]], system: dict[str, str]
) -> Iterator[dict[str, Any]]:
    """Each answer to imitate, with the conversation up to it."""
    for row in rows:
        for before, told in _imitated(row):
            for number, message in enumerate(told):
                if message["role"] == "assistant":
                    prompt = before + told[:number]
                    yield {"prompt": prompt, "response": message["content"], **system}


def _imitated(row: Mapping[str, Any]) -> Iterator[tuple[Messages, Messages]]:
    """Conversations to imitate, parted where the answers begin that are to be learnt from.

    Of a ranking these are the responses that were put first, above another one.
    """
    if "messages" in row:
        yield [], row["messages"]
    elif len(set(row["ranks"])) > 1:
        before = _as_messages(row["prompt"])
        for response, rank in zip(row["responses"], row["ranks"], strict=True):
            if rank == 1:
                whole = isinstance(response, str)
                yield before, [{"role": "assistant", "content": response}] if whole else response


def _as_messages(prompt: str | Messages) -> Messages:
    return [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt


def _without_held_out(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Without those for testing, and those that begin with a prompt on which it meets its base."""
    held_out = {
        canonical(text) for text in _library() if split_of(text, HELD_OUT_PERCENT) == "test"
    }
    for row in rows:
        messages = row["messages"] if "messages" in row else _as_messages(row["prompt"])
        first = next(one["content"] for one in messages if one["role"] == "user")
        if row["split"] == "train" and canonical(first) not in held_out:
            yield row


def count_training_prompts() -> int:
    """Prompts of the library that an update is trained on; it meets its base on the others."""
    return sum(split_of(text, HELD_OUT_PERCENT) == "train" for text in _library())


def _library() -> Iterable[str]:
    return Prompt.objects.filter(active=True).values_list("text", flat=True)


def _prompts(run: Run) -> Iterator[dict[str, Any]]:
    """The library in an order without meaning, the same each time: a stage may take the first."""
    prompts = Prompt.objects.filter(active=True)
    for prompt in sorted(prompts, key=lambda one: hashlib.sha256(one.text.encode()).digest()):
        split = split_of(prompt.text, HELD_OUT_PERCENT)
        yield {"prompt": prompt.text, "split": split, **_system(run)}


def _system(run: Run) -> dict[str, str]:
    """The base's system prompt: what it will answer under in battles."""
    return {"system": run.base.system_prompt} if run.base and run.base.system_prompt else {}


def _write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("wb") as file:
        for row in rows:
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
