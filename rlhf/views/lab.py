"""The lab's pages: gate, form, one domain call, answer."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from arena.errors import ArenaError, Invalid
from arena.sentences import shown
from rlhf import pages, services
from rlhf.forms import RewardForm, UpdateForm
from rlhf.gates import staff_page
from rlhf.models import Run

RUNS_SHOWN = 25


@require_GET
@staff_page
def lab(request: HttpRequest) -> HttpResponse:
    return _lab(request, RewardForm(prefix="reward"), UpdateForm(prefix="update"))


def _lab(
    request: HttpRequest, reward: RewardForm, update: UpdateForm, status: int = 200
) -> HttpResponse:
    listed = Paginator(Run.objects.select_related("base", "contender"), RUNS_SHOWN)
    page = listed.get_page(request.GET.get("page"))
    context = {"runs": page, "moving": any(not run.ended for run in page)}
    if request.headers.get("HX-Target") == "runs":
        return render(request, "rlhf/runs.html", context)
    context |= pages.lab() | {"reward_form": reward, "update_form": update}
    return render(request, "rlhf/lab.html", context, status=status)


@require_http_methods(["GET", "POST"])
@staff_page
def start(request: HttpRequest) -> HttpResponse:
    """Start a run from either form; a refusal stands above the form that it is about."""
    if request.method == "GET":  # the address of a refused form, opened again
        return redirect("lab")
    rewarding = "reward-stage" in request.POST
    reward = RewardForm(request.POST if rewarding else None, prefix="reward")
    update = UpdateForm(None if rewarding else request.POST, prefix="update")
    form: RewardForm | UpdateForm = reward if rewarding else update
    if not form.is_valid():
        return _lab(request, reward, update, status=422)
    try:
        run = services.start_run(**form.arguments(), by=pages.user_of(request))
    except ArenaError as refusal:
        form.add_error(None, shown(refusal.reason))
        return _lab(request, reward, update, status=refusal.status)
    return redirect(run)


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


@require_POST
@staff_page
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(Run, pk=pk)
    services.cancel_run(run)
    return redirect(run)


@require_POST
@staff_page
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    run = get_object_or_404(Run, pk=pk)
    services.resume_run(run)
    return redirect(run)


@require_POST
@staff_page
def enter(request: HttpRequest, pk: int) -> HttpResponse:
    """Confirm or override what the gate said of a result."""
    run = get_object_or_404(Run, pk=pk)
    wanted = request.POST.get("decision")
    if wanted not in {"enter", "keep-out"}:
        raise Invalid(_("Choose to enter it or to keep it out."))
    made = services.decide(
        run=run,
        by=pages.user_of(request),
        enter_it=wanted == "enter",
        reason=request.POST.get("reason", ""),
    )
    if made.entered:
        text = _("%(contender)s is in the arena and will be drawn for battles.")
        messages.success(request, text % {"contender": made.run.contender})
    else:
        messages.success(request, _("%(run)s stays out of battles.") % {"run": run})
    return redirect(run)
