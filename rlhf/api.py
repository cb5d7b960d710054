"""The rlhf part of the HTTP API: datasets as exports, and runs. For staff."""

from datetime import datetime
from typing import Any, Literal

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Schema, Status
from pydantic import Field

from arena.api.schemas import PROBLEMS, Strict
from arena.errors import Forbidden, NotFound, Unauthorized
from rlhf import services
from rlhf.exporting import FORMATS
from rlhf.models import Dataset, Run
from rlhf.selectors import export_payload, run_payload
from rlhf.stages import PRESETS, STAGES

router = Router(tags=["rlhf"])
State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
LISTED = 100


class ExportIn(Strict):
    format: str = Field(description="One of: " + ", ".join(FORMATS))
    population: str = Field("people", description="people, simulated or all")
    container: str = Field("jsonl", description="jsonl or parquet")
    selection: dict[str, Any] = Field(
        {},
        description="Which votes: since, until, categories, tags, contenders, without, raters, "
        "modes, votes, leave_out, least_seconds, agreement, scrub, last_vote",
    )


class ExportOut(Schema):
    id: int
    format: str
    population: str
    container: str
    selection: dict[str, Any] = Field(description="Which votes, where that is not the default.")
    source: str | None = Field(description="The file it was imported from; null for votes.")
    manifest: dict[str, Any] = Field(description="Files, counts, split rule; empty until whole.")
    state: State
    progress: float
    rows: int | None
    test_rows: int | None = Field(description="Rows of the split `test`.")
    votes: int | None = Field(description="Votes (or thumbs) read.")
    skipped: int | None = Field(description="Of these, how many had no texts.")
    size: int | None
    sha256: str | None
    error: str | None
    url: str | None = Field(description="Where to download the rows; null until it is whole.")
    archive: str | None = Field(description="The folder with card and manifest, as tar.")
    created_at: datetime


class RunIn(Strict):
    stage: str = Field(description="One of: " + ", ".join(STAGES))
    base: str | None = Field(None, description="Slug of a local contender.")
    dataset: int | None = Field(
        None, description="In the format that the stage reads; else the votes are frozen afresh."
    )
    reward_run: int | None = None
    population: str = Field("people", description="Whose votes: people, simulated or all.")
    preset: str = Field("standard", description="One of: " + ", ".join(PRESETS))
    settings: dict[str, Any] = Field({}, description="They win over the preset.")


class DecisionOut(Schema):
    entered: bool
    against_gate: bool
    reason: str
    by: str | None
    at: datetime


class InterruptionOut(Schema):
    at: datetime
    phase: str
    step: int
    reason: str


class RunOut(Schema):
    id: int
    stage: str
    name: str
    state: State
    phase: str
    step: int
    total: int
    progress: float
    seconds_left: float | None
    base: str | None
    dataset: int | None
    reward_run: int | None
    contender: str | None = Field(description="Slug of the contender that it made.")
    settings: dict[str, Any]
    summary: dict[str, Any]
    notes: list[str]
    refusals: list[str] = Field(description="Why its result was not entered.")
    decisions: list[DecisionOut] = Field(description="What operators decided, the newest first.")
    error: str | None
    interruptions: list[InterruptionOut] = Field(
        description="Why its earlier processes ended, the oldest first."
    )
    can_resume: bool = Field(description="It was cut short and can go on where it was.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    url: str


def _staff(request: HttpRequest) -> User:
    """The member of staff who asks; everybody else is refused."""
    if not isinstance(request.user, User):
        raise Unauthorized(_("This needs a member of staff: sign in, or send an API token."))
    if not request.user.is_staff:
        raise Forbidden(_("This needs a member of staff."))
    return request.user


@router.get("exports", response={200: list[ExportOut], **PROBLEMS}, summary="Exports")
def exports(request: HttpRequest) -> list[dict[str, Any]]:
    """The newest hundred."""
    _staff(request)
    return [export_payload(dataset) for dataset in Dataset.objects.all()[:LISTED]]


@router.post("exports", response={201: ExportOut, **PROBLEMS}, summary="Export preferences")
def create_export(request: HttpRequest, payload: ExportIn) -> Status[dict[str, Any]]:
    """A worker writes the file; ask for the export until its state is `succeeded`."""
    dataset = services.request_dataset(
        format=payload.format,
        population=payload.population,
        container=payload.container,
        selection=payload.selection,
        by=_staff(request),
    )
    dataset.refresh_from_db()
    return Status(201, export_payload(dataset))


@router.get("exports/{int:pk}", response={200: ExportOut, **PROBLEMS}, summary="An export")
def get_export(request: HttpRequest, pk: int) -> dict[str, Any]:
    _staff(request)
    dataset = Dataset.objects.filter(pk=pk).first()
    if dataset is None:
        raise NotFound(_("There is no export %(number)s.") % {"number": pk})
    return export_payload(dataset)


@router.get("runs", response={200: list[RunOut], **PROBLEMS}, summary="Training runs")
def runs(request: HttpRequest) -> list[dict[str, Any]]:
    """The newest hundred."""
    _staff(request)
    return [run_payload(run) for run in _runs()[:LISTED]]


@router.post("runs", response={201: RunOut, **PROBLEMS}, summary="Start a run")
def start_run(request: HttpRequest, payload: RunIn) -> Status[dict[str, Any]]:
    """A reward model, or an update of a contender. What is wrong is said before it is queued."""
    run = services.start_run(**payload.dict(), by=_staff(request))
    run.refresh_from_db()
    return Status(201, run_payload(run))


@router.get("runs/{int:pk}", response={200: RunOut, **PROBLEMS}, summary="A run")
def get_run(request: HttpRequest, pk: int) -> dict[str, Any]:
    _staff(request)
    return run_payload(_run(pk))


@router.post("runs/{int:pk}/cancel", response={200: RunOut, **PROBLEMS}, summary="Cancel a run")
def cancel_run(request: HttpRequest, pk: int) -> dict[str, Any]:
    """Its process is asked to stop; the state becomes `cancelled` when it has."""
    _staff(request)
    return run_payload(services.cancel_run(_run(pk)))


@router.post("runs/{int:pk}/resume", response={200: RunOut, **PROBLEMS}, summary="Resume a run")
def resume_run(request: HttpRequest, pk: int) -> dict[str, Any]:
    """A run that failed or was cancelled goes on from the last state that it kept."""
    _staff(request)
    return run_payload(services.resume_run(_run(pk)))


@router.post("runs/{int:pk}/repeat", response={201: RunOut, **PROBLEMS}, summary="Repeat a run")
def repeat_run(request: HttpRequest, pk: int) -> Status[dict[str, Any]]:
    """A run that failed or was cancelled and kept nothing is started again, as a new run."""
    run = services.repeat_run(_run(pk), by=_staff(request))
    run.refresh_from_db()
    return Status(201, run_payload(run))


def _runs() -> QuerySet[Run]:
    return Run.objects.select_related("base", "contender").prefetch_related("decisions__decided_by")


def _run(pk: int) -> Run:
    run = _runs().filter(pk=pk).first()
    if run is None:
        raise NotFound(_("There is no run %(number)s.") % {"number": pk})
    return run
