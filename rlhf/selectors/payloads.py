"""Datasets and runs as the API tells them."""

from typing import Any

from django.urls import reverse

from rlhf.models import Dataset, Job, Run
from rlhf.selectors.runs import can_resume, seconds_left


def export_payload(dataset: Dataset) -> dict[str, Any]:
    """A dataset as an export; `url` is where to download it."""
    whole = dataset.state == Job.State.SUCCEEDED
    return {
        "id": dataset.pk,
        "format": dataset.format,
        "population": dataset.population,
        "container": dataset.container,
        "selection": dataset.selection,
        "source": dataset.source or None,
        "manifest": dataset.manifest,
        "state": dataset.state,
        "progress": dataset.progress,
        "rows": dataset.rows,
        "test_rows": dataset.test_rows,
        "votes": dataset.votes,
        "skipped": dataset.skipped,
        "size": dataset.size,
        "sha256": dataset.sha256 or None,
        "error": dataset.error or None,
        "url": reverse("dataset-download", args=[dataset.pk]) if whole else None,
        "archive": reverse("dataset-archive", args=[dataset.pk]) if whole else None,
        "created_at": dataset.created_at,
    }


def run_payload(run: Run) -> dict[str, Any]:
    """A run with its settings, where it is, and what came of it."""
    return {
        "id": run.pk,
        "stage": run.stage,
        "name": run.name,
        "state": run.state,
        "phase": run.phase,
        "step": run.step,
        "total": run.total,
        "progress": run.progress,
        "seconds_left": seconds_left(run),
        "base": run.base.slug if run.base else None,
        "dataset": run.dataset_id,
        "reward_run": run.reward_run_id,
        "contender": run.contender.slug if run.contender else None,
        "settings": run.config,
        "summary": run.summary,
        "notes": run.notes,
        "refusals": run.refusals,
        "decisions": [
            {
                "entered": one.entered,
                "against_gate": one.against_gate,
                "reason": one.reason,
                "by": one.decided_by.get_username() if one.decided_by else None,
                "at": one.decided_at,
            }
            for one in run.decisions.all()
        ],
        "error": run.error or None,
        "interruptions": run.interruptions,
        "can_resume": can_resume(run),
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "url": run.get_absolute_url(),
    }
