"""The first page: a prompt, and who answers it."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from arena import generation, pages, selectors, services
from arena.errors import ArenaError, Invalid
from arena.forms import BattleForm
from arena.models import Prompt
from arena.views.gates import SeeOther


@require_http_methods(["GET", "HEAD", "POST"])
def home(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _home(request)
    form = BattleForm(request.POST)
    try:
        if not form.is_valid():
            raise Invalid(_("Choose a mode, and two or three responses."))
        asked = services.ask_first(
            user=request.user,
            session=request.session,
            # The form's cookie is all that a browser has that comes for the first time.
            browser=request.META.get("CSRF_COOKIE", ""),
            **form.cleaned_data,
        )
    except ArenaError as refusal:
        return _home(request, refusal=refusal, typed=form)
    battle = asked[0].turn.battle
    generation.start_on_loop(battle.pk, new=selectors.jobs_of(asked))
    return SeeOther(battle.get_absolute_url())


def _home(
    request: HttpRequest, refusal: ArenaError | None = None, typed: BattleForm | None = None
) -> HttpResponse:
    categories = pages.categories()
    category = request.GET.get("category", "")
    category = category if category in categories else ""
    context: dict[str, Any] = {
        "categories": categories,
        "category": category,
        "suggestions": pages.suggestions(category),
    }
    if request.headers.get("HX-Target") == "suggestions":
        return _varying(render(request, "arena/suggestions.html", context))
    suggested = Prompt.objects.filter(slug=request.GET.get("suggestion", "")).first()
    chosen = typed or BattleForm(request.GET)
    context |= {
        "setup": pages.Setup(
            mode=chosen["mode"].value(),
            size=chosen["size"].value(),
            contenders=chosen["contenders"].value() or [],
            raters=selectors.rater_ids(user=request.user, session=request.session),
        ),
        "prompt": typed["prompt"].value() if typed else suggested.text if suggested else "",
        "prompt_max": settings.PROMPT_MAX_CHARS,
        "focus": bool(typed or suggested or "focus" in request.GET),
        "error": refusal.reason if refusal else "",
    }
    status = refusal.status if refusal else 200
    return _varying(render(request, "arena/home.html", context, status=status))


def _varying(response: HttpResponse) -> HttpResponse:
    patch_vary_headers(response, ["HX-Target"])
    return response
