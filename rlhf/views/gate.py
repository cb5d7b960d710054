"""The gate's page: its written rules, and their limits to change."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from rlhf import gate_page, pages, services
from rlhf.gate_forms import GateForm
from rlhf.gates import staff_page


@require_http_methods(["GET", "POST"])
@staff_page
def gate(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        return render(request, "rlhf/gate.html", gate_page.gate())
    form = GateForm(request.POST)
    if not form.is_valid():
        context = gate_page.gate() | {"form": form}
        return render(request, "rlhf/gate.html", context, status=422)
    services.set_gate(**form.arguments(), by=pages.user_of(request))
    messages.success(request, _("The limits are set. They hold for runs that start from now on."))
    return redirect("gate")
