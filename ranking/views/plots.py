"""Plots of the leaderboard: as images, as Vega-Lite, and with their data on the page."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.functional import Promise
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from arena.errors import NotFound, Unavailable
from arena.views import refusals
from ranking import selectors
from ranking.boards import BY_RATER, STYLE_CONTROLLED, LeaderboardRecord, tie_odds
from ranking.charts import (
    BattleCounts,
    Chart,
    Costs,
    DataTable,
    History,
    Look,
    Ratings,
    WinRates,
)
from ranking.charts.rendering import FORMATS, DrawingError, fingerprint, render
from ranking.counting import Slice, SliceCounts
from ranking.selectors.kept import Kept
from ranking.selectors.lines import lines
from ranking.views.query import Query
from ranking.views.wording import which_votes

# Drawings run from left to right, and their font lacks the letters of the other languages.
LANGUAGES = [code for code, _name in settings.LANGUAGES if code not in settings.LANGUAGES_BIDI]
KEPT_S = 20  # how long a browser may show the plot of one address without asking


class Plots(NamedTuple):
    """The plots of one leaderboard by name; `subtitle` says which votes they show."""

    board: LeaderboardRecord
    charts: dict[str, Chart]
    subtitle: tuple[str, ...]


class Size(NamedTuple):
    width: int
    height: int


class Figure(NamedTuple):
    """A plot on a page. Its address is `path`, an extension, and a theme and a size of images."""

    name: str
    title: str | Promise
    missing: str
    alt: str
    table: DataTable | None
    wide: Size
    narrow: Size
    path: str  # without its extension
    query: str  # of the page, as "?…", or empty

    @property
    def more(self) -> str:
        """The same behind other parameters."""
        return self.query.replace("?", "&", 1)


# Open pages follow within 2 s; a hundred contenders must not keep the web process busy.
PLOTS: Kept[Plots] = Kept(size=32, seconds=1, rest=20)


@require_safe
@refusals
def plot(request: HttpRequest, name: str, extension: str) -> HttpResponse:
    """One plot as SVG, PNG or Vega-Lite; `theme` and `size` beside the page's parameters."""
    with language_of_plot(request.GET):
        found = plots_of(Query.of(request.GET))
        if name not in found.charts:
            raise NotFound(
                _("There is no plot '%(name)s'. There is: %(known)s.")
                % {"name": name, "known": ", ".join(found.charts)}
            )
        return image(request, found.charts[name], found.subtitle, extension)


def language_of_plot(given: Mapping[str, str]) -> override:
    """The address alone says the language of a plot, since caches share it; else English."""
    language = given.get("language") or settings.LANGUAGE_CODE
    if language not in LANGUAGES:
        raise NotFound(
            _("There is no language '%(language)s'. There is: %(known)s.")
            % {"language": language, "known": ", ".join(LANGUAGES)}
        )
    return override(language)


def image(
    request: HttpRequest, chart: Chart, subtitle: Sequence[str], extension: str
) -> HttpResponse:
    """The answer with a plot; 304 if the browser has the very same one."""
    if extension not in {*FORMATS, "json"}:
        raise NotFound(
            _("A plot comes as %(known)s or json, not as %(extension)s.")
            % {"known": ", ".join(FORMATS), "extension": extension}
        )
    if chart.missing:
        raise NotFound(chart.missing)
    spec = chart.spec(_look(request.GET), subtitle)
    etag = f'"{fingerprint(spec)}-{extension}"'
    answer = get_conditional_response(request, etag=etag)
    if answer is None:
        if extension == "json":
            answer = HttpResponse(json.dumps(spec, indent=1), "application/json")
        else:
            answer = HttpResponse(_drawn(spec, extension), FORMATS[extension])
    answer["ETag"] = etag
    patch_cache_control(answer, public=True, max_age=KEPT_S)
    return answer


def plots_of(query: Query) -> Plots:
    """A second old, or more if they are dear to make."""
    return PLOTS.get((get_language(), *query.board.values()), lambda: _plots(query))


def figures_of(query: Query) -> list[Figure]:
    """The plots of a leaderboard for its page."""
    address = urlencode(query.board_parameters)
    return [
        figure(chart, reverse("plot", args=[name, "svg"]).removesuffix("svg"), address)
        for name, chart in plots_of(query).charts.items()
    ]


def figure(chart: Chart, path: str, query: str) -> Figure:
    """In the present language, which the address of its images names unless they are English."""
    language = get_language()
    if language in LANGUAGES and language != settings.LANGUAGE_CODE:
        query = "&".join(part for part in (query, f"language={language}") if part)
    missing = chart.missing
    sizes = [Look(size=size) for size in ("wide", "narrow")]
    wide, narrow = (Size(look.width, 0 if missing else chart.height(look)) for look in sizes)
    return Figure(
        name=path.rstrip(".").rpartition("/")[2],
        title=chart.title,
        missing=missing,
        alt="" if missing else chart.alt,
        table=None if missing else chart.table,
        wide=wide,
        narrow=narrow,
        path=path,
        query=f"?{query}" if query else "",
    )


def _plots(query: Query) -> Plots:
    board = selectors.board(**query.board)
    met = selectors.pairs(counts_of(query))
    found = lines(board)
    odds = tie_odds(board.settings)
    moments = {line.standing.contender_id: line.moments for line in found}
    return Plots(
        board,
        {
            "ratings": Ratings(board.standings, odds),
            "costs": Costs(found, odds),
            "history": History(board.standings, moments, odds),
            "win-rates": WinRates(board.standings, met),
            "battles": BattleCounts(board.standings, met),
        },
        which_votes(board),
    )


def counts_of(query: Query) -> SliceCounts:
    """The counts of the votes that a page is about, by rater if its intervals are."""
    part = Slice(query.category, query.population)
    since = None if query.days is None else timezone.now() - timedelta(days=query.days)
    if query.method == STYLE_CONTROLLED:
        return selectors.styled_counts(part, since)
    if query.cluster == BY_RATER:
        return selectors.counts_by_rater(part, since)
    return selectors.stored_counts(part) if since is None else selectors.recent_counts(part, since)


def _look(given: Mapping[str, str]) -> Look:
    try:
        return Look(given.get("theme") or "light", given.get("size") or "wide")
    except ValueError as error:
        raise NotFound(_("A plot's theme is light or dark, its size wide or narrow.")) from error


def _drawn(spec: dict[str, object], extension: str) -> bytes:
    try:
        return render(spec, extension)
    except DrawingError as error:
        raise Unavailable(
            _("This plot could not be drawn. %(error)s") % {"error": error}
        ) from error
