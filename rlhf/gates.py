"""Who may enter the lab: staff, by session on pages and also by API token on downloads."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext

from arena.errors import ArenaError
from arena.selectors import user_of_token

View = Callable[..., HttpResponseBase]


def staff_page(view: View) -> View:
    """Strangers sign in first, other raters get 403, an ArenaError becomes a page that says why."""

    @wraps(view)
    def gate(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if not request.user.is_staff:
            raise PermissionDenied
        return _with_refusals(request, view, *args, **kwargs)

    return gate


def staff_or_token(view: View) -> View:
    """Like `staff_page`; `Authorization: Bearer TOKEN` of a member of staff opens it too."""
    page = staff_page(view)

    @wraps(view)
    def gate(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return page(request, *args, **kwargs)
        user = user_of_token(token.strip())
        if user is None:
            return HttpResponse(gettext("This API token is not valid.") + "\n", "text/plain", 401)
        request.user = user
        return page(request, *args, **kwargs)

    return gate


def _with_refusals(request: HttpRequest, view: View, *args: Any, **kwargs: Any) -> HttpResponseBase:
    try:
        return view(request, *args, **kwargs)
    except ArenaError as refusal:
        context = {"reason": refusal.reason, "status": refusal.status}
        return render(request, "refusal.html", context, status=refusal.status)
