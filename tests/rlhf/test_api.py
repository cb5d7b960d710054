"""Exports and runs over the HTTP API."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from arena.models import Contender
from arena.services import create_token
from rlhf import services
from rlhf.models import Dataset, Job, Run
from rlhf.selectors import dataset_rows
from rlhf.stages import PRESETS
from tests.rlhf.test_selection import cast
from tests.rlhf.votes import many_votes

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it to do what was queued, as a worker would."""
    from celery import current_app

    from rlhf import tasks

    sent: list[tuple[str, int]] = []

    def send(name: str, args: list[int], **_: Any) -> None:
        sent.append((name, args[0]))

    def do() -> None:
        while sent:
            name, pk = sent.pop(0)
            getattr(tasks, name.rsplit(".", 1)[1])(pk)

    monkeypatch.setattr(current_app, "send_task", send)
    return do


class Api:
    def __init__(self, user: User) -> None:
        self.client = Client(headers={"Authorization": f"Bearer {create_token(user=user)}"})

    def get(self, path: str) -> Any:
        return self.client.get(f"/api/v1/{path}")

    def post(self, path: str, body: Any = None) -> Any:
        return self.client.post(f"/api/v1/{path}", body or {}, content_type="application/json")


@pytest.fixture
def api(operator: User) -> Api:
    return Api(operator)


def test_an_export_is_made_watched_and_downloaded(api: Api, work: Callable[[], None]) -> None:
    many_votes(4)
    made = api.post("exports", {"format": "ranking"})
    assert made.status_code == 201
    first = made.json()
    assert (first["state"], first["format"], first["url"]) == ("queued", "ranking", None)
    work()
    ready = api.get(f"exports/{first['id']}").json()
    assert (ready["state"], ready["progress"], ready["rows"]) == ("succeeded", 1.0, 4)
    file = b"".join(api.client.get(ready["url"]).streaming_content)  # type: ignore[attr-defined]
    assert hashlib.sha256(file).hexdigest() == ready["sha256"]
    assert [export["id"] for export in api.get("exports").json()] == [first["id"]]


def test_the_example_of_the_guide_works_on_simulated_votes_alone(
    api: Api, base: Contender, work: Callable[[], None], stage: Callable[..., None]
) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guide" / "operator.md").read_text()
    example = guide.split("## The API")[1].split("```")[1]
    sent = re.findall(r"-d '([^']+)'.*?/api/v1/(\w+)", example, re.DOTALL)
    assert [path for _, path in sent] == ["exports", "runs"]
    many_votes(30, population="simulated")
    made = [api.post(path, json.loads(body)) for body, path in sent]
    assert [answer.status_code for answer in made] == [201, 201]
    work()
    first = api.get(f"exports/{made[0].json()['id']}").json()
    assert api.client.get(first["url"]).status_code == 200
    assert first["url"].replace(f"/{first['id']}/", "/1/") in example  # as in a new database


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "format"),
        ({"format": "xml"}, "Choose one of: trl-preference"),
        ({"format": "ranking", "population": "robots"}, "people, simulated, all"),
        ({"format": "ranking", "colour": "red"}, "colour"),
        ({"format": 3}, "format"),
    ],
)
def test_a_wrong_export_is_refused_with_a_reason(api: Api, body: Any, reason: str) -> None:
    answer = api.post("exports", body)
    assert answer.status_code == 422
    assert reason in answer.json()["error"]
    assert not Dataset.objects.exists()


def test_a_run_is_started_watched_and_listed(
    api: Api, work: Callable[[], None], stage: Callable[..., None], base: Contender
) -> None:
    many_votes(20)
    stage("succeed", {"metrics": {"accuracy": 0.66}})
    made = api.post("runs", {"stage": "reward", "settings": {"seed": 5}})
    assert made.status_code == 201, made.json()
    assert made.json()["state"] == "queued"
    assert made.json()["settings"] == {"seed": 5}
    work()
    run = api.get(f"runs/{made.json()['id']}").json()
    assert run["state"] == "succeeded", run["error"]
    assert run["summary"]["metrics"] == {"accuracy": 0.66}
    assert [listed["id"] for listed in api.get("runs").json()] == [run["id"]]


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"stage": "reward"}, 422, "needs at least 20 votes with texts; there are 0"),
        ({"stage": "ppo"}, 422, "no training stage 'ppo'"),
        ({"stage": "reward", "settings": {"epochz": 1}}, 422, "no setting 'epochz'"),
        ({"stage": "reward", "settings": {"epochs": "1"}}, 422, "must be a whole number"),
        ({"stage": "reward", "preset": "slow"}, 422, "no preset 'slow'. Choose one of: quick, st"),
        ({"stage": "reward", "population": "bla", "dataset": 5}, 422, "no population 'bla'"),
        ({"stage": "reward", "base": "nobody"}, 404, "no contender 'nobody'"),
        ({"stage": "reward", "dataset": 5}, 404, "no dataset 5"),
        ({"stage": "best-of-n", "reward_run": 5}, 404, "no run 5"),
        ({}, 422, "stage"),
    ],
)
def test_a_wrong_run_is_refused_with_a_reason(
    api: Api, base: Contender, body: Any, status: int, reason: str
) -> None:
    answer = api.post("runs", body)
    assert answer.status_code == status
    assert reason in answer.json()["error"]
    assert not Run.objects.exists()


def test_a_run_is_cancelled_once(api: Api) -> None:
    run = Run.objects.create(stage="reward", name="reward-1")
    assert api.post(f"runs/{run.pk}/cancel").json()["state"] == "cancelled"
    again = api.post(f"runs/{run.pk}/cancel")
    assert again.status_code == 409
    assert "ended already" in again.json()["error"]


@pytest.mark.django_db(transaction=True)
def test_a_run_that_was_cut_short_is_resumed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from celery import current_app

    monkeypatch.setattr(current_app, "send_task", lambda *_, **__: None)
    run = Run.objects.create(stage="reward", name="reward-1", state=Job.State.FAILED)
    assert api.get(f"runs/{run.pk}").json()["can_resume"] is False
    refused = api.post(f"runs/{run.pk}/resume")
    assert refused.status_code == 409
    assert "kept nothing" in refused.json()["error"]
    (run.folder / "state").mkdir(parents=True)
    (run.folder / "state" / "fingerprint").touch()
    assert api.get(f"runs/{run.pk}").json()["can_resume"] is False
    (run.folder / "state" / "training.000000001").mkdir()
    assert api.get(f"runs/{run.pk}").json()["can_resume"] is True
    assert api.post(f"runs/{run.pk}/resume").json()["state"] == "queued"


@pytest.mark.django_db(transaction=True)
def test_settings_win_over_the_preset_of_a_run(
    api: Api, base: Contender, monkeypatch: pytest.MonkeyPatch
) -> None:
    from celery import current_app

    monkeypatch.setattr(current_app, "send_task", lambda *_, **__: None)
    many_votes(20)
    body = {"stage": "reward", "preset": "quick", "settings": {"layers": 2}}
    expected = {**PRESETS["quick"].settings["reward"], "layers": 2}
    assert api.post("runs", body).json()["settings"] == expected


def test_an_export_of_an_unknown_category_is_refused_with_those_there_are(api: Api) -> None:
    cast(category="facts")
    body = {"format": "ranking", "selection": {"categories": ["facts", "fakts"]}}
    answer = api.post("exports", body)
    assert answer.status_code == 422
    assert "in the category 'fakts'. Choose among: facts." in answer.json()["error"]
    assert not Dataset.objects.exists()


@pytest.mark.parametrize("field", ["contenders", "without"])
def test_an_export_of_an_unknown_contender_is_refused_by_name(api: Api, field: str) -> None:
    cast()
    body = {"format": "ranking", "selection": {field: ["amber", "nope"]}}
    answer = api.post("exports", body)
    assert answer.status_code == 422
    assert answer.json()["error"] == "There is no contender 'nope'."
    assert not Dataset.objects.exists()


@pytest.mark.parametrize("value", ["1e400", "99999999999999999999"])
def test_a_setting_beyond_all_bounds_is_refused(api: Api, base: Contender, value: str) -> None:
    body = f'{{"stage": "reward", "settings": {{"save_seconds": {value}}}}}'
    answer = api.client.post("/api/v1/runs", body, content_type="application/json")
    assert answer.status_code == 422
    assert "'save_seconds' is" in answer.json()["error"]
    assert not Run.objects.exists()


def test_an_export_whose_first_day_is_after_its_last_is_refused(api: Api) -> None:
    cast()
    days = {"since": "2026-05-02", "until": "2026-05-01"}
    answer = api.post("exports", {"format": "ranking", "selection": days})
    assert answer.status_code == 422
    assert answer.json()["error"] == "The first day is after the last one."
    assert not Dataset.objects.exists()


@pytest.mark.parametrize("path", ["runs/77", "exports/77"])
def test_what_is_not_there_is_not_found(api: Api, path: str) -> None:
    answer = api.get(path)
    assert answer.status_code == 404
    assert "77" in answer.json()["error"]


def test_without_a_queue_it_says_so(
    api: Api, base: Contender, monkeypatch: pytest.MonkeyPatch
) -> None:
    from celery import current_app
    from kombu.exceptions import OperationalError

    def refuse(*_: Any, **__: Any) -> None:
        raise OperationalError("no broker")

    monkeypatch.setattr(current_app, "send_task", refuse)
    many_votes(20)
    for path, body in (("runs", {"stage": "reward"}), ("exports", {"format": "ranking"})):
        answer = api.post(path, body)
        assert answer.status_code == 503
        assert "Redis" in answer.json()["error"]
    assert Run.objects.get().state == Job.State.FAILED
    assert not Dataset.objects.filter(format="ranking", state=Job.State.QUEUED, run=None).exists()


def test_a_second_task_for_the_same_dataset_changes_nothing() -> None:
    many_votes(2)
    dataset = services.create_dataset(format="ranking")
    services.write_dataset(dataset.pk)
    dataset.refresh_from_db()
    many_votes(1)
    services.write_dataset(dataset.pk)
    assert len(list(dataset_rows(dataset))) == 2
