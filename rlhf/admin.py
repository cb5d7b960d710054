"""Datasets and runs in the Django admin: pick a format, watch the file being written, take it."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from arena.errors import ArenaError
from arena.read_only import ReadOnly
from arena.sentences import shown
from rlhf import services
from rlhf.exporting import FORMATS
from rlhf.models import Dataset, Decision, Gate, Job, Run


class DatasetForm(forms.ModelForm[Dataset]):
    """The two things that one chooses."""

    format = forms.ChoiceField(
        choices=[(form.name, f"{form.title}: {form.description}") for form in FORMATS.values()]
    )

    class Meta:
        model = Dataset
        fields = ("format", "population")


def _progress(job: Job) -> str:
    if job.ended:
        return "–"
    return format_html('<progress max="1" value="{}"></progress>', f"{job.progress:.4f}")


@admin.register(Dataset)
class DatasetAdmin(admin.ModelAdmin[Dataset]):
    """Adding one queues the task that writes it; its page shows how far that is."""

    form = DatasetForm
    change_form_template = "rlhf/admin/dataset.html"
    change_list_template = "rlhf/admin/datasets.html"
    list_display = ("__str__", "population", "state", "done", "rows", "file", "created_at")
    list_filter = ("format", "state", "population")
    actions = ("cancel",)

    def has_change_permission(self, request: HttpRequest, obj: Dataset | None = None) -> bool:
        return False  # frozen

    def get_fields(self, request: HttpRequest, obj: Dataset | None = None) -> Any:
        if obj is None:
            return ("format", "population")
        return (
            "format", "population", "rows", "test_rows", "votes", "skipped", "size", "sha256",
            "container", "selection", "source", "manifest", "created_by", "created_at",
            "finished_at",
        )  # fmt: skip

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        moving = Dataset.objects.filter(state__in=[Job.State.QUEUED, Job.State.RUNNING]).exists()
        return super().changelist_view(request, {"moving": moving, **(extra_context or {})})

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A queue that does not answer is said here, after the form's transaction."""
        try:
            return super().add_view(request, form_url, extra_context)
        except ArenaError as refusal:
            messages.error(request, shown(refusal.reason))
            return redirect("admin:rlhf_dataset_changelist")

    def save_model(self, request: HttpRequest, obj: Dataset, form: Any, change: bool) -> None:
        assert request.user.is_authenticated  # the admin let them in
        made = services.request_dataset(
            format=obj.format, population=obj.population, by=request.user
        )
        obj.pk = made.pk
        obj.refresh_from_db()

    def response_add(
        self, request: HttpRequest, obj: Dataset, post_url_continue: str | None = None
    ) -> HttpResponse:
        messages.success(
            request,
            gettext("%(dataset)s is queued. This page shows how far it is.") % {"dataset": obj},
        )
        return redirect("admin:rlhf_dataset_change", obj.pk)

    def delete_model(self, request: HttpRequest, obj: Dataset) -> None:
        services.delete_dataset(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Dataset]) -> None:
        for dataset in queryset:
            try:
                services.delete_dataset(dataset)
            except ArenaError as refusal:
                messages.warning(request, shown(refusal.reason))

    def has_delete_permission(self, request: HttpRequest, obj: Dataset | None = None) -> bool:
        return (obj is None or obj.ended) and super().has_delete_permission(request, obj)

    @admin.display(description=_("progress"))
    def done(self, obj: Dataset) -> str:
        return _progress(obj)

    @admin.display(description=_("file"))
    def file(self, obj: Dataset) -> str:
        if obj.state != Job.State.SUCCEEDED:
            return shown(obj.error)[:80] or "–"
        return format_html(
            '<a href="{}">{}</a>',
            reverse("dataset-download", args=[obj.pk]),
            gettext("Download"),
        )

    @admin.action(description=_("Cancel"), permissions=["add"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Dataset]) -> None:
        for dataset in queryset:
            try:
                services.cancel_dataset(dataset)
            except ArenaError as refusal:
                messages.warning(request, shown(refusal.reason))


class DecisionInline(ReadOnly, admin.TabularInline[Decision, Run]):
    """What operators decided about a run's result."""

    model = Decision
    fields = ("entered", "against_gate", "reason", "decided_by", "decided_at")
    readonly_fields = fields


@admin.register(Gate)
class GateAdmin(ReadOnly, admin.ModelAdmin[Gate]):
    """Which limits held when: they are set on the lab's page of the gate."""

    list_display = ("__str__", "limits", "waits", "note", "set_by", "set_at")


@admin.register(Run)
class RunAdmin(ReadOnly, admin.ModelAdmin[Run]):
    """Only to look at: runs are started and cancelled on the lab's pages."""

    inlines = (DecisionInline,)

    list_display = ("__str__", "stage", "state", "done", "base", "contender", "page", "created_at")
    list_filter = ("stage", "state")
    list_select_related = ("base", "contender")
    fields = (
        "stage", "name", "state", "phase", "progress", "error", "interruptions", "base", "dataset",
        "reward_run", "contender", "config", "summary", "notes", "gate", "refusals", "created_by",
        "created_at", "started_at", "finished_at", "page",
    )  # fmt: skip

    @admin.display(description=_("progress"))
    def done(self, obj: Run) -> str:
        return _progress(obj)

    @admin.display(description=_("page"))
    def page(self, obj: Run) -> str:
        return format_html(
            '<a href="{}">{}</a>', obj.get_absolute_url(), gettext("Open in the lab")
        )
