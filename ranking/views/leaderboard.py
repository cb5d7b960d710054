"""The leaderboard page."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from arena import categories
from arena.views import refusals
from ranking import selectors
from ranking.boards import BY_RATER, LEVEL, LeaderboardRecord, tie_odds
from ranking.charts.figures import percent, whole
from ranking.estimators import win_rate
from ranking.first_place import first_place
from ranking.selectors.kept import Kept
from ranking.selectors.lines import FEW, Line, lines, version
from ranking.selectors.slices import votes_by_category
from ranking.views.caveats import caveats_shown
from ranking.views.columns import COLUMNS
from ranking.views.effects import effects
from ranking.views.plots import counts_of, figures_of, plots_of
from ranking.views.query import RANK, Query
from ranking.views.table import make_table
from ranking.views.wording import CLUSTERS, METHODS, POPULATIONS, grouped, last_days, window

GAPS = (20, 50, 100, 200)  # rating points that the page tells as win rates

# The two dear parts of the page, as HTML. Thumbs and times of responses change without a new
# leaderboard, so that no part lives long.
STANDINGS: Kept[SafeString] = Kept(size=64, seconds=15)
FIGURES: Kept[SafeString] = Kept(size=32, seconds=15)


class Choice(NamedTuple):
    """One of several links, of which one is the present page."""

    label: str | Promise
    href: str
    current: bool


class Option(NamedTuple):
    """One entry of a list to choose from."""

    value: str
    label: str | Promise
    selected: bool


@require_safe
@refusals
def leaderboard(request: HttpRequest) -> HttpResponse:
    """The page; or the standings and the controls above them, when a new leaderboard is there or
    for sorting; or the figures alone, which follow the standings."""
    query = Query.of(request.GET)
    part = request.headers.get("HX-Target")
    if part == "standings":
        controls = render_to_string("ranking/controls.html", _controls(query) | {"follows": True})
        response = HttpResponse(_standings(query) + controls)
    elif part == "figures":
        response = HttpResponse(_figures(query))
    else:
        response = render(request, "ranking/leaderboard.html", _page(query))
    patch_vary_headers(response, ["HX-Target"])
    return response


def _page(query: Query) -> dict[str, Any]:
    return {
        "standings": _standings(query),
        "figures": _figures(query),
        "method": METHODS[query.method],
        **_controls(query),
    }


def _controls(query: Query) -> dict[str, Any]:
    return {
        "query": query,
        "methods": [
            Choice(method.label, query.href(method=name), name == query.method)
            for name, method in METHODS.items()
        ],
        "populations": [
            Choice(label, query.href(population=name), name == query.population)
            for name, label in POPULATIONS.items()
        ],
        "windows": _windows(query),
        "clusters": [
            Choice(label, query.href(cluster=name), name == query.cluster)
            for name, label in CLUSTERS.items()
        ],
        "ranks": [
            Choice(_("By rating"), query.href(significant=False), not query.significant),
            Choice(_("Significant differences"), query.href(significant=True), query.significant),
        ],
        "category_groups": _category_groups(query),
        "sorts": _sorts(query),
        "hidden": _hidden(query),
    }


def _windows(query: Query) -> list[Choice]:
    """The usual windows, and the one that the address asks for."""
    usual: list[int | None] = [None, *selectors.WINDOWS]
    asked = [] if query.days in usual else [query.days]
    return [
        Choice(window(days), query.href(days=days), days == query.days) for days in [*usual, *asked]
    ]


def _standings(query: Query) -> SafeString:
    newest = version()
    if newest is None:  # until the first refit nothing would say that votes have come in
        return _drawn_standings(query)
    return STANDINGS.get((get_language(), newest, query), lambda: _drawn_standings(query))


def _drawn_standings(query: Query) -> SafeString:
    board = selectors.board(**query.board)
    found = lines(board)
    method, odds = METHODS[query.method], tie_odds(board.settings)
    context = {
        "board": board,
        "votes": whole(board.votes),
        "query": query,
        "label": categories.label(query.category),
        "time": f"{board.computed_at:%H:%M:%S}",
        "last_days": last_days(query.days) if query.days else "",
        "caveats": caveats_shown(board.caveats),
        "method": method,
        "table": make_table(found, query, method.label) if found else None,
        "small_slice": _small_slice(found),
        "gaps": [(gap, percent(float(win_rate(gap, 0, tie_odds=odds)))) for gap in GAPS],
        "effects": effects(board.settings),
        "no_intervals": query.method == "elo" and (query.significant or query.cluster == BY_RATER),
        "level": percent(LEVEL),
        "raters": board.settings.get("raters"),
    }
    return render_to_string("ranking/standings.html", context)


def _figures(query: Query) -> SafeString:
    """Says of which leaderboard it is, for it may be some seconds older than the standings."""
    plots = plots_of(query)
    key = (get_language(), plots.board.digest, *query.board.values())
    return FIGURES.get(key, lambda: _drawn_figures(query, plots.board))


def _drawn_figures(query: Query, board: LeaderboardRecord) -> SafeString:
    """Nothing to see while there are no votes: the standings say so."""
    context: dict[str, Any] = {"of": board.digest}
    if board.standings:
        context |= {"figures": figures_of(query), **_first_place(query)}
    return render_to_string("ranking/figures.html", context)


def _small_share(share: float) -> str:
    return f"{number_format(f'{100 * share:.2g}')} %"


def _first_place(query: Query) -> dict[str, Any]:
    if query.method != "bradley-terry":
        return {}
    counts = counts_of(query)
    first = first_place(counts, selectors.contenders_in(counts))
    if first is None:
        return {}
    return {
        "first": first,
        "chances": [(name, percent(chance)) for name, chance in first.chances],
        "share": _small_share(first.share),
        "total": first.total,
        "all_votes": whole(first.total),
    }


def _small_slice(found: Sequence[Line]) -> str:
    """What to know where half of the contenders or more have too few votes; else empty."""
    few = sum(line.standing.votes < FEW for line in found)
    if not found or 2 * few < len(found):
        return ""
    if few == len(found):
        text = _(
            "A small slice: all of these contenders have fewer than %(few)s votes here. "
            "Read the intervals, not the ranks."
        )
    elif 2 * few == len(found):
        text = _(
            "A small slice: half of these contenders have fewer than %(few)s votes here. "
            "Read the intervals, not the ranks."
        )
    else:
        text = _(
            "A small slice: %(number)s of these %(all)s contenders have fewer than %(few)s votes "
            "here. Read the intervals, not the ranks."
        )
    return text % {"few": FEW, "number": few, "all": len(found)}


def _category_groups(query: Query) -> dict[str, list[Option]]:
    votes = votes_by_category(query.population)
    return {
        heading: [
            Option(
                category,
                # Of a time window, how many there are would be known only by counting each.
                categories.label(category)
                if query.days
                else f"{categories.label(category)} ({whole(votes.get(category, 0))})",
                category == query.category,
            )
            for category in members
        ]
        for heading, members in grouped(selectors.categories()).items()
    }


def _sorts(query: Query) -> list[Option]:
    """For phones, whose table has no heads to click at."""
    known = {RANK: _("Rank"), **{key: column.label for key, column in COLUMNS.items()}}
    return [Option(key, label, key == query.sort) for key, label in known.items()]


def _hidden(query: Query) -> dict[str, dict[str, str]]:
    """What each form must keep of the address, by the name of what it changes."""
    return {
        "category": replace(query, category=categories.OVERALL).parameters,
        "sort": replace(query, sort=RANK).parameters,
    }
