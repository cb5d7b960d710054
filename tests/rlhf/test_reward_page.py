"""What a reward model's run page tells of its evaluation, and the votes that it needs for it."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from arena.models import Battle, Contender, Prompt
from rlhf import services
from rlhf.models import Dataset, Job, Run
from rlhf.training.data import read_rankings
from tests.rlhf.votes import converse, many_votes, vote

METRICS: dict[str, Any] = {
    "test_accuracy": 0.7,
    "test_accuracy_lower": 0.62,
    "test_accuracy_upper": 0.77,
    "test_pairs": 240,
    "test_prompts": 80,
    "length_only_accuracy": 0.58,
    "over_length": {"length_lower": 0.5, "length_upper": 0.65, "gain": 0.12, "error": 0.03},
    "raters": {},
    "calibration": {
        "error": 0.046,
        "pairs": 250,
        "bins": [
            {"low": 0.5, "high": 0.6, "pairs": 200, "predicted": 0.56, "observed": 0.57,
             "lower": 0.48, "upper": 0.66},
            {"low": 0.9, "high": 1.0, "pairs": 50, "predicted": 0.94, "observed": 0.8,
             "lower": 0.6, "upper": 0.9},
        ],
    },
    "categories": {
        "least": 30,
        "lines": [
            {"category": "coding", "pairs": 90, "prompts": 30, "rate": 0.74, "lower": 0.6,
             "upper": 0.85, "length": 0.55},
            {"category": "language-de", "pairs": 6, "prompts": 2},
            {"category": "tag-pilot-1", "pairs": 3, "prompts": 1},
        ],
    },
}  # fmt: skip


def page_of(client: Client, run: Run, metrics: dict[str, Any]) -> str:
    run.summary = {"metrics": metrics}
    run.save()
    answer: HttpResponse = client.get(run.get_absolute_url())  # type: ignore[assignment]
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


@pytest.mark.parametrize(
    ("thumbs", "said"), [(1, "learnt from 1 thumb."), (24, "learnt from 24 thumbs.")]
)
def test_it_is_said_how_many_thumbs_were_learnt_from(
    operator_client: Client, reward_model: Run, thumbs: int, said: str
) -> None:
    assert said in page_of(operator_client, reward_model, METRICS | {"train_thumbs": thumbs})
    page = page_of(operator_client, reward_model, METRICS | {"train_thumbs": 0})
    assert not re.search(r"learnt from \d", page)


def test_accuracy_stands_between_its_baseline_and_its_ceiling(
    operator_client: Client, reward_model: Run
) -> None:
    raters = {
        "rate": 0.81, "lower": 0.7, "upper": 0.88, "judgements": 60, "prompts": 20,
        "comparisons": 30, "raters": 4,
    }  # fmt: skip
    page = page_of(operator_client, reward_model, METRICS | {"raters": raters})
    assert "orders 70 % of 240 pairs" in page
    assert "The difference is 12.0 points (6.1 to 17.9)." in page
    assert "58 % 50 % to 65 %" in page
    assert "81 % 70 % to 88 % 60 20" in page
    assert "30 comparisons by 4 raters" in page


@pytest.mark.parametrize(
    ("error", "doubted"), [(0.03, False), (0.07, True), (None, False)], ids=["clear", "wide", "no"]
)
def test_a_gain_over_length_within_its_interval_is_doubted(
    operator_client: Client, reward_model: Run, error: float | None, doubted: bool
) -> None:
    metrics = METRICS | {"over_length": METRICS["over_length"] | {"error": error}}
    page = page_of(operator_client, reward_model, metrics)
    assert ("better than going by length alone. An update" in page) == doubted


def test_without_repeated_judgements_no_ceiling_is_invented(
    operator_client: Client, reward_model: Run
) -> None:
    page = page_of(operator_client, reward_model, METRICS)
    assert "Not known: in this dataset no two raters judged the same responses." in page


def test_calibration_is_a_plot_and_a_table(operator_client: Client, reward_model: Run) -> None:
    page = page_of(operator_client, reward_model, METRICS)
    assert "4.6 points off on average" in page
    assert "50 % to 60 % 56 % 57 % 48 % to 66 % 200" in page
    answer = operator_client.get(reward_model.get_absolute_url()).content.decode()
    assert answer.count('class="chart-dot"') == 2
    assert 'cx="36.0000" cy="129.0000" r="9.0000"' in answer


def test_categories_have_their_names_and_small_ones_say_so(
    operator_client: Client, reward_model: Run
) -> None:
    page = page_of(operator_client, reward_model, METRICS)
    assert "Coding 74 % 60 % to 85 % 55 % 90 30" in page
    assert "German too few to tell: fewer than 30 pairs 6 2" in page
    assert "#pilot-1 too few to tell" in page
    assert "not trained on" not in page


def test_an_ensemble_says_where_its_members_agree(
    operator_client: Client, reward_model: Run
) -> None:
    told = {"rate": 0.8, "lower": 0.7, "upper": 0.87, "pairs": 180, "prompts": 60}
    ensemble = {
        "members": 3, "spread": 0.31, "agreeing": 0.75, "alone": [0.68, 0.69, None], "agree": told,
        "differ": {"rate": None, "lower": 0.0, "upper": 1.0, "pairs": 0, "prompts": 0},
    }  # fmt: skip
    page = page_of(operator_client, reward_model, METRICS | {"ensemble": ensemble})
    assert "All 3 members order 75 % of the pairs alike" in page
    assert "spread by 0.31" in page
    assert "all agree 80 % 70 % to 87 % 180 60" in page
    assert "differ – – 0 0" in page
    assert "68 %, 69 %, –" in page
    assert "members order" not in page_of(operator_client, reward_model, METRICS)


def test_a_run_of_before_shows_what_it_has(operator_client: Client, reward_model: Run) -> None:
    old = {name: value for name, value in METRICS.items() if not isinstance(value, dict)}
    old.pop("test_prompts")
    page = page_of(operator_client, reward_model, old)
    assert "orders 70 % of 240 pairs" in page
    assert "Going by length alone reaches 58 %." in page
    assert "Calibration" not in page
    assert "Another rater" not in page


@pytest.mark.django_db
def test_the_training_reads_raters_and_the_leaderboards_categories(
    stage: Callable[..., None], base: Contender
) -> None:
    many_votes(25)
    battle = converse(
        ["Schreibe bitte eine Funktion in Python, die zwei Zahlen addiert."],
        {"amber": ["def f(a, b): return a + b"], "birch": ["Nein."]},
        by="zoe",
    )
    Battle.objects.filter(pk=battle.pk).update(tags="pilot-1", category="writing")
    vote(battle, [1, 2])
    run = services.create_run(stage="reward")
    services.follow_run(run.pk)
    run.refresh_from_db()
    assert run.state == Job.State.SUCCEEDED, run.error
    *others, last = read_rankings(str(run.folder / "rankings.jsonl"))
    (ours,) = [one for one in (*others, last) if one.responses[1] == "Nein."]
    assert set(ours.categories) == {"coding", "language-de", "tag-pilot-1", "writing"}
    theirs = {one.rater for one in (*others, last) if one is not ours}
    assert len(theirs) == 1
    assert ours.rater not in {"", *theirs}
    assert "zoe" not in json.dumps((run.folder / "rankings.jsonl").read_text())


# --- which one an update is trained against -----------------------------------------------


def trained(base: Contender, rate: float | None, lower: float | None = None, **dataset: Any) -> Run:
    """A finished reward model with this held-out accuracy, newer than those before."""
    run = Run.objects.create(
        stage="reward", base=base, state=Job.State.SUCCEEDED, name=f"reward-{Run.objects.count()}",
        dataset=Dataset.objects.create(format="ranking", **dataset),
        summary={"metrics": {"test_accuracy": rate, "test_accuracy_lower": lower}},
    )  # fmt: skip
    (run.folder / "checkpoint").mkdir(parents=True)
    return run


def offered(client: Client) -> str:
    """The label of the reward model that the form of updates begins with."""
    page = client.get("/lab/").content.decode()
    _, _, field = page.partition('name="update-reward_run"')
    found = re.search(r"<option value=\"\d+\" selected>(.*?)</option>", field.split("</select>")[0])
    return found[1] if found else ""


def test_an_update_is_offered_the_reward_model_with_the_best_held_out_accuracy(
    operator_client: Client, base: Contender, library: list[Prompt]
) -> None:
    best = trained(base, 0.7, 0.65)
    trained(base, 0.66, 0.6)
    trained(base, 0.9, 0.52)  # of ten pairs
    trained(base, 0.99, 0.98, population="simulated")  # says nothing of people's votes
    trained(base, 0.99, 0.98, source="pairs.jsonl")
    (trained(base, 0.9, 0.85).folder / "checkpoint").rmdir()
    trained(base, 0.64, 0.61)
    assert offered(operator_client).startswith(f"{best.name} – best held-out accuracy: 70 %, ")
    page = operator_client.get("/lab/").content.decode()
    assert "– held-out accuracy: 66 %, " in page
    assert services.create_run(stage="best-of-n").reward_run == best


def test_one_that_may_be_chance_is_offered_after_all_others(
    operator_client: Client, base: Contender, library: list[Prompt]
) -> None:
    sure = trained(base, 0.6, 0.55)
    short = trained(base, 0.7, 0.6)
    short.summary["metrics"]["length_only_accuracy"] = 0.72
    short.save()
    assert offered(operator_client).startswith(sure.name)


def test_without_accuracies_an_update_is_offered_the_newest_reward_model(
    operator_client: Client, base: Contender, library: list[Prompt]
) -> None:
    trained(base, None)
    newest = trained(base, None)
    assert offered(operator_client).startswith(f"{newest.name}, ")
