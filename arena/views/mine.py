"""What a rater has done here: the list of their battles, their data, and its end."""

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from arena import generation, pages, selectors, services
from arena.errors import Invalid
from arena.forms import ForgetForm
from arena.views.gates import SeeOther, refusals


@require_safe
def my_battles(request: HttpRequest) -> HttpResponse:
    raters = _raters(request)
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


@require_safe
def my_data(request: HttpRequest) -> HttpResponse:
    """Everything as one file."""
    battles = list(selectors.personal_data(_raters(request)))
    answer = JsonResponse({"battles": battles}, json_dumps_params={"ensure_ascii": False})
    answer["Content-Disposition"] = 'attachment; filename="my-battles.json"'
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
@refusals
def forget_me(request: HttpRequest) -> HttpResponse:
    raters = _raters(request)
    if request.method != "POST":
        return render(request, "arena/forget_me.html", pages.amounts(raters))
    form = ForgetForm(request.POST)
    if not form.is_valid():
        raise Invalid(_("Say what shall happen to your votes."))
    for battle_id in selectors.generating(raters):
        async_to_sync(generation.stop)(battle_id)
    services.forget_raters(raters=raters, keep_verdicts=form.cleaned_data["votes"] == "keep")
    messages.success(request, _("Your data is deleted."))
    return SeeOther(reverse("battles"))


def _raters(request: HttpRequest) -> set[int]:
    return selectors.rater_ids(user=request.user, session=request.session)
