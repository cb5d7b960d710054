"""Which votes a dataset is made of: a value that is stored with it and can be written down.

`Selection.parse` reads it from a form, the API, the command line or a manifest, `as_dict` writes
what departs from the defaults.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Self

from django.utils.translation import gettext as _

from arena.models import Battle, Population

CHOICES: dict[str, tuple[str, ...]] = {
    "population": (*Population.values, "all"),
    "raters": ("any", "signed-in", "anonymous", "unknown"),
    "votes": ("counted", "not-counted", "all"),
    "agreement": ("any", "undisputed"),
    "leave_out": ("hurried", "repeated", "regenerated"),
    "modes": (Battle.Mode.ANONYMOUS.value, Battle.Mode.SIDE_BY_SIDE.value),
}
_LISTS = ("categories", "tags", "contenders", "without", "modes", "leave_out")
_DATES = ("since", "until")
_NUMBERS = ("least_seconds", "last_vote")


@dataclass(frozen=True, slots=True)
class Selection:
    """Every field narrows the choice; the defaults are all counted votes of people.

    ValueError where the first day is after the last one.

    since, until: first and last day (UTC) on which a vote was cast.
    categories, tags: of the prompt library; a vote needs one of them.
    contenders: at least one of these slugs was in the battle; without: none of these was.
    raters: by whether they had an account then; "unknown" are those of imported votes.
    modes: of the battle; none means all.
    votes: those that count, those that were taken out of the count, or both.
    leave_out: what was noticed about a vote (`arena.validity`) and speaks against it: "hurried" was
    faster than reading allows, "repeated" has a prompt that the rater had asked before,
    "regenerated" is on responses that were written again.
    least_seconds: votes of this arena cast sooner after the battle began are left out.
    agreement: "undisputed" leaves out votes that more others contradict than share (see
    `rlhf.selectors.disputes`).
    scrub: replace e-mail addresses, phone numbers and keys (see `rlhf.exporting.scrubbing`).
    last_vote: votes with a higher number are left out; freezing sets it.
    """

    population: str = "people"
    since: date | None = None
    until: date | None = None
    categories: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    contenders: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    raters: str = "any"
    modes: tuple[str, ...] = ()
    votes: str = "counted"
    leave_out: tuple[str, ...] = ()
    least_seconds: int = 0
    agreement: str = "any"
    scrub: bool = False
    last_vote: int | None = None

    def __post_init__(self) -> None:
        if self.since and self.until and self.since > self.until:
            raise ValueError(_("The first day is after the last one."))

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """From plain values; None and "" stand for the default. ValueError says what is wrong."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(given) - known):
            raise ValueError(
                f"A selection has no {unknown[0]!r}; it has {', '.join(sorted(known))}."
            )
        told = {name: value for name, value in given.items() if value not in (None, "", [], ())}
        return cls(**{name: _parsed(name, value) for name, value in told.items()})

    def as_dict(self) -> dict[str, Any]:
        """What departs from the defaults, as JSON has it; the order is always the same."""
        default = type(self)()
        return {
            field.name: _plain(value)
            for field in fields(self)
            if (value := getattr(self, field.name)) != getattr(default, field.name)
        }


def _parsed(name: str, value: Any) -> Any:
    if name in _LISTS:
        return tuple(_checked(name, one) for one in _texts(name, value))
    if name in _DATES:
        return _date(name, value)
    if name in _NUMBERS:
        if isinstance(value, bool) or not str(value).isdecimal():
            raise ValueError(f"{name} is a whole number from 0, not {str(value)[:40]!r}.")
        return int(value)
    if name == "scrub":
        if not isinstance(value, bool):
            raise ValueError(f"scrub is true or false, not {str(value)[:40]!r}.")
        return value
    return _checked(name, value)


def _texts(name: str, value: Any) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ValueError(f"{name} is a list of texts, not {str(value)[:40]!r}.")
    return sorted({str(one) for one in value})


def _checked(name: str, value: Any) -> str:
    allowed = CHOICES.get(name)
    if allowed is not None and value not in allowed:
        raise ValueError(
            f"{name} cannot be {str(value)[:40]!r}. Choose one of: {', '.join(allowed)}."
        )
    return str(value)


def _date(name: str, value: Any) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{name} is a day such as 2026-01-31, not {str(value)[:40]!r}.") from None


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value
