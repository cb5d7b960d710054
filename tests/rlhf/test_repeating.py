"""A run that came to nothing is started again, or its form filled in once more."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from arena.errors import Conflict, Invalid
from arena.models import Contender, Prompt
from rlhf import services
from rlhf.models import Dataset, Job, Run
from rlhf.stages import PRESETS
from tests.rlhf.test_runs import follow, reward
from tests.rlhf.votes import converse, many_votes, vote

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The runs that were queued; nobody works on them."""
    from celery import current_app

    sent: list[int] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, args, **_: sent.append(args[0]))
    return sent


@pytest.fixture
def votes(base: Contender) -> None:
    many_votes(25)


def page_of(client: Client, run: Run) -> str:
    return client.get(run.get_absolute_url()).content.decode()


@pytest.mark.usefixtures("votes")
def test_a_failed_run_that_kept_nothing_is_started_again_by_one_button(
    stage: Callable[..., None], operator_client: Client, queued: list[int]
) -> None:
    stage("crash")
    failed = follow(reward(settings={"seed": 7}, population="all"))
    page = page_of(operator_client, failed)
    assert "Start again with these settings" in page
    assert "/resume/" not in page
    answer = operator_client.post(f"/lab/runs/{failed.pk}/repeat/")
    made = Run.objects.exclude(pk=failed.pk).get()
    assert (answer.status_code, answer["Location"]) == (302, made.get_absolute_url())
    assert queued == [made.pk]
    assert (made.state, made.created_by) == (Job.State.QUEUED, User.objects.get())
    for same in ("stage", "base", "dataset", "config"):
        assert getattr(made, same) == getattr(failed, same)
    assert made.folder != failed.folder
    stage("succeed")
    assert follow(made).state == Job.State.SUCCEEDED, made.error


@pytest.mark.usefixtures("votes")
def test_the_api_starts_it_again(
    stage: Callable[..., None], operator: User, client: Client, queued: list[int]
) -> None:
    stage("crash")
    failed = follow(reward(settings={"seed": 7}))
    address = f"/api/v1/runs/{failed.pk}/repeat"
    assert client.post(address).status_code == 401
    client.force_login(operator)
    answer = client.post(address)
    made = Run.objects.exclude(pk=failed.pk).get()
    assert (answer.status_code, answer.json()["id"]) == (201, made.pk)
    assert (made.config, made.dataset, made.created_by) == ({"seed": 7}, failed.dataset, operator)
    assert queued == [made.pk]
    refused = client.post(f"/api/v1/runs/{made.pk}/repeat")
    assert refused.status_code == 409
    assert "(queued)" in refused.json()["error"]


@pytest.mark.usefixtures("votes")
def test_the_command_starts_it_again_in_the_foreground(stage: Callable[..., None]) -> None:
    stage("crash")
    failed = follow(reward(settings={"seed": 7}))
    stage("succeed")
    call_command("train", "reward", repeat=failed.pk)
    made = Run.objects.exclude(pk=failed.pk).get()
    assert (made.state, made.config) == (Job.State.SUCCEEDED, {"seed": 7})
    with pytest.raises(CommandError, match="only one that failed or was cancelled"):
        call_command("train", "reward", repeat=made.pk)
    with pytest.raises(CommandError, match="There is no run 999 of the stage reward"):
        call_command("train", "reward", repeat=999)


@pytest.mark.usefixtures("queued")
def test_an_update_is_started_again_against_the_same_reward_model(
    operator_client: Client, base: Contender, reward_model: Run, library: list[Prompt]
) -> None:
    run = services.create_run(stage="best-of-n", reward_run=reward_model.pk, preset="quick")
    services.cancel_run(run)
    newer = Run.objects.create(
        stage="reward", base=base, state=Job.State.SUCCEEDED, name="reward-9"
    )
    (newer.folder / "checkpoint").mkdir(parents=True)
    operator_client.post(f"/lab/runs/{run.pk}/repeat/")
    made = Run.objects.latest("pk")
    assert made not in {run, newer}
    assert (made.reward_run, made.dataset) == (reward_model, None)
    assert made.config == PRESETS["quick"].settings["best-of-n"]


@pytest.mark.usefixtures("votes", "queued")
def test_a_dataset_that_is_gone_is_frozen_anew_from_the_same_votes(
    stage: Callable[..., None],
) -> None:
    said = {"amber": ["Yes."], "birch": ["No."]}
    chosen = services.create_dataset(format="ranking", selection={"modes": ["anonymous"]})
    services.write_dataset(chosen.pk)
    stage("crash")
    failed = follow(reward(dataset=chosen.pk))
    assert failed.dataset is not None
    shutil.rmtree(failed.dataset.folder)
    vote(converse(["Later?"], said), [1, 2])  # which the first one had not seen
    made = services.repeat_run(failed)
    assert made.dataset is not None
    assert made.dataset != failed.dataset
    assert made.dataset.selection == failed.dataset.selection
    stage("succeed")
    follow(made)
    made.dataset.refresh_from_db()
    assert made.dataset.rows == 25


@pytest.mark.usefixtures("votes", "queued")
def test_what_is_gone_is_said_as_when_a_run_is_started(
    stage: Callable[..., None], operator_client: Client, folders: Path
) -> None:
    stage("crash")
    failed = follow(reward())
    (folders / "models" / "tiny").rmdir()
    answer = operator_client.post(f"/lab/runs/{failed.pk}/repeat/")
    assert answer.status_code == 422
    assert "The weights of Amber (tiny) are not on this machine." in answer.content.decode()
    (folders / "models" / "tiny").mkdir()
    imported = folders / "theirs.jsonl"
    rows = [f'{{"prompt": "P{n}", "chosen": "good {n}", "rejected": "bad"}}' for n in range(30)]
    imported.write_text("\n".join(rows))
    theirs = services.import_preferences(path=imported)
    failed = follow(reward(dataset=theirs.pk))
    shutil.rmtree(theirs.folder)
    with pytest.raises(Invalid, match=rf"Dataset {theirs.pk} has no file"):
        services.repeat_run(failed)
    failed = follow(reward())
    assert failed.dataset is not None
    shutil.rmtree(failed.dataset.folder)
    Dataset.objects.filter(pk=failed.dataset.pk).update(selection={"population": "simulated"})
    failed.refresh_from_db()
    with pytest.raises(Invalid, match="There are no votes in this selection"):
        services.repeat_run(failed)
    assert not Run.objects.filter(state=Job.State.QUEUED).exists()


@pytest.mark.usefixtures("votes")
def test_a_run_that_can_be_resumed_or_came_to_something_is_not_started_again(
    stage: Callable[..., None], operator_client: Client
) -> None:
    stage("keep-crash")
    kept = follow(reward())
    page = page_of(operator_client, kept)
    assert f"/lab/runs/{kept.pk}/resume/" in page
    assert "Start again with these settings" not in page
    assert "Run again with other settings" in page
    with pytest.raises(Conflict, match="resume it"):
        services.repeat_run(kept)
    stage("succeed")
    done = follow(reward())
    page = page_of(operator_client, done)
    assert "Start again with these settings" not in page
    assert "Run again with other settings" in page
    with pytest.raises(Conflict, match="only one that failed or was cancelled"):
        services.repeat_run(done)
    waiting = reward()
    assert "again with" not in page_of(operator_client, waiting)
    with pytest.raises(Conflict, match=r"\(queued\)"):
        services.repeat_run(waiting)


@pytest.mark.usefixtures("queued", "reward_model", "library")
def test_the_limits_of_the_gate_are_those_of_now_and_its_own_stay(operator: User) -> None:
    services.set_gate(limits={"gate_nll_rise": 0.15}, waits=True, note="So.", by=operator)
    run = services.create_run(stage="best-of-n", settings={"gate_win_rate": 0.6})
    services.cancel_run(run)
    services.set_gate(limits={"gate_nll_rise": 0.1}, waits=False, note="So.", by=operator)
    run.refresh_from_db()
    made = services.repeat_run(run)
    assert made.config == {"gate_nll_rise": 0.1, "gate_win_rate": 0.6}


def filled_in(client: Client, run: Run) -> dict[str, Any]:
    """What the form that the run's page leads to would send, and the form's name."""
    link = re.search(r'href="([^"#]+)#(\w+)-title">Run again with other', page_of(client, run))
    assert link
    answer = client.get(link[1])
    assert f'id="{link[2]}-title"' in answer.content.decode()
    form = answer.context[f"{link[2]}_form"]
    assert "Filled in as" in answer.content.decode()
    found = {form.add_prefix(field.name): field.value() for field in form}
    return {name: getattr(value, "pk", value) for name, value in found.items() if value is not None}


@pytest.mark.usefixtures("votes", "queued", "stage")
def test_the_form_of_a_finished_run_comes_back_filled_in(operator_client: Client) -> None:
    done = follow(reward(preset="quick", settings={"seed": 7, "device": "cpu"}, population="all"))
    sent = filled_in(operator_client, done)
    assert sent["reward-settings"].splitlines() == ["seed = 7", "device = cpu"]
    assert sent["reward-preset"] == "quick"
    operator_client.post("/lab/runs/", sent)
    made = Run.objects.latest("pk")
    for same in ("stage", "dataset", "config"):
        assert getattr(made, same) == getattr(done, same)


@pytest.mark.usefixtures("queued", "stage")
def test_the_form_of_an_update_comes_back_with_its_choices(
    operator_client: Client, reward_model: Run, library: list[Prompt], operator: User
) -> None:
    Contender.objects.create(slug="coral", name="Coral", backend="local", model="tiny")
    services.set_gate(limits={"gate_nll_rise": 0.15}, waits=False, note="So.", by=operator)
    done = follow(
        services.create_run(stage="grpo", base="coral", settings={"steps": 3, "enter": "operator"})
    )
    sent = filled_in(operator_client, done)
    assert sent["update-settings"] == "steps = 3"
    assert sent["update-enter"] == "operator"
    operator_client.post("/lab/runs/", sent)
    made = Run.objects.latest("pk")
    for same in ("stage", "base", "reward_run", "config"):
        assert getattr(made, same) == getattr(done, same)
    assert operator_client.get("/lab/runs/999/again/").status_code == 404
