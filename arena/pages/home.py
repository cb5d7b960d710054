"""What the first page offers: modes, contenders to choose from, prompts to begin with."""

import random
from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import chain, islice, repeat

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from arena import selectors
from arena.categories import label
from arena.models import Battle, Contender, Prompt

SUGGESTIONS = 4
MODES = {
    Battle.Mode.ANONYMOUS: (
        _("Blind battle"),
        _("Names stay hidden until you vote. Your vote counts."),
    ),
    Battle.Mode.SIDE_BY_SIDE: (
        _("Side by side"),
        _("You choose who answers and see their names."),
    ),
    Battle.Mode.DIRECT: (_("Direct"), _("You talk with one of them. No vote, only thumbs.")),
}


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str
    hint: str
    checked: bool


@dataclass(frozen=True, slots=True)
class Slot:
    """One box to choose a contender from."""

    number: int
    options: list[Choice]


class Setup:
    """What is chosen on the form before the rater changes it. Unknown values become the usual."""

    def __init__(
        self, *, mode: object, size: object, contenders: Sequence[str], raters: Set[int]
    ) -> None:
        self._known = list(
            Contender.objects.filter(active=True, external=False).values_list("pk", "slug", "name")
        )
        self.active = len(self._known)
        self.ready = self.active >= 2
        self.mode = mode if mode in Battle.Mode.values else Battle.Mode.ANONYMOUS
        self.size = 3 if str(size) == "3" and self.active >= 3 else 2
        self._chosen = contenders
        self._raters = raters

    @property
    def named(self) -> bool:
        """Whether the rater sees names to choose from: a blind battle's page holds none."""
        return self.mode != Battle.Mode.ANONYMOUS

    @property
    def modes(self) -> list[Choice]:
        return [
            Choice(mode.value, str(label), str(hint), mode == self.mode)
            for mode, (label, hint) in MODES.items()
        ]

    @property
    def slots(self) -> list[Slot]:
        """As many as there are contenders, up to three. Each begins with what was chosen for it,
        also twice the same; else with one that no other has.

        Those that fail at present stand last and say so.
        """
        failing = selectors.failing(raters=self._raters)
        known = sorted(self._known, key=lambda one: one[0] in failing)  # else by name, as before
        labels = {slug: _name(name, pk in failing) for pk, slug, name in known}
        free = iter([slug for slug in labels if slug not in self._chosen])
        wanted = islice(chain(self._chosen, repeat("")), min(3, len(labels)))
        begin = [slug if slug in labels else next(free) for slug in wanted]
        return [
            Slot(number, [Choice(slug, name, "", slug == first) for slug, name in labels.items()])
            for number, first in enumerate(begin, 1)
        ]


def _name(name: str, fails: bool) -> str:
    return gettext("%(name)s (not answering now)") % {"name": name} if fails else name


def categories() -> list[str]:
    """The categories of the prompt library, in the reader's alphabet."""
    found = Prompt.objects.filter(active=True).order_by()
    return sorted(found.values_list("category", flat=True).distinct(), key=label)


def suggestions(category: str = "") -> list[Prompt]:
    """Some prompts of the library: of one category, or each of another one."""
    library = Prompt.objects.filter(active=True)
    if category:
        return list(library.filter(category=category).order_by("?")[:SUGGESTIONS])
    ids = list(library.order_by().values_list("category", "pk"))
    random.shuffle(ids)
    chosen = list(dict(ids).values())
    random.shuffle(chosen)
    return list(library.filter(pk__in=chosen[:SUGGESTIONS]))
