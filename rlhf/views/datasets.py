"""The datasets' pages: choose votes, see what they yield, freeze, import, download."""

from collections.abc import Callable, Mapping
from typing import Any

from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_http_methods

from arena.errors import ArenaError, NotFound
from arena.sentences import shown
from rlhf import pages, services
from rlhf.dataset_forms import (
    DatasetForm,
    DemonstrationFileForm,
    FileForm,
    PreferenceFileForm,
    TextFileForm,
)
from rlhf.downloads import Download, archive, archive_size, concatenated
from rlhf.gates import staff_or_token, staff_page
from rlhf.models import Dataset
from rlhf.views.posting import form_key, posted_from, staff_action

SHOWN = 25
DEFAULTS = {"format": "trl-preference", "population": "people"}
IMPORTS: dict[str, tuple[type[FileForm], Callable[..., Dataset]]] = {
    "preferences": (PreferenceFileForm, services.import_preferences),
    "demonstrations": (DemonstrationFileForm, services.import_demonstrations),
    "text": (TextFileForm, services.import_texts),
}


@require_http_methods(["GET", "HEAD", "POST"])
@staff_page
def datasets(request: HttpRequest) -> HttpResponse:
    """What was frozen so far; POST freezes a selection."""
    if request.method != "POST":
        return _listed(request)
    form = DatasetForm(request.POST)
    if not form.is_valid():
        return _builder(request, form)
    try:
        made = services.request_dataset(
            **form.arguments(), by=pages.user_of(request), form_key=form_key(request)
        )
    except ArenaError as refusal:
        form.add_error(None, shown(refusal.reason))
        return _builder(request, form, status=refusal.status)
    return redirect(made)


@require_GET
@staff_page
def new_dataset(request: HttpRequest) -> HttpResponse:
    """The builder. Its address is the selection; for htmx only what that yields."""
    given = request.GET.copy()
    for name, value in DEFAULTS.items():
        given.setdefault(name, value)
    return _builder(request, DatasetForm(given))


def _builder(request: HttpRequest, form: DatasetForm, status: int = 422) -> HttpResponse:
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        context |= pages.yielded(form)
        status = 200
    template = "rlhf/dataset_new.html"
    if request.headers.get("HX-Target") == "yield":
        # htmx puts an error's answer elsewhere: the figures of the choice before would stay.
        template, status = "rlhf/dataset_yield.html", 200
        context["partly"] = True
    return render(request, template, context, status=status)


@posted_from("datasets")
@csrf_exempt  # checked below, once the handler of uploads is set
@staff_page
def import_preferences(request: HttpRequest) -> HttpResponse:
    """A preference file of others becomes a dataset, or nothing does."""
    return _uploaded(request, "preferences")


@posted_from("datasets")
@csrf_exempt  # as above
@staff_page
def import_demonstrations(request: HttpRequest) -> HttpResponse:
    """A file of responses to imitate becomes a dataset, or nothing does."""
    return _uploaded(request, "demonstrations")


@posted_from("datasets")
@csrf_exempt  # as above
@staff_page
def import_text(request: HttpRequest) -> HttpResponse:
    """A file of documents becomes a dataset, or nothing does."""
    return _uploaded(request, "text")


def _uploaded(request: HttpRequest, kind: str) -> HttpResponse:
    # On disk whatever its size: the import reads a path.
    request.upload_handlers = [TemporaryFileUploadHandler(request)]
    checked: HttpResponse = csrf_protect(_import)(request, kind)
    return checked


def _import(request: HttpRequest, kind: str) -> HttpResponse:
    form_class, service = IMPORTS[kind]
    form = form_class(request.POST, request.FILES)
    if not form.is_valid():
        return _listed(request, {kind: form}, status=422)
    try:
        made = service(**form.arguments(), by=pages.user_of(request), form_key=form_key(request))
    except ArenaError as refusal:
        form.add_error("file", shown(refusal.reason))
        return _listed(request, {kind: form}, status=refusal.status)
    return redirect(made)


def _listed(
    request: HttpRequest, filled: Mapping[str, FileForm] | None = None, status: int = 200
) -> HttpResponse:
    page = Paginator(Dataset.objects.all(), SHOWN).get_page(request.GET.get("page"))
    empty = {kind: form_class() for kind, (form_class, _service) in IMPORTS.items()}
    context: dict[str, Any] = {
        "imports": {**empty, **(filled or {})},
        "datasets": page,
        "moving": any(not dataset.ended for dataset in page),
    }
    return render(request, "rlhf/datasets.html", context, status=status)


@require_GET
@staff_page
def dataset(request: HttpRequest, pk: int) -> HttpResponse:
    """A dataset's page; for htmx only the part that changes while it is written."""
    found = get_object_or_404(Dataset.objects.select_related("created_by"), pk=pk)
    template = (
        "rlhf/dataset_live.html" if request.headers.get("HX-Request") else "rlhf/dataset.html"
    )
    return render(request, template, pages.dataset(found))


@staff_action("dataset")
def cancel_dataset(request: HttpRequest, pk: int) -> HttpResponse:
    dataset = get_object_or_404(Dataset, pk=pk)
    services.cancel_dataset(dataset)
    return redirect(dataset)


@staff_action("dataset")
def retry_dataset(request: HttpRequest, pk: int) -> HttpResponse:
    """Freeze the same selection again; the dataset that was cut short stays to be read."""
    dataset = get_object_or_404(Dataset, pk=pk)
    by = pages.user_of(request)
    return redirect(services.retry_dataset(dataset, by=by, form_key=form_key(request)))


@require_http_methods(["GET", "HEAD"])
@staff_or_token
def download(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The rows of both splits in one file; Parquet comes as the archive."""
    dataset = _whole(pk)
    if dataset.container != "jsonl":
        return _archive(dataset)
    return Download(
        concatenated(dataset.files),
        size=sum(file.stat().st_size for file in dataset.files),
        file_name=f"{_name(dataset)}.jsonl",
        content_type="application/jsonl",
    )


@require_http_methods(["GET", "HEAD"])
@staff_or_token
def download_archive(request: HttpRequest, pk: int) -> HttpResponseBase:
    """The whole folder: a file for each split, card, manifest."""
    return _archive(_whole(pk))


def _archive(dataset: Dataset) -> Download:
    rows = dataset.files
    beside = [] if not dataset.folder_name else sorted(set(dataset.folder.iterdir()) - set(rows))
    files = [*beside, *rows]
    return Download(
        archive(files, _name(dataset)),
        size=archive_size(files),
        file_name=f"{_name(dataset)}.tar",
        content_type="application/x-tar",
    )


def _name(dataset: Dataset) -> str:
    return f"arena-{dataset.pk:05d}-{dataset.format}"


def _whole(pk: int) -> Dataset:
    dataset = get_object_or_404(Dataset, pk=pk)
    if not dataset.whole:
        raise NotFound(
            _("Dataset %(number)s has no file to download (%(state)s).")
            % {"number": pk, "state": dataset.get_state_display()}
        )
    return dataset
