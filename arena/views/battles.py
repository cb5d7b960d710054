"""A battle's page and what its forms do."""

from uuid import UUID

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from arena import generation, pages, selectors, services
from arena.errors import ArenaError, Conflict, Invalid
from arena.forms import BallotForm, PromptForm, ReactionForm
from arena.models import Battle
from arena.views.gates import SeeOther, own, posted, refusals


@require_safe
@never_cache  # Back shows it as it is by then, not as it was before the vote or its end
@refusals
def battle(request: HttpRequest, battle_id: UUID) -> HttpResponse:
    return _battle_page(request, own(request, battle_id), not_taken="not-taken" in request.GET)


@posted
@refusals
def vote(request: HttpRequest, battle_id: UUID) -> HttpResponse:
    battle = own(request, battle_id)
    page = pages.BattlePage(selectors.battle_state(battle))
    form = BallotForm(request.POST, size=page.size, failed=page.failed)
    if not form.is_valid():
        raise Invalid(" ".join(str(error[0]) for error in form.errors.values()))
    verdict = form.arguments()
    try:
        services.cast_vote(battle=battle, **verdict)
    except Conflict:
        # A double click or another tab was first: that one vote's reveal is the answer.
        battle.refresh_from_db(fields=["state"])
        if battle.state != Battle.State.VOTED:
            raise
        if not selectors.is_vote_of(battle, **verdict):
            return SeeOther(f"{battle.get_absolute_url()}?not-taken=")
    return SeeOther(battle.get_absolute_url())


@posted
@refusals
def add_turn(request: HttpRequest, battle_id: UUID) -> HttpResponse:
    battle = own(request, battle_id)
    form = PromptForm(request.POST)
    form.full_clean()
    prompt = form.cleaned_data["prompt"]
    try:
        services.add_turn(battle=battle, prompt=prompt)
    except ArenaError as refusal:
        return _battle_page(request, battle, refusal=refusal, typed=prompt)
    generation.start_on_loop(battle.pk)
    return SeeOther(battle.get_absolute_url())


@posted
@refusals
def retry(request: HttpRequest, battle_id: UUID, number: int, position: int) -> HttpResponse:
    battle = own(request, battle_id)
    services.regenerate(battle=battle, turn=number, position=position)
    generation.start_on_loop(battle.pk)
    return SeeOther(battle.get_absolute_url())


@posted
@refusals
def retry_failed(request: HttpRequest, battle_id: UUID, number: int) -> HttpResponse:
    battle = own(request, battle_id)
    services.retry_failed(battle=battle, turn=number)
    generation.start_on_loop(battle.pk)
    return SeeOther(battle.get_absolute_url())


@posted
@refusals
def regenerate(request: HttpRequest, battle_id: UUID, number: int) -> HttpResponse:
    battle = own(request, battle_id)
    services.regenerate(battle=battle, turn=number)
    generation.start_on_loop(battle.pk)
    return SeeOther(battle.get_absolute_url())


@posted
@refusals
def edit_turn(request: HttpRequest, battle_id: UUID, number: int) -> HttpResponse:
    battle = own(request, battle_id)
    form = PromptForm(request.POST)
    form.full_clean()
    prompt = form.cleaned_data["prompt"]
    try:
        services.edit_prompt(battle=battle, turn=number, prompt=prompt)
    except ArenaError as refusal:
        return _battle_page(request, battle, refusal=refusal, edited=prompt)
    generation.start_on_loop(battle.pk)
    return SeeOther(battle.get_absolute_url())


@posted
@refusals
def take_back(request: HttpRequest, battle_id: UUID) -> HttpResponse:
    battle = own(request, battle_id)
    services.take_back_vote(battle=battle)
    return SeeOther(battle.get_absolute_url())


@posted
@refusals
def skip(request: HttpRequest, battle_id: UUID) -> HttpResponse:
    battle = own(request, battle_id)
    services.skip_battle(battle=battle)
    async_to_sync(generation.stop)(battle.pk)
    words = format_html(_('Skipped. <a href="{}">Go back to it</a>'), battle.get_absolute_url())
    messages.info(request, words)
    return SeeOther(pages.BattlePage(selectors.battle_state(battle)).next_url)


@posted
@refusals
def resume(request: HttpRequest, battle_id: UUID) -> HttpResponse:
    battle = own(request, battle_id)
    services.resume_battle(battle=battle)
    return SeeOther(battle.get_absolute_url())


@posted
@refusals
def stop(request: HttpRequest, battle_id: UUID) -> HttpResponse:
    battle = own(request, battle_id)
    async_to_sync(generation.stop)(battle.pk)
    return SeeOther(battle.get_absolute_url())


@require_POST
@refusals
def react(request: HttpRequest, battle_id: UUID, number: int, position: int) -> HttpResponse:
    battle = own(request, battle_id)
    form = ReactionForm(request.POST)
    if not form.is_valid():
        raise Invalid(_("A thumb is up, down, or taken back."))
    services.react(battle=battle, turn=number, position=position, **form.cleaned_data)
    if "HX-Request" not in request.headers:
        return SeeOther(battle.get_absolute_url())
    page = pages.BattlePage(selectors.battle_state(battle))
    turn, response = page.find(turn=number, position=position)
    saved = "comment" in request.POST  # by the folded form: the focus goes to what unfolds it
    context = {"page": page, "turn": turn, "response": response, "saved": saved}
    return render(request, "arena/thumbs.html", context)


def _battle_page(
    request: HttpRequest,
    battle: Battle,
    *,
    refusal: ArenaError | None = None,
    typed: str = "",
    edited: str = "",
    not_taken: bool = False,
) -> HttpResponse:
    page = pages.BattlePage(async_to_sync(generation.look)(battle, html=True))
    context = {
        "page": page,
        "typed": typed,
        "edited": edited,
        "not_taken": not_taken,
        "error": refusal.reason if refusal else "",
    }
    status = refusal.status if refusal else 200
    return render(request, "arena/battle.html", context, status=status)
