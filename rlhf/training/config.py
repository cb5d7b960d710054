"""Config files become frozen dataclasses; a typing mistake never passes for a default."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from rlhf.training.errors import InputError

Config = TypeVar("Config")


def knob(
    default: Any = dataclasses.MISSING,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    choices: tuple[Any, ...] = (),
) -> Any:
    """A dataclass field that also says which values are allowed."""
    metadata = {"at_least": at_least, "at_most": at_most, "choices": choices}
    return dataclasses.field(default=default, metadata=metadata)


def load_config(kind: type[Config], path: Path) -> Config:
    """Read a JSON file into `kind`; raise InputError with the key and what it may be."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"Cannot read {path}: {error.strerror}.", "Name an existing file."
        ) from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}.", "Write one JSON object.") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} holds a {type(values).__name__}.", "Write one JSON object.")
    return build_config(kind, values)


def build_config(kind: type[Config], values: Mapping[str, Any]) -> Config:
    """Make `kind` from a mapping, checking names, types and ranges."""
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(kind)
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise InputError(
            f"Unknown setting {unknown[0]!r}.", f"Known settings: {', '.join(sorted(fields))}."
        )
    missing = [name for name, field in fields.items() if _required(field) and name not in values]
    if missing:
        raise InputError(f"The setting {missing[0]!r} is missing.", "Add it to the config.")
    checked = {name: _checked(fields[name], hints[name], value) for name, value in values.items()}
    return kind(**checked)


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _checked(field: dataclasses.Field[Any], hint: Any, value: Any) -> Any:
    allowed = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if float in allowed and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if int not in allowed else value
    if type(value) not in allowed:
        names = " or ".join("null" if kind is type(None) else kind.__name__ for kind in allowed)
        raise InputError(f"{field.name} is {value!r}.", f"It must be {names}.")
    choices = field.metadata.get("choices") or ()
    if choices and value not in choices:
        raise InputError(
            f"{field.name} is {value!r}.", f"Allowed: {', '.join(map(repr, choices))}."
        )
    low, high = field.metadata.get("at_least"), field.metadata.get("at_most")
    if value is not None and (
        (low is not None and not value >= low) or (high is not None and not value <= high)
    ):
        bounds = [f"at least {low}"] * (low is not None) + [f"at most {high}"] * (high is not None)
        raise InputError(f"{field.name} is {value!r}.", f"It must be {' and '.join(bounds)}.")
    return value


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What every stage needs. `threads` 0 means all cores; `model` is a local folder."""

    output: str
    model: str
    seed: int = knob(0, at_least=0)
    threads: int = knob(0, at_least=0)
    device: str = knob("auto", choices=("auto", "cpu", "cuda"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class PolicyConfig(RunConfig):
    """What every stage that changes a policy needs.

    prompts: JSONL of prompts; those of the split 'test' (or, without any, every tenth) are held
    out for the evaluation. reward_model: a checkpoint of the stage 'reward', or '' for none.
    max_new_tokens, temperature, top_k, top_p: how responses are drawn. sample_batch: responses
    decoded at the same time. epochs, batch_size, learning_rate: the optimiser's.
    """

    prompts: str
    reward_model: str = ""
    lora_rank: int = knob(16, at_least=1, at_most=512)
    learning_rate: float = knob(5e-4, at_least=0.0, at_most=1.0)
    epochs: float = knob(2.0, at_least=0.0, at_most=100.0)
    batch_size: int = knob(8, at_least=1)
    max_new_tokens: int = knob(64, at_least=1, at_most=4096)
    temperature: float = knob(0.8, at_least=0.01, at_most=5.0)
    top_k: int = knob(50, at_least=0)
    top_p: float = knob(0.95, at_least=0.01, at_most=1.0)
    sample_batch: int = knob(128, at_least=1)
    evaluation_prompts: int = knob(32, at_least=1)
