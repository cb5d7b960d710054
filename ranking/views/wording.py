"""What methods, populations, windows and categories are called."""

from collections.abc import Iterable
from typing import NamedTuple

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from arena import categories
from arena.models import Population
from ranking.boards import BY_RATER, BY_VOTE, LeaderboardRecord
from ranking.charts.figures import whole
from ranking.counting import ALL


def listed(parts: Iterable[object]) -> str:
    """Words or figures one after the other, as the present language parts them."""
    return pgettext("between the parts of a list", ", ").join(map(str, parts))


class Method(NamedTuple):
    label: str | Promise
    explained: str | Promise


METHODS = {
    "bradley-terry": Method(
        gettext_lazy("Bradley-Terry"),
        gettext_lazy(
            "Ratings fitted to all votes at once. 400 points more mean ten times the odds to win."
        ),
    ),
    "elo": Method(
        gettext_lazy("Online Elo"),
        gettext_lazy(
            "Ratings that move with each vote, in the order of the votes, as at a chess club."
        ),
    ),
    "plackett-luce": Method(
        gettext_lazy("Plackett-Luce"),
        gettext_lazy("Ratings fitted to whole rankings, so that a ranking of three counts as one."),
    ),
    "style-controlled": Method(
        gettext_lazy("Style-controlled"),
        gettext_lazy(
            "Bradley-Terry ratings as if all responses were equally long, formatted and fast."
        ),
    ),
}
POPULATIONS = {
    Population.PEOPLE.value: gettext_lazy("People"),
    Population.SIMULATED.value: gettext_lazy("Simulated raters"),
    ALL: gettext_lazy("All"),
}
CLUSTERS = {BY_VOTE: gettext_lazy("By vote"), BY_RATER: gettext_lazy("By rater")}
RATERS = (categories.SIGNED_IN, categories.ANONYMOUS)


def window(days: int | None) -> str:
    if days is None:
        return _("All time")
    return ngettext("%(days)s day", "%(days)s days", days) % {"days": days}


def grouped(known: Iterable[str]) -> dict[str, list[str]]:
    """Categories under the headings of a long list, without overall."""
    groups: dict[str, list[str]] = {
        heading: [] for heading in (_("Topics"), _("Languages"), _("Raters"), _("Tags"))
    }
    for category in known:
        if category != categories.OVERALL:
            groups[_heading(category)].append(category)
    return {
        heading: sorted(members, key=categories.label)
        for heading, members in groups.items()
        if members
    }


def _heading(category: str) -> str:
    if category.startswith(categories.LANGUAGE):
        return _("Languages")
    if category.startswith(categories.TAG):
        return _("Tags")
    return _("Raters") if category in RATERS else _("Topics")


def which_votes(board: LeaderboardRecord) -> tuple[str, str]:
    """A leaderboard in two lines: method and votes; the slice and the day."""
    part = [] if board.category == categories.OVERALL else [categories.label(board.category)]
    part += [last_days(board.days)] if board.days else []
    part += [_("intervals clustered by rater")] if board.cluster == BY_RATER else []
    return (
        f"{METHODS[board.method].label} · {_votes_of(board)}",
        " · ".join([*part, date_format(board.computed_at)]),
    )


def last_days(days: int) -> str:
    return ngettext("last day", "last %(days)s days", days) % {"days": days}


def _votes_of(board: LeaderboardRecord) -> str:
    if board.population == Population.PEOPLE.value:
        text = ngettext("%(count)s vote of people", "%(count)s votes of people", board.votes)
    elif board.population == Population.SIMULATED.value:
        text = ngettext(
            "%(count)s vote of simulated raters",
            "%(count)s votes of simulated raters",
            board.votes,
        )
    else:
        text = ngettext(
            "%(count)s vote of people and simulated raters",
            "%(count)s votes of people and simulated raters",
            board.votes,
        )
    return text % {"count": whole(board.votes)}
