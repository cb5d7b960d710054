"""What every page shares: refusals, addresses that take forms, whose battle it is."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from arena import selectors
from arena.errors import ArenaError, NotYours
from arena.models import Battle

View = Callable[..., HttpResponse]


class SeeOther(HttpResponseRedirect):
    """After a POST: the browser, or htmx, GETs the page that shows the result."""

    status_code = 303


def refusals(view: View) -> View:
    """An ArenaError becomes a page with its reason and status; htmx shows only the reason."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NotYours as refusal:
            return render(request, "arena/not_yours.html", status=refusal.status)
        except ArenaError as refusal:
            context = {"reason": refusal.reason, "status": refusal.status}
            return render(request, "refusal.html", context, status=refusal.status)

    return answer


def posted(view: View) -> View:
    """An address that takes a form. Who opens it by hand is brought to its battle."""

    @wraps(view)
    def answer(request: HttpRequest, battle_id: UUID, **kwargs: Any) -> HttpResponse:
        if request.method in {"GET", "HEAD"}:
            return redirect("battle", battle_id)
        return view(request, battle_id, **kwargs)

    return require_http_methods(["GET", "HEAD", "POST"])(answer)


def own(request: HttpRequest, battle_id: UUID) -> Battle:
    return selectors.own_battle(battle_id, user=request.user, session=request.session)
