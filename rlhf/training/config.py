"""Settings become frozen dataclasses; a typing mistake never passes for a default."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rlhf.training.errors import N_, InputError

Config = TypeVar("Config")
NO_SETTING = N_("There is no setting '%(name)s'.")
MEANT = N_("Did you mean %(names)s?")
THERE_ARE = N_("There are: %(names)s.")
WRONG = N_("The setting '%(name)s' is %(value)s.")
KINDS = {
    int: N_("It must be a whole number."),
    float: N_("It must be a number."),
    str: N_("It must be a text."),
}
FINITE = N_("It must be a finite number.")
ONE_OF = N_("It must be one of %(choices)s.")
BETWEEN = N_("It must be at least %(least)s and at most %(most)s.")
AT_LEAST = N_("It must be at least %(least)s.")
AT_MOST = N_("It must be at most %(most)s.")
ABOVE = N_("It must be above %(least)s: otherwise nothing would be learnt.")
TOO_LARGE = N_("It is too large: it must be from %(least)s to %(most)s.")
TOO_LARGE_ABOVE = N_("It is too large: it must be above %(least)s and at most %(most)s.")
REASONS = (
    NO_SETTING, MEANT, THERE_ARE, WRONG, *KINDS.values(), FINITE, ONE_OF, BETWEEN, AT_LEAST,
    AT_MOST, ABOVE, TOO_LARGE, TOO_LARGE_ABOVE,
)  # fmt: skip
LARGEST = 2**31 - 1  # databases count in 32 bits, and numpy's seeds have no more


def knob(
    default: Any,
    meaning: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    above: float | None = None,
    choices: tuple[str, ...] = (),
) -> Any:
    """A dataclass field that a person may set: what it means and which values are allowed.

    above: the largest value with which nothing would be learnt.
    """
    limits = {"at_least": at_least, "at_most": at_most, "above": above, "choices": choices}
    return dataclasses.field(default=default, metadata={"meaning": meaning, **limits})


@dataclass(frozen=True, slots=True)
class Knob:
    """One setting that a person may change."""

    name: str
    kind: type[int] | type[float] | type[str]
    default: Any
    meaning: str
    at_least: float | None
    at_most: float | None
    above: float | None
    choices: tuple[str, ...]

    @property
    def limits(self) -> str:
        """What is allowed, in words; empty where everything of its type is."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        ends = [("above", self.above), ("at least", self.at_least), ("at most", self.at_most)]
        return " and ".join(f"{word} {end:.10g}" for word, end in ends if end is not None)

    def check(self, value: Any) -> Any:
        """The value in the setting's type; raises InputError saying what is allowed."""
        if self.kind is not str and _is_huge(value):
            raise _wrong(self.name, value, self._too_large() if value > 0 else self._too_small())
        value = _of_kind(self.name, self.kind, value)
        low, high = self.at_least, self.at_most
        fits = (low is None or value >= low) and (high is None or value <= high)
        if self.choices and value not in self.choices:
            raise _wrong(self.name, value, ONE_OF % {"choices": ", ".join(self.choices)})
        if self.above is not None and value <= self.above:
            raise _wrong(self.name, value, self._too_small())
        if not fits:
            raise _wrong(self.name, value, _range(low, high))
        return value

    def _too_small(self) -> str:
        if self.above is not None:
            return ABOVE % {"least": f"{self.above:.10g}"}
        return _range(-LARGEST if self.at_least is None else self.at_least, self.at_most)

    def _too_large(self) -> str:
        most = f"{LARGEST if self.at_most is None else self.at_most:.10g}"
        if self.above is not None:
            return TOO_LARGE_ABOVE % {"least": f"{self.above:.10g}", "most": most}
        least = -LARGEST if self.at_least is None else self.at_least
        return TOO_LARGE % {"least": f"{least:.10g}", "most": most}


def knobs(kind: type[Any]) -> dict[str, Knob]:
    """The settings of a config class that a person may change, by name."""
    hints = typing.get_type_hints(kind)
    return {
        field.name: Knob(field.name, hints[field.name], default=field.default, **field.metadata)
        for field in dataclasses.fields(kind)
        if field.metadata
    }


def check_knobs(kind: type[Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The given settings, checked; raises InputError naming the first one that is wrong."""
    for error in wrong_knobs(kind, given).values():
        raise error
    known = knobs(kind)
    return {name: known[name].check(value) for name, value in given.items()}


def wrong_knobs(kind: type[Any], given: Mapping[str, Any]) -> dict[str, InputError]:
    """By name what is wrong with each of the given settings that cannot be used, in their order."""
    known = knobs(kind)
    found: dict[str, InputError] = {}
    for name, value in given.items():
        try:
            if name not in known:
                raise _unknown(name, known)
            known[name].check(value)
        except InputError as error:
            found[name] = error
    return found


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
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    _refuse_unknown(values, fields)
    for name, field in fields.items():
        if field.default is dataclasses.MISSING and name not in values:
            raise InputError(f"The setting {name!r} is missing.", "Add it to the config.")
    known = knobs(kind)
    return kind(
        **{
            name: known[name].check(value) if name in known else _of_kind(name, hints[name], value)
            for name, value in values.items()
        }
    )


def _refuse_unknown(given: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise _unknown(unknown[0], known)


def _unknown(name: str, known: Mapping[str, Any]) -> InputError:
    """That there is no such setting, with what may have been meant, or else all there are."""
    close = difflib.get_close_matches(name, known)
    remedy = MEANT % {"names": ", ".join(close)} if close else THERE_ARE
    return InputError(NO_SETTING % {"name": name}, remedy % {"names": ", ".join(sorted(known))})


def _is_huge(value: Any) -> bool:
    """Whether it is a number of too many digits, whatever its type."""
    return type(value) in {int, float} and LARGEST < abs(value) < math.inf


def _of_kind(name: str, kind: type[Any], value: Any) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise _wrong(name, value, KINDS[kind])
    if kind is float and not math.isfinite(value):
        raise _wrong(name, value, FINITE)
    return value


def _range(low: float | None, high: float | None) -> str:
    """What a value must be; one of both ends is there."""
    if high is None:
        return AT_LEAST % {"least": f"{low:.10g}"}
    if low is None:
        return AT_MOST % {"most": f"{high:.10g}"}
    return BETWEEN % {"least": f"{low:.10g}", "most": f"{high:.10g}"}


def _wrong(name: str, value: Any, remedy: str) -> InputError:
    return InputError(WRONG % {"name": name, "value": repr(value)}, remedy)
