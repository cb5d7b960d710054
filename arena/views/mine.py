"""What a rater has done here: the list of their battles."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from arena import pages, selectors


@require_safe
def my_battles(request: HttpRequest) -> HttpResponse:
    raters = selectors.rater_ids(user=request.user, session=request.session)
    state, mode = request.GET.get("state", ""), request.GET.get("mode", "")
    state, mode = state if state in pages.STATES else "", mode if mode in pages.MODES else ""
    context = {
        "page": pages.entries(raters, state=state, mode=mode, number=request.GET.get("page", "1")),
        "states": pages.STATES,
        "modes": pages.MODES,
        "state": state,
        "mode": mode,
    }
    return render(request, "arena/my_battles.html", context)
