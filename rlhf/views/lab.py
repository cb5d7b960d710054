"""The lab's pages: gate, form, one domain call, answer."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from arena.errors import ArenaError, Invalid
from arena.sentences import shown
from rlhf import pages, services
from rlhf.filling import choices_of, form_name
from rlhf.forms import PretrainForm, RewardForm, RunForm, UpdateForm
from rlhf.gates import staff_page
from rlhf.models import Run
from rlhf.views.posting import form_key, posted_from, staff_action

RUNS_SHOWN = 25
FORMS: dict[str, type[RunForm]] = {
    "pretrain": PretrainForm,
    "reward": RewardForm,
    "update": UpdateForm,
}


@require_GET
@staff_page
def lab(request: HttpRequest) -> HttpResponse:
    """The lab; the address may name choices of its forms."""
    named = [name for name in FORMS if f"{name}-stage" in request.GET]
    return _lab(request, *(_filled(name, request.GET) for name in named))


@posted_from("lab")
@staff_page
def method(request: HttpRequest) -> HttpResponse:
    """The form of updates as the chosen method needs it; for htmx only that form."""
    form = _filled("update", request.POST)
    if request.headers.get("HX-Request"):
        return render(request, "rlhf/update.html", {"update_form": form})
    return _lab(request, form)


@require_GET
@staff_page
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """The lab with the form filled in from which a run was started."""
    found = get_object_or_404(Run.objects.select_related("dataset", "gate"), pk=pk)
    name = form_name(found.stage)
    return _lab(request, FORMS[name](prefix=name, initial=choices_of(found)), again=found)


def _lab(
    request: HttpRequest,
    *filled: RunForm,
    status: int = 200,
    tried: dict[str, Any] | None = None,
    again: Run | None = None,
) -> HttpResponse:
    """The lab with forms that were sent or filled in; `tried`: what `pages.tried` said of the one.

    `again`: the run from which the form was filled in.
    """
    listed = Paginator(Run.objects.select_related("base", "contender"), RUNS_SHOWN)
    page = listed.get_page(request.GET.get("page"))
    context = {"runs": page, "moving": any(not run.ended for run in page), "again": again}
    if request.headers.get("HX-Target") == "runs":
        return render(request, "rlhf/runs.html", context)
    if tried is not None:
        context[f"{filled[0].prefix}_tried"] = tried
    forms = {name: kind(prefix=name) for name, kind in FORMS.items()}
    forms |= {str(form.prefix): form for form in filled}
    context |= pages.lab() | {f"{name}_form": form for name, form in forms.items()}
    return render(request, "rlhf/lab.html", context, status=status)


@posted_from("lab")
@staff_page
def start(request: HttpRequest) -> HttpResponse:
    """Start a run from one of the forms; a refusal stands above the form that it is about."""
    form = _sent(request)
    if not form.is_valid():
        return _lab(request, form, status=422)
    try:
        run = services.start_run(
            **form.arguments(), by=pages.user_of(request), form_key=form_key(request)
        )
    except ArenaError as refusal:
        form.add_error(None, shown(refusal.reason))
        return _lab(request, form, status=refusal.status)
    return redirect(run)


@posted_from("lab")
@staff_page
def estimate(request: HttpRequest) -> HttpResponse:
    """What the run of a form would take; nothing is started. For htmx only that part."""
    form = _sent(request)
    partly = bool(request.headers.get("HX-Request"))
    if not form.is_valid():
        if partly:
            return render(request, "rlhf/estimate.html", {"refusals": pages.errors_of(form)})
        return _lab(request, form, status=422)
    try:
        tried = pages.tried(services.try_run(**form.arguments()))
    except ArenaError as refusal:
        if partly:
            return render(request, "rlhf/estimate.html", {"refusals": [shown(refusal.reason)]})
        form.add_error(None, shown(refusal.reason))
        return _lab(request, form, status=refusal.status)
    if partly:
        return render(request, "rlhf/estimate.html", tried)
    return _lab(request, form, tried=tried)


def _filled(name: str, chosen: QueryDict) -> RunForm:
    """A form with choices that were made elsewhere; it says nothing of what is wrong with them."""
    prefix = f"{name}-"
    told = {key.removeprefix(prefix): chosen[key] for key in chosen if key.startswith(prefix)}
    return FORMS[name](prefix=name, initial=told)


def _sent(request: HttpRequest) -> RunForm:
    """The form of the lab that was sent, told by its hidden or visible stage."""
    name = next((name for name in FORMS if f"{name}-stage" in request.POST), "update")
    return FORMS[name](request.POST, prefix=name)


@require_GET
@staff_page
def run(request: HttpRequest, pk: int) -> HttpResponse:
    """A run's page, `samples` of one step; for htmx only the part that changes while it runs."""
    found = get_object_or_404(
        Run.objects.select_related("base", "contender", "dataset", "reward_run", "created_by"),
        pk=pk,
    )
    template = "rlhf/run_live.html" if request.headers.get("HX-Request") else "rlhf/run.html"
    return render(request, template, pages.run(found, request.GET.get("samples", "")))


@staff_action("run")
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(Run, pk=pk)
    services.cancel_run(run)
    return redirect(run)


@staff_action("run")
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(Run, pk=pk)
    services.resume_run(run)
    return redirect(run)


@staff_action("run")
def repeat(request: HttpRequest, pk: int) -> HttpResponse:
    """Start a run again from the beginning, with the same choices and settings."""
    run = get_object_or_404(Run, pk=pk)
    by = pages.user_of(request)
    return redirect(services.repeat_run(run, by=by, form_key=form_key(request)))


@staff_action("run")
def enter(request: HttpRequest, pk: int) -> HttpResponse:
    """Confirm or override what the gate said of a result; or make it a base alone."""
    run = get_object_or_404(Run, pk=pk)
    wanted = request.POST.get("decision")
    if wanted == "base":
        contender = services.enter_as_base(run=run)
        text = _("%(contender)s can be trained further.")
        messages.success(request, text % {"contender": contender})
        return redirect(run)
    if wanted not in {"enter", "keep-out"}:
        raise Invalid(_("Choose to enter it or to keep it out."))
    reason = request.POST.get("reason", "")
    try:
        made = services.decide(
            run=run, by=pages.user_of(request), enter_it=wanted == "enter", reason=reason
        )
    except Invalid as refusal:
        told = {"refusal": shown(refusal.reason), "reason_given": reason}
        return render(request, "rlhf/run.html", pages.run(run) | told, status=refusal.status)
    if made.entered:
        text = _("%(contender)s is in the arena and will be drawn for battles.")
        messages.success(request, text % {"contender": made.run.contender})
    else:
        messages.success(request, _("%(run)s stays out of battles.") % {"run": run})
    return redirect(run)
