"""Who gets in: every address of the lab, for strangers, raters and staff."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from arena.services import create_token
from rlhf import services
from rlhf.models import Dataset, Job, Run
from tests.rlhf.votes import many_votes

pytestmark = pytest.mark.django_db

PAGES = [
    ("get", "/lab/"),
    ("post", "/lab/runs/"),
    ("post", "/lab/method/"),
    ("get", "/lab/runs/{run}/"),
    ("post", "/lab/runs/{run}/cancel/"),
    ("post", "/lab/runs/{run}/repeat/"),
    ("get", "/lab/runs/{run}/again/"),
    ("post", "/lab/runs/{run}/enter/"),
    ("get", "/lab/gate/"),
    ("post", "/lab/gate/"),
    ("get", "/lab/datasets/"),
    ("post", "/lab/datasets/"),
    ("get", "/lab/datasets/{dataset}/"),
    ("get", "/lab/datasets/{dataset}/download/"),
    ("post", "/lab/datasets/{dataset}/cancel/"),
    ("post", "/lab/datasets/{dataset}/retry/"),
]
CALLS = [
    ("get", "/api/v1/exports"),
    ("post", "/api/v1/exports"),
    ("get", "/api/v1/exports/{dataset}"),
    ("get", "/api/v1/runs"),
    ("post", "/api/v1/runs"),
    ("get", "/api/v1/runs/{run}"),
    ("post", "/api/v1/runs/{run}/cancel"),
]
BODIES = {"/api/v1/exports": {"format": "ranking"}, "/api/v1/runs": {"stage": "reward"}}


@pytest.fixture
def run(db: None) -> Run:
    return Run.objects.create(stage="reward", name="reward-1", state=Job.State.SUCCEEDED)


@pytest.fixture
def dataset(db: None) -> Dataset:
    many_votes(2)
    made = services.create_dataset(format="ranking")
    services.write_dataset(made.pk)
    return made


def ask(client: Client, method: str, address: str, run: Run, dataset: Dataset) -> Any:
    path = address.format(run=run.pk, dataset=dataset.pk)
    if method == "get":
        return client.get(path)
    return client.post(path, BODIES.get(path, {}), content_type="application/json")


@pytest.mark.parametrize(("method", "address"), PAGES)
def test_strangers_are_sent_to_sign_in(
    method: str, address: str, run: Run, dataset: Dataset
) -> None:
    answer = ask(Client(), method, address, run, dataset)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/login/?next=/lab/")


@pytest.mark.parametrize(("method", "address"), PAGES)
def test_raters_may_not_enter(
    rater_client: Client, method: str, address: str, run: Run, dataset: Dataset
) -> None:
    assert ask(rater_client, method, address, run, dataset).status_code == 403


@pytest.mark.parametrize(("method", "address"), PAGES)
def test_staff_is_let_in(
    operator_client: Client, method: str, address: str, run: Run, dataset: Dataset
) -> None:
    assert ask(operator_client, method, address, run, dataset).status_code in {200, 302, 409, 422}


@pytest.mark.parametrize(("method", "address"), CALLS)
def test_the_api_refuses_strangers_and_raters(
    rater_client: Client, method: str, address: str, run: Run, dataset: Dataset
) -> None:
    for client, status in ((Client(), 401), (rater_client, 403)):
        answer = ask(client, method, address, run, dataset)
        assert answer.status_code == status
        assert "member of staff" in answer.json()["error"]


def test_a_download_takes_a_token_of_staff_and_no_other(
    operator: User, dataset: Dataset, rater_client: Client
) -> None:
    url = f"/lab/datasets/{dataset.pk}/download/"
    good = create_token(user=operator)
    bad = create_token(user=User.objects.get(username="rater"))
    statuses = [
        Client().get(url, headers={"Authorization": f"Bearer {token}"}).status_code
        for token in (good, bad, "nonsense")
    ]
    assert statuses == [200, 403, 401]


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("/lab/runs/", "/lab/"),
        ("/lab/estimate/", "/lab/"),
        ("/lab/method/", "/lab/"),
        ("/lab/runs/3/cancel/", "/lab/runs/3/"),
        ("/lab/runs/3/resume/", "/lab/runs/3/"),
        ("/lab/runs/3/repeat/", "/lab/runs/3/"),
        ("/lab/runs/3/enter/", "/lab/runs/3/"),
        ("/lab/trials/3/rule/", "/lab/trials/3/"),
        ("/lab/trials/3/settle/", "/lab/trials/3/"),
        ("/lab/datasets/import/", "/lab/datasets/"),
        ("/lab/datasets/import-demonstrations/", "/lab/datasets/"),
        ("/lab/datasets/import-text/", "/lab/datasets/"),
        ("/lab/datasets/3/cancel/", "/lab/datasets/3/"),
        ("/lab/datasets/3/retry/", "/lab/datasets/3/"),
    ],
)
def test_the_address_of_a_form_opened_again_leads_to_the_page_with_the_form(
    operator_client: Client, address: str, page: str
) -> None:
    answer = operator_client.get(address)
    assert (answer.status_code, answer["Location"]) == (302, page)
    assert operator_client.put(address).status_code == 405
