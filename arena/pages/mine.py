"""A rater's own battles, as the list shows them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.utils.translation import gettext_lazy as _

from arena.models import Battle, Vote
from arena.pages.battle import verdict

ON_A_PAGE = 25
STATES = {"": _("All"), "open": _("Unfinished"), "voted": _("Voted"), "skipped": _("Skipped")}
MODES = {
    "": _("All modes"),
    "anonymous": _("Blind"),
    "side_by_side": _("Side by side"),
    "direct": _("Direct"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One battle in a rater's list."""

    url: str
    prompt: str
    created_at: datetime
    mode: str
    state: str
    size: int
    turns: int
    verdict: str  # empty while there is no vote
    counted: bool

    @property
    def mode_label(self) -> str:
        return str(MODES[self.mode])


def entries(raters: set[int], *, state: str, mode: str, number: str) -> Page[Any]:
    """A page of the battles of these raters, newest first; its objects are entries.

    `state` and `mode` narrow them, empty for all. A direct conversation is never unfinished.
    """
    battles = Battle.objects.filter(rater__in=raters).select_related("vote")
    if state:
        battles = battles.filter(state=state)
    if state == Battle.State.OPEN:
        battles = battles.exclude(mode=Battle.Mode.DIRECT)
    if mode:
        battles = battles.filter(mode=mode)
    ordered = battles.prefetch_related("turns", "placements").order_by("-created_at")
    page: Page[Any] = Paginator(ordered, ON_A_PAGE).get_page(number)
    page.object_list = [_entry(battle) for battle in page.object_list]
    return page


def amounts(raters: set[int]) -> dict[str, int]:
    """How much there is to delete."""
    battles = Battle.objects.filter(rater__in=raters)
    return {
        "battles": battles.count(),
        "votes": Vote.objects.filter(battle__in=battles, counted=True).count(),
    }


def _entry(battle: Battle) -> Entry:
    turns, placements = list(battle.turns.all()), list(battle.placements.all())
    ranks = [placement.rank for placement in sorted(placements, key=lambda one: one.position)]
    vote = getattr(battle, "vote", None)
    return Entry(
        url=battle.get_absolute_url(),
        prompt=turns[0].prompt if turns else "",
        created_at=battle.created_at,
        mode=battle.mode,
        state=battle.state,
        size=len(placements),
        turns=len(turns),
        verdict=verdict(ranks, all_bad=vote.all_bad) if vote and any(ranks) else "",
        counted=bool(vote and vote.counted),
    )
