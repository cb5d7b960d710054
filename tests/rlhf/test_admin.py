"""Datasets and runs in the Django admin."""

from typing import Any

import pytest
from django.test import Client
from kombu.exceptions import OperationalError

from rlhf import services
from rlhf.models import Dataset, Job, Run
from tests.rlhf.votes import many_votes

pytestmark = pytest.mark.django_db(transaction=True)
ADD = "/admin/rlhf/dataset/add/"


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    from celery import current_app

    sent: list[int] = []
    monkeypatch.setattr(current_app, "send_task", lambda _, args, **__: sent.append(args[0]))
    return sent


def test_picking_a_format_queues_the_export_and_shows_it(
    superuser_client: Client, queued: list[int]
) -> None:
    many_votes(2)
    asked = superuser_client.post(ADD, {"format": "trl-preference", "population": "people"})
    dataset = Dataset.objects.get()
    assert queued == [dataset.pk]
    assert asked["Location"] == f"/admin/rlhf/dataset/{dataset.pk}/change/"
    waiting = superuser_client.get(asked["Location"]).content.decode()
    assert 'data-state="moving"' in waiting
    assert "<progress" in waiting
    services.write_dataset(dataset.pk)
    done = superuser_client.get(asked["Location"]).content.decode()
    assert 'data-state="ended"' in done
    assert f"/lab/datasets/{dataset.pk}/download/" in done
    listed = superuser_client.get("/admin/rlhf/dataset/").content.decode()
    assert f"/lab/datasets/{dataset.pk}/download/" in listed


def test_an_unknown_format_is_refused_on_the_form(
    superuser_client: Client, queued: list[int]
) -> None:
    answer = superuser_client.post(ADD, {"format": "xml", "population": "people"})
    assert answer.status_code == 200
    assert b"Select a valid choice" in answer.content
    assert queued == []


def test_without_a_queue_the_admin_says_so(
    superuser_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from celery import current_app

    def refuse(*_: Any, **__: Any) -> None:
        raise OperationalError("no broker")

    monkeypatch.setattr(current_app, "send_task", refuse)
    many_votes(2)
    answer = superuser_client.post(ADD, {"format": "ranking", "population": "people"}, follow=True)
    assert b"queue (Redis) does not answer" in answer.content
    assert Dataset.objects.get().state == Job.State.FAILED


def test_a_dataset_is_deleted_with_its_file(superuser_client: Client) -> None:
    dataset = services.create_dataset(format="ranking")
    services.write_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.folder.exists()
    superuser_client.post(f"/admin/rlhf/dataset/{dataset.pk}/delete/", {"post": "yes"})
    assert not Dataset.objects.exists()
    assert not dataset.folder.exists()


def test_a_dataset_being_written_can_be_cancelled_but_not_deleted(superuser_client: Client) -> None:
    dataset = services.create_dataset(format="ranking")
    url = f"/admin/rlhf/dataset/{dataset.pk}/delete/"
    assert superuser_client.post(url, {"post": "yes"}).status_code == 403
    superuser_client.post(
        "/admin/rlhf/dataset/", {"action": "cancel", "_selected_action": [dataset.pk]}
    )
    dataset.refresh_from_db()
    assert dataset.state == Job.State.CANCELLED


def test_runs_can_be_looked_at_only(superuser_client: Client) -> None:
    run = Run.objects.create(stage="reward", name="reward-1", error="Because.")
    page = superuser_client.get(f"/admin/rlhf/run/{run.pk}/change/").content.decode()
    assert "Because." in page
    assert f"/lab/runs/{run.pk}/" in page
    assert superuser_client.get("/admin/rlhf/run/add/").status_code == 403
    assert superuser_client.get("/admin/rlhf/run/").status_code == 200


def test_staff_without_rights_on_datasets_cannot_add_one(operator_client: Client) -> None:
    assert operator_client.get(ADD).status_code == 403
