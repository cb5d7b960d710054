"""Did it help? The trials of contenders that came out of runs."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from arena.errors import Conflict, Invalid
from arena.sentences import shown
from rlhf import services, trial_page
from rlhf.gate_forms import RuleForm
from rlhf.gates import staff_page
from rlhf.models import Trial
from rlhf.pages import user_of
from rlhf.views.posting import staff_action

SHOWN = 25


@require_GET
@staff_page
def trials(request: HttpRequest) -> HttpResponse:
    listed = Paginator(Trial.objects.select_related("child", "parent"), SHOWN)
    page = listed.get_page(request.GET.get("page"))
    lines = [trial_page.line(trial) for trial in page]
    return render(request, "rlhf/trials.html", {"page": page, "lines": lines})


@require_GET
@staff_page
def trial(request: HttpRequest, pk: int) -> HttpResponse:
    return render(request, "rlhf/trial.html", trial_page.trial(_trial(pk)))


@staff_action("trial")
def rule(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose the rule, before the first vote."""
    found = _trial(pk)
    form = RuleForm(request.POST)
    if not form.is_valid():
        context = trial_page.trial(found) | {"rule_form": form}
        return render(request, "rlhf/trial.html", context, status=422)
    services.set_rule(trial=found, **form.cleaned_data)
    messages.success(request, _("The rule is set. It can be changed until the first vote."))
    return redirect(found)


@staff_action("trial")
def settle(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep or retire the child by hand."""
    found = _trial(pk)
    wanted = request.POST.get("settle")
    if wanted not in {"keep", "retire"}:
        raise Invalid(_("Choose to keep or to retire."))
    by, reason = user_of(request), request.POST.get("reason", "")
    try:
        settled = services.settle_trial(trial=found, keep=wanted == "keep", by=by, reason=reason)
    except Invalid as refusal:
        told = {"refusal": shown(refusal.reason), "reason_given": reason}
        return render(request, "rlhf/trial.html", trial_page.trial(found) | told, status=422)
    except Conflict:
        found.refresh_from_db(fields=["reason"])
        if found.reason != services.signed_reason(by, reason):
            raise
        return redirect(found)  # a double click: the first request did it
    text = (
        _("%(child)s stays in battles.")
        if settled.kept
        else _("%(child)s is drawn no more, and %(parent)s is drawn again.")
    )
    messages.success(request, text % {"child": found.child, "parent": found.parent})
    return redirect(found)


def _trial(pk: int) -> Trial:
    return get_object_or_404(Trial.objects.select_related("child", "parent"), pk=pk)
