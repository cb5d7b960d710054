"""The page of one contender."""

from collections.abc import Mapping
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from arena.errors import NotFound
from arena.models import Contender
from arena.views import refusals
from ranking.views.leaderboard import Choice
from ranking.views.plots import figure, image, language_of_plot
from ranking.views.portrait import chart_of, facts, portrait_of
from ranking.views.query import Query
from ranking.views.wording import POPULATIONS, which_votes


@require_safe
@refusals
def contender(request: HttpRequest, slug: str) -> HttpResponse:
    """What it is, how it is rated, against whom and where it wins."""
    found = _contender(slug)
    query = Query.of(_population(request.GET))
    portrait = portrait_of(found, query)
    path = reverse("contender_plot", args=[slug, "svg"]).removesuffix("svg")
    context = {
        "contender": found,
        "facts": facts(found),
        "ancestors": _ancestors(found),
        "children": found.children.order_by("version", "name"),
        "portrait": portrait,
        "figure": figure(chart_of(portrait), path, urlencode(query.parameters)),
        "query": query,
        "populations": [
            Choice(label, query.href(population=name), name == query.population)
            for name, label in POPULATIONS.items()
        ],
    }
    return render(request, "ranking/contender.html", context)


@require_safe
@refusals
def contender_plot(request: HttpRequest, slug: str, extension: str) -> HttpResponse:
    """Its ratings over time."""
    with language_of_plot(request.GET):
        portrait = portrait_of(_contender(slug), Query.of(_population(request.GET)))
        votes, day = which_votes(portrait.board)
        subtitle = (portrait.name, votes, day)
        return image(request, chart_of(portrait), subtitle, extension)


def _population(given: Mapping[str, str]) -> dict[str, str]:
    """The one parameter of the leaderboard that these pages take."""
    return {"population": given.get("population", "")}


def _contender(slug: str) -> Contender:
    found = Contender.objects.select_related("parent").filter(slug=slug).first()
    if found is None:
        raise NotFound(
            _("There is no contender '%(slug)s'. The leaderboard lists them.") % {"slug": slug}
        )
    return found


def _ancestors(contender: Contender) -> list[Contender]:
    """From the first one to its parent."""
    line: list[Contender] = []
    parent = contender.parent
    while parent is not None and parent not in line:
        line.insert(0, parent)
        parent = parent.parent
    return line
