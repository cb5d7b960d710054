"""What every plot has: a title, an alternative in words, its data as a table, a specification."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext as _

from ranking.boards import StandingRecord
from ranking.charts.locale import locale
from ranking.charts.look import SCHEMA, Look

# On a machine without the font of the plots, names are drawn wider and reach into it.
PADDING = {"wide": 26, "narrow": 18}


class DataTable(NamedTuple):
    """The data of a plot in writing. The first cell of a row is its head."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


class Chart(ABC):
    """A plot of one leaderboard: plain data in, Vega-Lite out."""

    title: ClassVar[str | Promise]

    @property
    @abstractmethod
    def missing(self) -> str:
        """Why there is nothing to draw. The rest may be asked for only where this is empty."""

    @property
    @abstractmethod
    def alt(self) -> str:
        """What the plot shows, for who cannot see it."""

    @property
    @abstractmethod
    def table(self) -> DataTable:
        """What the plot is drawn from."""

    @abstractmethod
    def height(self, look: Look) -> int:
        """Of the whole image, in pixels."""

    @abstractmethod
    def drawing(self, look: Look) -> dict[str, Any]:
        """Data, marks and encoding."""

    def notes(self, look: Look) -> list[str]:
        """What a reader must know: who does not fit in, what the figures are."""
        return []

    def spec(self, look: Look, subtitle: Sequence[str] = ()) -> dict[str, Any]:
        """The whole Vega-Lite specification. `subtitle` says which votes these are."""
        votes, notes = [line for line in subtitle if line], self.notes(look)
        lines = [" · ".join(votes), " · ".join(notes)] if look.wide else [*votes, *notes]
        return {
            "$schema": SCHEMA,
            "description": self.alt,
            "title": {
                "text": str(self.title),
                "subtitle": [line for line in lines if line],
            },
            "background": look.colour("surface"),
            "padding": PADDING[look.size],
            "width": look.width,
            "height": self.height(look),
            "autosize": {"type": "fit", "contains": "padding"},
            "config": {**look.config(), **_locale()},
            **self.drawing(look),
        }


def _locale() -> dict[str, Any]:
    found = locale()
    return {"locale": found} if found else {}


def unique_names(standings: Sequence[StandingRecord]) -> dict[int, str]:
    """By contender, with the slug where two share a name: a plot would draw them as one."""
    shared = Counter(standing.name for standing in standings)
    return {
        standing.contender_id: (
            standing.name if shared[standing.name] == 1 else f"{standing.name} ({standing.slug})"
        )
        for standing in standings
    }


def best_of(shown: int, known: int) -> list[str]:
    """ "The best 30 of 65", or nothing if that is everybody."""
    if shown >= known:
        return []
    return [_("The best %(shown)s of %(known)s") % {"shown": shown, "known": known}]
