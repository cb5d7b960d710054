"""Continued pretraining as operators meet it: started, followed, entered, a base for the next."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.template.defaultfilters import filesizeformat
from django.test import Client

from arena.errors import Invalid
from arena.models import Contender, Prompt
from rlhf import selectors, services
from rlhf.dataset_forms import MOST_UPLOADED
from rlhf.importing import texts
from rlhf.models import Dataset, Job, Run
from rlhf.training.settings import Pretrain
from tests.rlhf.conftest import PASSED, REFUSED
from tests.rlhf.test_pages import follow, queued, text_of  # noqa: F401 - a fixture
from tests.rlhf.votes import many_votes

pytestmark = pytest.mark.django_db
HELD_OUT = {
    "held_out_perplexity": 12.5,
    "held_out_perplexity_base": 20.25,
    "held_out_gain": 0.4824,
    "held_out_gain_error": 0.05,
    "held_out_tokens": 2048,
}


@pytest.fixture
def text(tmp_path: Path) -> Dataset:
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps({"text": f"Text {n}."}) + "\n" for n in range(40)))
    return services.import_texts(path=path)


def test_without_text_it_is_refused(base: Contender, library: list[Prompt]) -> None:
    with pytest.raises(Invalid, match="needs text, and there is none"):
        services.create_run(stage="pretrain")


def test_the_lab_says_so_above_the_form(
    operator_client: Client, base: Contender, library: list[Prompt]
) -> None:
    chosen = {"pretrain-stage": "pretrain", "pretrain-base": base.pk, "pretrain-preset": "quick"}
    for dataset in ({}, {"pretrain-dataset": 7}):
        answer = operator_client.post("/lab/runs/", chosen | dataset)
        assert answer.status_code == 422
        assert text_of(answer).count("needs text, and there is none") == 1


def test_votes_are_no_text_and_text_is_no_votes(
    base: Contender, library: list[Prompt], text: Dataset
) -> None:
    many_votes(25)
    votes = services.create_dataset(format="ranking")
    services.write_dataset(votes.pk)
    with pytest.raises(Invalid, match=r"learns from text.*: Rankings \(K-wise\)"):
        services.create_run(stage="pretrain", dataset=votes.pk)
    with pytest.raises(Invalid, match=r"learns from rankings.*: Text"):
        services.create_run(stage="reward", dataset=text.pk)


def test_it_takes_the_newest_text_and_gives_it_to_the_process(
    stage: Callable[..., None], base: Contender, library: list[Prompt], text: Dataset
) -> None:
    run = services.create_run(stage="pretrain", settings={"block_tokens": 64})
    assert run.dataset == text
    follow(run)
    config = json.loads((run.folder / "config.json").read_text())
    assert config["block_tokens"] == 64
    rows = [json.loads(line) for line in Path(config["texts"]).read_text().splitlines()]
    assert rows == list(selectors.dataset_rows(text))
    assert Path(config["prompts"]).is_file()


@pytest.mark.django_db(transaction=True)
def test_the_lab_starts_it_on_the_chosen_text(
    operator_client: Client,
    base: Contender,
    library: list[Prompt],
    text: Dataset,
    queued: list[tuple[str, int]],  # noqa: F811
) -> None:
    page = operator_client.get("/lab/").content.decode()
    assert f"{text.pk}: mine.jsonl" in page
    sent = {
        "pretrain-stage": "pretrain",
        "pretrain-dataset": text.pk,
        "pretrain-base": base.pk,
        "pretrain-preset": "quick",
    }
    answer = operator_client.post("/lab/runs/", {**sent, "pretrain-settings": "block_tokens = 1"})
    assert answer.status_code == 422
    assert "must be at least 16" in text_of(answer)
    answer = operator_client.post("/lab/runs/", sent)
    run = Run.objects.get()
    assert answer["Location"] == run.get_absolute_url()
    assert (run.stage, run.dataset, run.base) == ("pretrain", text, base)
    assert queued == [("rlhf.tasks.follow_run", run.pk)]


@pytest.mark.django_db(transaction=True)
def test_who_lets_its_result_into_battles_is_chosen_with_it(
    operator_client: Client,
    base: Contender,
    library: list[Prompt],
    text: Dataset,
    queued: list[tuple[str, int]],  # noqa: F811
) -> None:
    sent = {
        "pretrain-stage": "pretrain",
        "pretrain-dataset": text.pk,
        "pretrain-base": base.pk,
        "pretrain-preset": "standard",
    }
    for enter, expected in (("operator", {"enter": "operator"}), ("gate", {})):
        operator_client.post("/lab/runs/", {**sent, "pretrain-enter": enter})
        assert Run.objects.latest("pk").config == expected


def test_the_lab_says_where_text_comes_from(operator_client: Client, base: Contender) -> None:
    assert "There is no text yet" in text_of(operator_client.get("/lab/"))


def test_the_lab_says_which_text_it_takes_and_how_much(
    operator_client: Client, base: Contender, tmp_path: Path
) -> None:
    size = filesizeformat(MOST_UPLOADED).split(".")[0]
    limits = f"at most {size} MB, and at most {texts.LONGEST:,} characters a document."
    for url in ("/lab/", "/lab/datasets/"):
        page = text_of(operator_client.get(url))
        assert limits in page
        assert all(kind in page for kind in (*texts.PLAIN, *texts.OBJECTS, "Parquet"))
    (tmp_path / "text.txt").write_text("One.\n<|endoftext|>\nTwo.\n")
    services.import_texts(path=tmp_path / "text.txt")
    page = text_of(operator_client.get("/lab/"))
    assert limits in page
    assert f"up to {Pretrain.train_tokens:,} tokens of it are trained on" in page


def test_its_result_enters_and_stands_in_the_lineage(
    stage: Callable[..., None],
    operator_client: Client,
    base: Contender,
    library: list[Prompt],
    text: Dataset,
) -> None:
    stage("succeed", {"metrics": {**PASSED["metrics"], **HELD_OUT}})
    run = services.create_run(stage="pretrain", base="amber")
    follow(run)
    run.refresh_from_db()
    assert run.contender is not None
    assert run.contender.name == "Amber · pretrain 1"
    nodes = {node.label: node for node in selectors.lineage()}
    assert nodes["40 documents"].href == text.get_absolute_url()
    assert nodes[run.name].kind == "Pretraining"
    page = text_of(operator_client.get(run.get_absolute_url()))
    assert "its perplexity is 12.5 ; before it was 20.2" in page
    assert "0.482 nats per token less (95 % interval 0.384 to 0.58)" in page
    assert run.name in text_of(operator_client.get("/lab/"))
    following = services.create_run(stage="pretrain", base=run.contender.slug)
    assert following.base == run.contender


def test_a_refused_result_can_be_a_base_without_entering_battles(
    stage: Callable[..., None],
    operator_client: Client,
    base: Contender,
    library: list[Prompt],
    text: Dataset,
) -> None:
    stage("succeed", REFUSED)
    run = services.create_run(stage="pretrain", base="amber")
    follow(run)
    answer = operator_client.post(f"/lab/runs/{run.pk}/enter/", {"decision": "base"})
    assert answer.status_code == 302
    run.refresh_from_db()
    made = run.contender
    assert made is not None
    assert (made.active, made.on_trial, hasattr(made, "trial")) == (False, False, False)
    assert made in selectors.local_bases()
    page = text_of(operator_client.get(run.get_absolute_url()))
    assert "stays out of battles" in page
    following: Any = services.create_run(stage="pretrain", base=made.slug)
    assert following.state == Job.State.QUEUED
