"""The parameters in a leaderboard's address: which votes, which method, in what order."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from arena.categories import OVERALL
from arena.errors import Invalid, NotFound
from arena.models import Population
from ranking import selectors
from ranking.boards import ALL_METHODS, BY_VOTE, CLUSTERS
from ranking.models import POPULATIONS
from ranking.views.columns import COLUMNS

RANK = "rank"


@dataclass(frozen=True, slots=True)
class Query:
    """What an address asks for. What it leaves out, or leaves empty, is the default.

    `days` is a time window, None for all votes. `cluster`: what intervals are clustered by.
    `significant`: ranks by significant differences only.
    `sort` is the key of a column, with a minus in front for its other direction.
    """

    method: str = ALL_METHODS[0]
    category: str = OVERALL
    population: str = Population.PEOPLE.value
    days: int | None = None
    cluster: str = BY_VOTE
    significant: bool = False
    sort: str = RANK

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Self:
        """Raises NotFound, saying what there is, for a value that there is not.

        Invalid is raised for a number of days that is none.
        """
        category = given.get("category") or OVERALL
        if category != OVERALL:  # the default needs no look at the database
            _one_of("category", given, *selectors.categories())
        return cls(
            method=_one_of("method", given, *ALL_METHODS),
            category=category,
            population=_one_of("population", given, *(name for name, _ in POPULATIONS)),
            days=_days(given.get("days") or ""),
            cluster=_one_of("cluster", given, *CLUSTERS),
            significant=_one_of("significant", given, "", "1") == "1",
            sort=_one_of("sort", given, RANK, *COLUMNS, *(f"-{key}" for key in COLUMNS)),
        )

    @property
    def board(self) -> dict[str, Any]:
        """Which leaderboard: the arguments of `ranking.selectors.board`."""
        return {
            "method": self.method,
            "category": self.category,
            "population": self.population,
            "days": self.days,
            "cluster": self.cluster,
        }

    @property
    def board_parameters(self) -> dict[str, str]:
        """What differs from the default, without the order of the table."""
        return replace(self, significant=False, sort=RANK).parameters

    @property
    def parameters(self) -> dict[str, str]:
        """What differs from the default, as an address has it."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        default = type(self)()
        return {
            name: str(int(value)) if isinstance(value, bool) else str(value)
            for name, value in values.items()
            if value != getattr(default, name)
        }

    def href(self, **changes: Any) -> str:
        """The relative address of this page with some values changed."""
        return f"?{urlencode(replace(self, **changes).parameters)}"


def _days(value: str) -> int | None:
    if not value:
        return None
    # Longer numbers are none that anybody means, and too long ones Python does not read.
    if not value.isdecimal() or len(value) > len(str(selectors.LONGEST)):
        raise Invalid(
            _("The parameter days cannot be '%(value)s'. Say a whole number from 1 to %(longest)s.")
            % {"value": value[:40], "longest": selectors.LONGEST}
        )
    selectors.check_window(days := int(value))
    return days


def _one_of(name: str, given: Mapping[str, str], default: str, *others: str) -> str:
    value = given.get(name) or default
    if value not in {default, *others}:
        known = ", ".join(one for one in (default, *others) if one and not one.startswith("-"))
        raise NotFound(
            _("The parameter %(name)s cannot be '%(value)s'. Say one of: %(known)s.")
            % {"name": name, "value": value, "known": known}
        )
    return value
