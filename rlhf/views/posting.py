"""Addresses that forms are sent to: who opens or reloads one, and who sends a form twice."""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.views.decorators.http import require_http_methods

from arena.errors import Conflict
from arena.sentences import shown
from rlhf.gates import View, staff_page
from rlhf.templatetags.lab import KEY_FIELD

CSRF_FIELD = "csrfmiddlewaretoken"  # scripts renew it, so it tells no form from another


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


def staff_action(page: str) -> Callable[[View], View]:
    """A form on the page of one run, trial or dataset, for staff.

    Where the thing has changed since the page was opened, so that the view raises a Conflict, the
    answer is that page as it is now, with the reason as a message. `page`: as for `posted_from`.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def take(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                return view(request, *args, **kwargs)
            except Conflict as refusal:
                messages.warning(request, shown(refusal.reason), extra_tags="warn")
                return HttpResponseRedirect(resolve_url(page, *args, **kwargs))

        return posted_from(page)(staff_page(take))

    return decorate


def _digest(file: "UploadedFile[Any]") -> str:
    hashed = hashlib.sha256()
    for chunk in file.chunks():
        hashed.update(chunk)
    file.seek(0)
    return hashed.hexdigest()


def form_key(request: HttpRequest) -> str | None:
    """The same for the same form of the same page with the same choices, and for no other.

    The tag `form_key` marks each rendering of a form. None without its mark.
    """
    if not request.POST.get(KEY_FIELD):
        return None
    chosen = sorted(field for field in request.POST.lists() if field[0] != CSRF_FIELD)
    files = sorted(
        (name, _digest(file)) for name in request.FILES for file in request.FILES.getlist(name)
    )
    told = [request.path, *chosen, *files]
    return hashlib.sha256(repr(told).encode()).hexdigest()
