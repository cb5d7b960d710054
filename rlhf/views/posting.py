"""Addresses that forms are sent to: who opens or reloads one, and who sends a form twice."""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.views.decorators.http import require_http_methods

from rlhf.gates import View

CSRF_FIELD = "csrfmiddlewaretoken"


def posted_from(page: str) -> Callable[[View], View]:
    """Only POST reaches the view; whoever opens its address is sent to the page with the form.

    `page`: name of an address with the same arguments.
    """

    def decorate(view: View) -> View:
        @require_http_methods(["GET", "HEAD", "POST"])
        @wraps(view)
        def take(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method != "POST":
                return HttpResponseRedirect(resolve_url(page, *args, **kwargs))
            return view(request, *args, **kwargs)

        return take

    return decorate


def form_key(request: HttpRequest) -> str | None:
    """The same for the same form of the same page with the same choices, and for no other.

    Django masks the CSRF token anew on each page, so a form that was only sent twice is told from
    one that was opened again. None without the token.
    """
    if CSRF_FIELD not in request.POST:
        return None
    told = [request.path, *sorted(request.POST.lists())]
    return hashlib.sha256(repr(told).encode()).hexdigest()
