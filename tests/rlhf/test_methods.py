"""The form of updates asks for what the chosen method learns from, with and without scripts."""

import re
from html import unescape
from pathlib import Path

import pytest
from django.test import Client

from arena.errors import Invalid
from arena.models import Contender
from rlhf import services
from rlhf.filling import form_name
from rlhf.models import Dataset, Job, Run
from rlhf.stages import STAGES, UPDATES
from tests.rlhf.test_pages import text_of
from tests.rlhf.votes import converse, many_votes, thumb

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("base", "library")]
ADDRESS = "/lab/method/"


def frozen(format: str) -> Dataset:  # noqa: A002
    made = services.create_dataset(format=format)
    services.write_dataset(made.pk)
    made.refresh_from_db()
    return made


@pytest.fixture
def datasets() -> dict[str, Dataset]:
    """One of each format that an update can learn from, of enough rows, and two of too few."""
    many_votes(3)
    too_few = {"few": frozen("ranking"), "other": frozen("lmsys")}
    many_votes(30)
    for number in range(30):
        thumb(converse([f"Why {number}?"], {"amber": ["So."]}), 0, 1 if number % 2 else -1)
    return too_few | {name: frozen(name) for name in ("ranking", "trl-unpaired", "trl-sft")}


def form_of(client: Client, method: str, **chosen: object) -> str:
    sent = {"update-stage": method} | {f"update-{name}": value for name, value in chosen.items()}
    answer = client.post(ADDRESS, sent, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return answer.content.decode()


def offered(form: str, field: str) -> list[str]:
    """The values of a select; empty where the form has none of that name."""
    found = re.search(rf'<select name="update-{field}".*?</select>', form, re.DOTALL)
    return re.findall(r'<option value="([^"]*)"', found[0]) if found else []


@pytest.mark.parametrize(
    ("method", "formats"),
    [
        ("sft", ["trl-sft", "ranking"]),
        ("dpo", ["ranking"]),
        ("kto", ["trl-unpaired"]),
    ],
)
def test_a_method_is_offered_only_datasets_that_it_can_learn_from(
    operator_client: Client, datasets: dict[str, Dataset], method: str, formats: list[str]
) -> None:
    form = form_of(operator_client, method)
    assert offered(form, "dataset") == ["", *(str(datasets[name].pk) for name in formats)]
    assert "that were imported or frozen before" in form
    assert f"Or {STAGES[method].reads_in_words} that" in form
    sent = {
        "update-stage": method, "update-base": Contender.objects.get(slug="amber").pk,
        "update-population": "people", "update-preset": "quick",
    }  # fmt: skip
    for name, dataset in datasets.items():
        sent["update-dataset"] = dataset.pk
        answer = operator_client.post("/lab/estimate/", sent)
        assert (answer.status_code == 200) == (name in formats), (name, text_of(answer))


@pytest.mark.parametrize(
    ("method", "said", "link"),
    [
        ("kto", "no dataset with enough thumbs yet", "/lab/datasets/new/?format=trl-unpaired"),
        ("sft", "enough rankings or demonstrations yet", "/lab/datasets/#imports"),
        ("dpo", "no dataset with enough rankings yet", "/lab/datasets/new/?format=ranking"),
    ],
)
def test_where_there_is_none_it_says_so_and_leads_to_one(
    operator_client: Client, method: str, said: str, link: str
) -> None:
    form = form_of(operator_client, method)
    assert said in form
    assert f'href="{link}"' in form
    assert operator_client.get(link).status_code == 200


@pytest.mark.parametrize("method", UPDATES)
def test_the_form_tells_about_the_chosen_method(operator_client: Client, method: str) -> None:
    form = form_of(operator_client, method)
    assert f'<option value="{method}" selected>' in form
    others = {STAGES[name].explained for name in UPDATES} - {STAGES[method].explained}
    assert str(STAGES[method].explained) in form.replace("&#x27;", "'")
    assert not any(str(text) in form for text in others)
    assert (" is the default." in form) == (method == "best-of-n")


def test_a_method_that_scores_its_own_responses_asks_for_a_reward_model_alone(
    operator_client: Client, reward_model: Run
) -> None:
    form = form_of(operator_client, "best-of-n")
    assert offered(form, "reward_run") == [str(reward_model.pk)]
    assert not offered(form, "dataset") + offered(form, "population")
    assert offered(form_of(operator_client, "dpo"), "reward_run") == ["", str(reward_model.pk)]
    kto = form_of(operator_client, "kto")
    assert not offered(kto, "reward_run")
    assert "frozen now, from thumbs" in kto


def test_what_was_chosen_stays_when_the_method_changes(operator_client: Client) -> None:
    Contender.objects.create(slug="coral", name="Coral", backend="local", model="tiny")
    coral = Contender.objects.get(slug="coral")
    form = form_of(operator_client, "kto", base=coral.pk, preset="quick", settings="seed = 7")
    assert f'<option value="{coral.pk}" selected>' in form
    assert '<option value="quick" selected>' in form
    assert "seed = 7" in form
    assert "field__error" not in form


def test_without_scripts_a_button_shows_the_whole_page_with_the_method(
    operator_client: Client,
) -> None:
    page = operator_client.get("/lab/").content.decode()
    assert f'<noscript><button class="button button--small" formaction="{ADDRESS}"' in page
    answer = operator_client.post(ADDRESS, {"update-stage": "kto"})
    assert "<html" in answer.content.decode()
    assert str(STAGES["kto"].explained) in answer.content.decode()
    assert operator_client.post(ADDRESS, {"update-stage": "ppo"}).status_code == 200


def test_a_form_of_another_method_is_refused_in_plain_words(
    operator_client: Client, base: Contender, reward_model: Run, datasets: dict[str, Dataset]
) -> None:
    """Without scripts it can be sent before the page shows what the method needs."""
    sent = {
        "update-stage": "best-of-n", "update-base": base.pk, "update-preset": "quick",
        "update-population": "people", "update-dataset": datasets["ranking"].pk,
    }  # fmt: skip
    refused = operator_client.post("/lab/runs/", sent)
    assert refused.status_code == 422
    assert "Best-of-n distillation reads no dataset" in text_of(refused)
    assert "Best-of-n distillation needs a reward model: choose one." in text_of(refused)
    assert "leave one of them out" not in text_of(refused)
    del sent["update-dataset"]
    again = operator_client.post("/lab/runs/", sent | {"update-stage": "kto"})
    assert "Choose whose votes" not in text_of(again)
    del sent["update-population"]
    again = operator_client.post("/lab/runs/", sent | {"update-stage": "sft"})
    assert again.status_code == 422
    assert "Choose whose votes it learns from." in text_of(again)


def test_without_any_reward_model_the_form_says_where_one_comes_from(
    operator_client: Client, base: Contender
) -> None:
    page = operator_client.get("/lab/").content.decode()
    assert '<a href="#reward-title">train one</a> first' in page
    sent = {"update-stage": "grpo", "update-base": base.pk, "update-preset": "quick"}
    refused = operator_client.post("/lab/runs/", sent)
    assert "GRPO needs a reward model, and there is none: train one first." in text_of(refused)


def test_a_stage_that_reads_no_dataset_says_so_whoever_asks(
    reward_model: Run, datasets: dict[str, Dataset]
) -> None:
    dataset = datasets["ranking"].pk
    for chosen in (None, reward_model.pk):
        with pytest.raises(Invalid, match="reads no dataset: it learns from responses of its own"):
            services.create_run(stage="best-of-n", dataset=dataset, reward_run=chosen)
    with pytest.raises(Invalid, match="With a reward model DPO reads no dataset"):
        services.create_run(stage="dpo", dataset=dataset, reward_run=reward_model.pk)
    assert not Run.objects.exclude(state=Job.State.SUCCEEDED).exists()


def trains(client: Client, dataset: Dataset) -> dict[str, str]:
    """What a dataset's page offers to train with it: titles and addresses."""
    page = client.get(dataset.get_absolute_url()).content.decode()
    part = page.split('id="train-title"')[1].split("</section>")[0]
    return {title: unescape(link) for link, title in re.findall(r'href="([^"]+)">([^<]+)<', part)}


@pytest.mark.parametrize(
    ("format", "stages"),
    [
        ("ranking", ["reward", "dpo", "sft"]),
        ("trl-unpaired", ["kto"]),
        ("trl-sft", ["sft"]),
        ("text", ["pretrain"]),
    ],
)
def test_a_dataset_s_page_leads_to_what_can_be_trained_from_it(
    operator_client: Client,
    datasets: dict[str, Dataset],
    reward_model: Run,
    tmp_path: Path,
    format: str,  # noqa: A002
    stages: list[str],
) -> None:
    (tmp_path / "text.txt").write_text("One.\n<|endoftext|>\nTwo.\n<|endoftext|>\nThree.\n")
    datasets["text"] = services.import_texts(path=tmp_path / "text.txt")
    offered = trains(operator_client, datasets[format])
    assert list(offered) == [str(STAGES[name].title) for name in stages]
    for name, link in zip(stages, offered.values(), strict=True):
        answer = operator_client.get(link)
        form = answer.context[f"{form_name(name)}_form"]
        assert f'id="{link.partition("#")[2]}"' in answer.content.decode()
        chosen = {form.add_prefix(field.name): field.value() for field in form}
        sent = {key: getattr(value, "pk", value) or "" for key, value in chosen.items()}
        assert sent[form.add_prefix("dataset")] == str(datasets[format].pk)
        sent[form.add_prefix("base")] = Contender.objects.get(slug="amber").pk
        made = operator_client.post("/lab/estimate/", sent)
        assert made.status_code == 200, text_of(made)


def test_a_dataset_that_nothing_learns_from_says_why(
    operator_client: Client, datasets: dict[str, Dataset]
) -> None:
    parquet = services.create_dataset(format="ranking", container="parquet")
    services.write_dataset(parquet.pk)
    held_out = frozen("trl-unpaired")
    Dataset.objects.filter(pk=held_out.pk).update(rows=30, test_rows=23)
    for dataset, reason in (
        (datasets["few"], "Too few rows to train on: 3, and at least 20 are needed."),
        (held_out, "besides those that are held out: 7, and at least 8 are needed."),
        (datasets["other"], "Nothing here trains on this format"),
        (parquet, "Training here reads JSON Lines, and this is Parquet."),
    ):
        page = operator_client.get(dataset.get_absolute_url())
        assert reason in text_of(page)
        assert not trains(operator_client, dataset)
    queued = services.create_dataset(format="ranking")
    assert "Train with it" not in text_of(operator_client.get(queued.get_absolute_url()))


def test_the_lab_opens_whatever_its_address_says(operator_client: Client) -> None:
    for wrong in ("update-stage=ppo", "update-stage=kto&update-dataset=x", "reward-stage=&x=1"):
        assert operator_client.get(f"/lab/?{wrong}").status_code == 200
