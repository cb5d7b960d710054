"""Addresses that forms are sent to, and what a reader finds who opens or reloads one."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.views.decorators.http import require_http_methods

from rlhf.gates import View


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
