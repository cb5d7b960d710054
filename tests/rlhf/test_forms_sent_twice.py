"""A double click, or the same page sent from its history: one form makes one job."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.test import Client

from arena.models import Contender
from rlhf import services
from rlhf.models import Dataset, Job, Run
from tests.ranking.test_concurrency import at_once
from tests.rlhf.votes import many_votes

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The jobs that were queued; nobody works on them."""
    from celery import current_app

    sent: list[int] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, args, **_: sent.append(args[0]))
    return sent


@pytest.fixture
def browser(operator: User, base: Contender) -> Client:
    """A client that must send the tokens of its pages, and votes to learn from."""
    many_votes(25)
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)
    return client


def form_of(browser: Client, page: str, **fields: Any) -> dict[str, Any]:
    """The fields with the marks of a page that was opened just now.

    Its token is the cookie's, as scripts send it: the same for all pages.
    """
    content = browser.get(page).content.decode()
    found = re.search(r'name="form_key" value="(\w+)"', content)
    assert found
    token = browser.cookies["csrftoken"].value
    return {"csrfmiddlewaretoken": token, "form_key": found[1], **fields}


def reward_form(browser: Client, **more: Any) -> dict[str, Any]:
    chosen = {"reward-stage": "reward", "reward-population": "people", "reward-preset": "quick"}
    return form_of(browser, "/lab/", **chosen, **more)


def test_a_form_sent_twice_starts_one_run(browser: Client, queued: list[int]) -> None:
    form = reward_form(browser)
    first, second = (browser.post("/lab/runs/", form) for _ in range(2))
    run = Run.objects.get()
    assert first["Location"] == second["Location"] == run.get_absolute_url()
    assert queued == [run.pk]
    assert Dataset.objects.count() == 1


def upload(browser: Client, form: dict[str, Any], text: str) -> str:
    sent = form | {"file": ContentFile(text, "pairs.jsonl")}
    return browser.post("/lab/datasets/import/", sent)["Location"]


def test_a_file_sent_twice_makes_one_dataset_and_another_file_another(
    browser: Client, operator: User, base: Contender
) -> None:
    form = form_of(browser, "/lab/datasets/")
    pair = '{"prompt": "Why?", "chosen": "So.", "rejected": "%s"}\n'
    first, again, other = (upload(browser, form, pair % said) for said in ("No.", "No.", "Oh!"))
    assert first == again != other
    kept = [dataset.folder for dataset in Dataset.objects.all()]
    assert len(kept) == 2
    assert set(kept[0].parent.iterdir()) == set(kept)


def test_a_file_sent_twice_at_the_same_time_makes_one_dataset(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text('{"prompt": "Why?", "chosen": "So.", "rejected": "No."}\n')
    job = partial(services.import_preferences, path=file, form_key="one")
    made = at_once(job, job, job)
    dataset = Dataset.objects.get()
    assert made == [dataset] * 3
    assert list(dataset.folder.parent.iterdir()) == [dataset.folder]


def test_other_choices_or_a_page_opened_again_start_another(
    browser: Client, queued: list[int]
) -> None:
    form = reward_form(browser)
    browser.post("/lab/runs/", form)
    browser.post("/lab/runs/", form | {"reward-settings": "seed = 1"})
    browser.post("/lab/runs/", reward_form(browser))
    assert len(queued) == Run.objects.count() == 3


def test_a_form_that_was_refused_can_be_sent_again(
    browser: Client, queued: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from celery import current_app

    def broken(*_: Any, **__: Any) -> None:
        raise OSError

    form = reward_form(browser)
    with monkeypatch.context() as patched:
        patched.setattr(current_app, "send_task", broken)
        refused = browser.post("/lab/runs/", form)
    assert refused.status_code == 503
    shown = re.search(
        r'id="reward-form".*?name="form_key" value="(\w+)"',
        refused.content.decode(),
        re.DOTALL,
    )
    assert shown
    browser.post("/lab/runs/", form | {"form_key": shown[1]})
    assert queued == [Run.objects.get(state=Job.State.QUEUED).pk]


def test_two_at_the_same_moment_start_one_run(browser: Client, queued: list[int]) -> None:
    def start() -> int:
        return services.start_run(stage="reward", form_key="k" * 64).pk

    found = at_once(start, start, start)
    run = Run.objects.get()
    assert found == [run.pk] * 3
    assert queued == [run.pk]
    assert Dataset.objects.get() == run.dataset


def test_a_run_is_started_again_once(browser: Client, queued: list[int]) -> None:
    run = services.create_run(stage="reward")
    services.cancel_run(run)
    form = form_of(browser, run.get_absolute_url())
    answers = [browser.post(f"/lab/runs/{run.pk}/repeat/", form) for _ in range(2)]
    made = Run.objects.exclude(pk=run.pk).get()
    assert {answer["Location"] for answer in answers} == {made.get_absolute_url()}
    assert queued == [made.pk]


def test_a_selection_is_frozen_once(browser: Client, queued: list[int]) -> None:
    form = form_of(browser, "/lab/datasets/new/", format="ranking", population="people")
    answers = [browser.post("/lab/datasets/", form) for _ in range(2)]
    dataset = Dataset.objects.get()
    assert {answer["Location"] for answer in answers} == {dataset.get_absolute_url()}
    assert queued == [dataset.pk]
    Dataset.objects.update(state=Job.State.FAILED)
    form = form_of(browser, dataset.get_absolute_url())
    for _ in range(2):
        browser.post(f"/lab/datasets/{dataset.pk}/retry/", form)
    assert len(queued) == Dataset.objects.count() == 2
