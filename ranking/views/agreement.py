"""How far raters agree: for everybody all together, for members of staff rater by rater."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from arena.views import refusals
from ranking.boards import LEVEL
from ranking.charts.figures import decimal, percent, share_range, whole
from ranking.selectors.agreement import (
    LEAST_SHARED,
    LEAST_SUSPECTED,
    Agreement,
    RaterAgreement,
    Spread,
    kept_agreement,
)
from ranking.views.leaderboard import Choice
from ranking.views.query import Query
from ranking.views.wording import POPULATIONS

MOST_SHOWN = 500  # raters on the page for staff: the command lists all


class Figure(NamedTuple):
    label: str
    value: str
    detail: str = ""


class RaterLine(NamedTuple):
    rater: int
    name: str
    votes: str
    shared: str
    share: str
    interval: str
    suspicious: bool


@require_safe
@refusals
def agreement(request: HttpRequest) -> HttpResponse:
    """All raters together: nothing on this page tells one of them from another."""
    query = _query(request.GET)
    found = kept_agreement(query.population)
    return render(request, "ranking/agreement.html", _page(query, found))


@require_safe
@never_cache
@refusals
def rater_agreement(request: HttpRequest) -> HttpResponse:
    """Each rater and the others; for members of staff."""
    if not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    if not request.user.is_staff:
        raise PermissionDenied
    query = _query(request.GET)
    found = kept_agreement(query.population)
    context = _page(query, found) | {
        "raters": [_line(one) for one in found.by_rater[:MOST_SHOWN]],
        "left_out": max(len(found.by_rater) - MOST_SHOWN, 0),
        "suspicious": sum(one.suspicious for one in found.by_rater),
        "least_suspected": LEAST_SUSPECTED,
    }
    return render(request, "ranking/rater_agreement.html", context)


def _query(given: Mapping[str, str]) -> Query:
    """Of the leaderboard's parameters these pages take one."""
    return Query.of({"population": given.get("population", "")})


def _page(query: Query, found: Agreement) -> dict[str, Any]:
    return {
        "found": found,
        "figures": _figures(found),
        "query": query,
        "least_shared": LEAST_SHARED,
        "level": percent(LEVEL),
        "pooled": _percent(found.pooled),
        "chance": _percent(found.chance),
        "populations": [
            Choice(label, query.href(population=name), name == query.population)
            for name, label in POPULATIONS.items()
        ],
    }


def _figures(found: Agreement) -> list[Figure]:
    figures = [
        Figure(
            _("Items judged by several"),
            whole(found.items),
            _("%(votes)s votes of %(raters)s raters")
            % {"votes": whole(found.judgements), "raters": whole(found.raters)},
        ),
        Figure(_("Krippendorff’s α"), _decimal(found.alpha), _("answers are equal or not")),
        Figure(
            _("The same, ordinal"), _decimal(found.ordinal), _("a tie lies between the two wins")
        ),
        Figure(
            _("Agreement with the others"),
            _percent(found.pooled),
            _("%(share)s by chance") % {"share": _percent(found.chance)},
        ),
    ]
    if found.crowd:
        figures.append(_spread(_("The median rater"), found.crowd, _of_raters, percent))
    if found.kappas:
        figures.append(_spread(_("Cohen’s κ, median"), found.kappas, _of_pairs, _decimal))
    return figures


def _spread(
    label: str, spread: Spread, of: Callable[[int], str], text: Callable[[float], str]
) -> Figure:
    detail = of(spread.number) % {
        "count": whole(spread.number),
        "low": text(spread.low),
        "high": text(spread.high),
    }
    return Figure(label, text(spread.middle), detail)


def _of_raters(number: int) -> str:
    return ngettext(
        "of %(count)s rater, half of them %(low)s to %(high)s",
        "of %(count)s raters, half of them %(low)s to %(high)s",
        number,
    )


def _of_pairs(number: int) -> str:
    return ngettext(
        "of %(count)s pair, half of them %(low)s to %(high)s",
        "of %(count)s pairs, half of them %(low)s to %(high)s",
        number,
    )


def _line(one: RaterAgreement) -> RaterLine:
    return RaterLine(
        rater=one.rater,
        name=one.name,
        votes=whole(one.votes),
        shared=whole(one.agreement.total),
        share=percent(one.agreement.share),
        interval=share_range(one.agreement.lower, one.agreement.upper),
        suspicious=one.suspicious,
    )


def _decimal(value: float | None) -> str:
    return _("not defined") if value is None else decimal(value, 2)


def _percent(value: float | None) -> str:
    return "–" if value is None else percent(value)
