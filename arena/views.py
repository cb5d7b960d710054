"""The pages on which people prompt, compare and vote: gate, form, one domain call, answer."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from arena import generation, pages, selectors, services, showcase
from arena.errors import ArenaError, Conflict, Invalid
from arena.forms import BallotForm, PromptForm, ReactionForm, SignUpForm
from arena.models import Battle, Prompt

BATTLES_SHOWN = 50

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


@require_http_methods(["GET", "HEAD", "POST"])
def home(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _home(request)
    form = PromptForm(request.POST)
    try:
        if not form.is_valid():
            raise Invalid("A battle has two or three responses. Choose one of them.")
        rater = services.identify_rater(user=request.user, session=request.session)
        battle = services.start_battle(rater=rater, **form.cleaned_data)
    except ArenaError as refusal:
        return _home(request, refusal=refusal, typed=form)
    _write(battle)
    return SeeOther(battle.get_absolute_url())


def _home(
    request: HttpRequest, refusal: ArenaError | None = None, typed: PromptForm | None = None
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
    active = pages.active_contenders()
    suggested = Prompt.objects.filter(slug=request.GET.get("suggestion", "")).first()
    context |= {
        "active": active,
        "ready": active >= 2,
        "prompt": typed["prompt"].value() if typed else suggested.text if suggested else "",
        "size": 3 if typed and typed["size"].value() == "3" else 2,
        "prompt_max": settings.PROMPT_MAX_CHARS,
        "focus": bool(typed or suggested or "focus" in request.GET),
        "error": refusal.reason if refusal else "",
    }
    status = refusal.status if refusal else 200
    return _varying(render(request, "arena/home.html", context, status=status))


@require_safe
@refusals
def battle(request: HttpRequest, battle_id: UUID) -> HttpResponse:
    return _battle_page(request, _own(request, battle_id))


@posted
@refusals
def vote(request: HttpRequest, battle_id: UUID) -> HttpResponse:
    battle = _own(request, battle_id)
    page = pages.BattlePage(selectors.battle_state(battle))
    form = BallotForm(request.POST, size=page.size, failed=page.failed)
    if not form.is_valid():
        raise Invalid(" ".join(str(error[0]) for error in form.errors.values()))
    try:
        services.cast_vote(battle=battle, **form.arguments())
    except Conflict:
        # A double click or another tab was first: that one vote's reveal is the answer.
        battle.refresh_from_db(fields=["state"])
        if battle.state != Battle.State.VOTED:
            raise
    return SeeOther(battle.get_absolute_url())


@posted
@refusals
def add_turn(request: HttpRequest, battle_id: UUID) -> HttpResponse:
    battle = _own(request, battle_id)
    form = PromptForm(request.POST)
    form.full_clean()
    prompt = form.cleaned_data["prompt"]
    try:
        services.add_turn(battle=battle, prompt=prompt)
    except ArenaError as refusal:
        return _battle_page(request, battle, refusal=refusal, typed=prompt)
    _write(battle)
    return SeeOther(battle.get_absolute_url())


@posted
@refusals
def retry(request: HttpRequest, battle_id: UUID, number: int, position: int) -> HttpResponse:
    battle = _own(request, battle_id)
    services.regenerate(battle=battle, turn=number, position=position)
    _write(battle)
    return SeeOther(battle.get_absolute_url())


@posted
@refusals
def stop(request: HttpRequest, battle_id: UUID) -> HttpResponse:
    battle = _own(request, battle_id)
    async_to_sync(generation.stop)(battle.pk)
    return SeeOther(battle.get_absolute_url())


@require_POST
@refusals
def react(request: HttpRequest, battle_id: UUID, number: int, position: int) -> HttpResponse:
    battle = _own(request, battle_id)
    form = ReactionForm(request.POST)
    if not form.is_valid():
        raise Invalid("A thumb is up, down, or taken back.")
    services.react(battle=battle, turn=number, position=position, **form.cleaned_data)
    if "HX-Request" not in request.headers:
        return SeeOther(battle.get_absolute_url())
    page = pages.BattlePage(selectors.battle_state(battle))
    turn, response = page.find(turn=number, position=position)
    context = {"page": page, "turn": turn, "response": response}
    return render(request, "arena/thumbs.html", context)


@require_safe
def my_battles(request: HttpRequest) -> HttpResponse:
    raters = selectors.rater_ids(user=request.user, session=request.session)
    battles = pages.entries(raters, limit=BATTLES_SHOWN)
    return render(request, "arena/my_battles.html", {"battles": battles, "limit": BATTLES_SHOWN})


@require_http_methods(["GET", "HEAD", "POST"])
def signup(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return redirect("home")
    form = SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        login(request, form.save())
        services.identify_rater(user=request.user, session=request.session)
        return redirect("home")
    return render(request, "registration/signup.html", {"form": form})


@require_safe
def components(request: HttpRequest) -> HttpResponse:
    return render(request, "components.html", showcase.examples())


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


def _own(request: HttpRequest, battle_id: UUID) -> Battle:
    return selectors.own_battle(battle_id, user=request.user, session=request.session)


def _battle_page(
    request: HttpRequest, battle: Battle, *, refusal: ArenaError | None = None, typed: str = ""
) -> HttpResponse:
    page = pages.BattlePage(async_to_sync(generation.look)(battle, html=True))
    context = {"page": page, "typed": typed, "error": refusal.reason if refusal else ""}
    status = refusal.status if refusal else 200
    return render(request, "arena/battle.html", context, status=status)


def _write(battle: Battle) -> None:
    """Lets the contenders write: on the server's event loop, where their streams live on."""

    async def start() -> None:
        generation.start(battle.pk)

    async_to_sync(start)()


def _varying(response: HttpResponse) -> HttpResponse:
    patch_vary_headers(response, ["HX-Target"])
    return response
