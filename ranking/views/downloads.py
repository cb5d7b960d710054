"""The shown leaderboard as a file."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from arena.errors import NotFound
from arena.views import refusals
from ranking import downloads, selectors
from ranking.boards import BY_RATER
from ranking.selectors.lines import lines
from ranking.views.columns import sort_lines
from ranking.views.query import Query


@require_safe
@refusals
def standings_file(request: HttpRequest, extension: str) -> HttpResponse:
    """The board of the page's parameters, in the order of the page."""
    query = Query.of(request.GET)
    board = selectors.board(**query.board)
    found = sort_lines(lines(board), query.sort, significant=query.significant)
    if extension == "csv":
        answer = HttpResponse(downloads.as_csv(found), "text/csv; charset=utf-8")
    elif extension == "json":
        answer = HttpResponse(downloads.as_json(board, found), "application/json")
    else:
        raise NotFound(
            _("The leaderboard comes as csv or json, not as %(extension)s.")
            % {"extension": extension}
        )
    parts = [query.method, query.category, query.population]
    parts += [f"{query.days}-days"] if query.days else []
    parts += ["by-rater"] if query.cluster == BY_RATER else []
    name = f"leaderboard-{'-'.join(parts)}.{extension}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
