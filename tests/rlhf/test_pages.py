"""The lab's pages as staff sees and uses them."""

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from arena.models import Contender, Prompt, Vote
from rlhf import services
from rlhf.downloads import Download, concatenated
from rlhf.models import Dataset, Job, Metric, Run
from rlhf.stages import PRESETS, STAGES, check_settings, list_knobs, preset_of
from rlhf.templatetags.lab import figure, percent, points, signed
from rlhf.training import choosing
from rlhf.training.config import Knob
from tests.rlhf.conftest import PASSED, REFUSED
from tests.rlhf.votes import many_votes

pytestmark = pytest.mark.django_db


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What was queued; nobody works on it."""
    from celery import current_app

    sent: list[tuple[str, int]] = []

    def send(name: str, args: list[int], **_: Any) -> None:
        sent.append((name, args[0]))

    monkeypatch.setattr(current_app, "send_task", send)
    return sent


def follow(run: Run) -> None:
    services.follow_run(run.pk, announce=services.announce_nothing, pace=services.Pace(poll_s=0.05))


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def settings_of(stage: str) -> dict[str, Knob]:
    return {knob.name: knob for knob in list_knobs(stage)}


# --- the lab ------------------------------------------------------------------------------


def test_the_lab_says_how_many_votes_are_missing(operator_client: Client, base: Contender) -> None:
    many_votes(3)
    text = text_of(operator_client.get("/lab/"))
    assert "17 more votes needed" in text
    assert "people have cast 3" in text


def test_the_lab_misses_no_votes_where_enough_preferences_were_imported(
    operator_client: Client, base: Contender, tmp_path: Path
) -> None:
    row = '{"prompt": "Why %d?", "chosen": "So.", "rejected": "No."}\n'
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(row % number for number in range(40)))
    services.import_preferences(path=path)
    text = text_of(operator_client.get("/lab/"))
    assert "more votes needed" not in text
    assert "people have cast" not in text
    assert "ready to train" in text


def test_the_lab_works_without_anything(operator_client: Client) -> None:
    answer = operator_client.get("/lab/")
    assert answer.status_code == 200
    assert "No runs yet" in text_of(answer)


def test_no_page_of_the_lab_holds_inline_style_or_script(
    operator_client: Client, reward_model: Run, library: list[Prompt]
) -> None:
    services.create_dataset(format="ranking")
    dataset = Dataset.objects.get()
    for url in (
        "/lab/",
        reward_model.get_absolute_url(),
        "/lab/datasets/",
        f"/lab/datasets/{dataset.pk}/",
    ):
        page = operator_client.get(url).content.decode()
        assert not re.search(r"\sstyle=|<style|<script(?![^>]*\ssrc=)|\son\w+=", page), url


@pytest.mark.django_db(transaction=True)
def test_starting_a_reward_model_leads_to_its_page(
    operator_client: Client, base: Contender, queued: list[tuple[str, int]]
) -> None:
    many_votes(20)
    answer = operator_client.post(
        "/lab/runs/",
        {
            "reward-stage": "reward",
            "reward-population": "people",
            "reward-preset": "quick",
            "reward-settings": "seed = 7\n",
        },
    )
    run = Run.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == f"/lab/runs/{run.pk}/"
    assert run.config == {**PRESETS["quick"].settings["reward"], "seed": 7}
    assert run.created_by is not None
    assert queued == [("rlhf.tasks.follow_run", run.pk)]
    assert "Waiting for the training worker" in text_of(operator_client.get(answer["Location"]))


@pytest.mark.django_db(transaction=True)
def test_starting_an_update_takes_what_was_chosen(
    operator_client: Client,
    base: Contender,
    reward_model: Run,
    library: list[Prompt],
    queued: list[tuple[str, int]],
) -> None:
    page = operator_client.get("/lab/").content.decode()
    assert 'value="best-of-n" selected' in page
    answer = operator_client.post(
        "/lab/runs/",
        {
            "update-stage": "best-of-n",
            "update-base": base.pk,
            "update-reward_run": reward_model.pk,
            "update-population": "people",
            "update-preset": "standard",
        },
    )
    assert answer.status_code == 302, text_of(answer)
    run = Run.objects.get(stage="best-of-n")
    assert (run.base, run.reward_run, run.dataset, run.config) == (base, reward_model, None, {})


def test_too_few_votes_are_said_above_the_form(operator_client: Client, base: Contender) -> None:
    many_votes(3)
    answer = operator_client.post(
        "/lab/runs/",
        {"reward-stage": "reward", "reward-population": "people", "reward-preset": "quick"},
    )
    assert answer.status_code == 422
    assert "needs at least 20 votes with texts; there are 3 of people" in text_of(answer)


@pytest.mark.parametrize(
    ("population", "said"),
    [("people", "is 1 of people."), ("simulated", "are 0 of simulated"), ("all", "is 1. Collect")],
)
def test_one_vote_is_counted_in_the_singular(
    operator_client: Client, base: Contender, population: str, said: str
) -> None:
    many_votes(1)
    chosen = {"reward-stage": "reward", "reward-population": population, "reward-preset": "quick"}
    answer = operator_client.post("/lab/runs/", chosen)
    assert f"needs at least 20 votes with texts; there {said}" in text_of(answer)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("epoch = 3", "no setting"),
        ("epochs 3", "Line 1 is no setting"),
        ("seed = x", "whole number"),
    ],
)
def test_a_wrong_setting_is_named_above_the_form(
    operator_client: Client, base: Contender, typed: str, reason: str
) -> None:
    many_votes(20)
    answer = operator_client.post(
        "/lab/runs/",
        {
            "reward-stage": "reward",
            "reward-population": "people",
            "reward-preset": "standard",
            "reward-settings": typed,
        },
    )
    assert answer.status_code == 422
    assert reason in text_of(answer)
    assert not Run.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("queued")
def test_settings_may_have_comments(operator_client: Client, base: Contender) -> None:
    many_votes(20)
    typed = "# for the report = 3\nseed = 7  # as before\n  # layers = 9\nlayers = 2\t# few\n#\n"
    answer = operator_client.post("/lab/runs/", SETTINGS | {"reward-settings": typed})
    assert answer.status_code == 302, text_of(answer)
    assert Run.objects.get().config == {"seed": 7, "layers": 2}
    refused = operator_client.post("/lab/runs/", SETTINGS | {"reward-settings": "# So.\nseed 7"})
    assert "Line 2 is no setting" in text_of(refused)


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_all_that_is_wrong_with_settings_is_said_at_once_with_its_lines(
    operator_client: Client, base: Contender, headers: dict[str, str]
) -> None:
    many_votes(20)
    typed = "seed = x\nlora_rnk = 8\n\nnonsense\nlayers = -1  # too few\nzzz = 1\nepochs = 2"
    sent = SETTINGS | {"reward-settings": typed}
    page = text_of(operator_client.post("/lab/estimate/", sent, headers=headers))
    page = page.replace("&#x27;", "'")
    said = [
        "Line 1: The setting 'seed' is 'x'. It must be a whole number.",
        "Line 2: There is no setting 'lora_rnk'. Did you mean lora_rank?",
        "Line 4 is no setting: write a name, =, and a value.",
        "Line 5: The setting 'layers' is -1. It must be at least 0.",
        "Line 6: There is no setting 'zzz'. There are: batch_rows, device,",
    ]
    places = [page.find(text) for text in said]
    assert -1 not in places
    assert places == sorted(places)
    assert "Line 7" not in page


SETTINGS = {"reward-stage": "reward", "reward-population": "people", "reward-preset": "standard"}


@pytest.mark.parametrize(
    ("typed", "read"),
    [("0,5", 0.5), ("1,5", 1.5), ("0,250", 0.25), ("1234,567", 1234.567), ("2,5e1", 25.0)],
)
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("queued")
def test_a_decimal_comma_is_read_as_one(
    operator_client: Client, base: Contender, typed: str, read: float
) -> None:
    many_votes(20)
    sent = SETTINGS | {"reward-settings": f"save_seconds = {typed}"}
    assert operator_client.post("/lab/runs/", sent).status_code == 302
    assert Run.objects.get().config == {"save_seconds": read}


def test_a_comma_that_may_part_thousands_is_asked_about(
    operator_client: Client, base: Contender
) -> None:
    many_votes(20)
    sent = SETTINGS | {"reward-settings": "seed = 1\nsave_seconds = 1,000"}
    answer = operator_client.post("/lab/runs/", sent)
    assert answer.status_code == 422
    assert "Line 2: 1,000 can mean 1000 or 1.0." in text_of(answer)


@pytest.mark.parametrize(
    ("stage", "setting"),
    [(name, setting) for name in STAGES for setting in ("epochs", "learning_rate")],
)
def test_what_nothing_can_be_learnt_with_is_refused_at_its_field(
    operator_client: Client, base: Contender, tmp_path: Path, stage: str, setting: str
) -> None:
    (tmp_path / "text.txt").write_text("One.\n<|endoftext|>\nTwo.\n")
    services.import_texts(path=tmp_path / "text.txt")  # else there is no form for pretraining
    form = stage if stage in {"pretrain", "reward"} else "update"
    sent = {f"{form}-stage": stage, f"{form}-settings": f"{setting} = 0"}
    page = operator_client.post("/lab/runs/", sent).content.decode()
    at_field = page.split(f'id="id_{form}-settings_error">')[1].split("</div>")[0]
    assert f"The setting &#x27;{setting}&#x27; is 0" in at_field
    assert "It must be above 0: otherwise nothing would be learnt." in at_field


# --- a run --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_has_a_quick_look_that_its_run_names(
    operator_client: Client, name: str
) -> None:
    quick = PRESETS["quick"].settings[name]
    assert check_settings(name, quick) == quick
    run = Run.objects.create(stage=name, name="looked", config={**quick, "enter": "operator"})

    def page() -> str:
        return text_of(operator_client.get(run.get_absolute_url()))

    assert "How thorough quick look Started" in page()
    Run.objects.update(config={**quick, "seed": 7})
    assert "How thorough quick look, with changes Started" in page()
    Run.objects.update(config={"seed": 7})
    assert "How thorough standard, with changes Started" in page()
    Run.objects.update(config={"seed": 0})  # as by default
    assert "How thorough standard Started" in page()
    Run.objects.update(config={})
    assert "How thorough standard Started" in page()


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", STAGES)
def test_the_settings_of_a_run_tell_its_preset(name: str, preset: str) -> None:
    settings = PRESETS[preset].settings.get(name, {})
    assert preset_of(name, settings) == PRESETS[preset]


def test_a_preset_with_changes_is_named_as_such(operator_client: Client) -> None:
    quick = PRESETS["quick"].settings
    run = Run.objects.create(stage="reward", name="looked", config={**quick["reward"], "layers": 6})
    page = text_of(operator_client.get(run.get_absolute_url()))
    assert "How thorough quick look, with changes Started" in page
    assert preset_of("best-of-n", {**quick["best-of-n"], "n": 32}) == PRESETS["quick"]


@pytest.mark.parametrize(
    ("rate", "lower", "by_length", "said"),
    [
        (0.7, 0.62, 0.6, None),
        (0.55, 0.501, 0.5, None),
        (0.6, 0.5, 0.4, "better than chance"),
        (None, 0.0, None, "better than chance"),  # no pair was held out
        (0.8, 0.7, 0.8, "no better than going by length alone"),
    ],
)
def test_a_reward_model_of_no_use_is_named_wherever_it_is_used(
    operator_client: Client,
    base: Contender,
    reward_model: Run,
    library: list[Prompt],
    rate: float | None,
    lower: float,
    by_length: float | None,
    said: str | None,
) -> None:
    reward_model.summary = {
        "metrics": {
            "test_accuracy": rate,
            "test_accuracy_lower": lower,
            "test_accuracy_upper": 0.9,
            "test_pairs": 120,
            "length_only_accuracy": by_length,
        }
    }
    reward_model.save()
    own = text_of(operator_client.get(reward_model.get_absolute_url()))
    label = re.search(r"<option[^>]*>reward-0[^<]*", operator_client.get("/lab/").content.decode())
    update = services.create_run(stage="best-of-n", settings={"train_prompts": 8})
    its = text_of(operator_client.get(update.get_absolute_url()))
    assert label is not None
    if said is None:
        assert "collect more votes first" not in own + its
        assert "– best held-out accuracy: " in label.group()
        assert update.notes == []
    else:
        assert said in own
        assert " – " in label.group()
        assert f"This update rests on {reward_model}." in its
        assert said in its


def test_a_running_run_shows_progress_and_time_left(operator_client: Client) -> None:
    started = timezone.now() - timezone.timedelta(seconds=60)
    run = Run.objects.create(
        stage="reward",
        name="reward-1",
        state=Job.State.RUNNING,
        phase="features",
        step=3,
        total=12,
        progress=0.25,
        started_at=started,
    )
    text = text_of(operator_client.get(run.get_absolute_url()))
    assert "features, 3 of 12 examples" in text
    assert "25 % · about 3 min" in text
    assert "Cancel" in text


@pytest.mark.parametrize(
    ("phase", "step", "total", "said"),
    [
        ("sampling", 0, 1, "sampling"),
        ("sampling", 40, 256, "sampling, 40 of 256 responses"),
        ("scoring", 3, 32, "scoring, 3 of 32 prompts"),
        ("training", 0, 1, "training"),
        ("training", 3, 24, "training, step 3 of 24"),
        ("preparing", 24, 24, "preparing"),
        ("starting", 24, 24, "starting"),
    ],
)
def test_a_running_run_says_what_its_phase_counts_and_nothing_of_an_earlier_process(
    operator_client: Client, phase: str, step: int, total: int, said: str
) -> None:
    run = Run.objects.create(
        stage="best-of-n", name="best-of-n-1", state=Job.State.RUNNING, progress=0.25,
        phase=phase, step=step, total=total,
    )  # fmt: skip
    assert f" {said} 25 %" in text_of(operator_client.get(run.get_absolute_url()))


def test_htmx_gets_only_the_part_that_changes(operator_client: Client, reward_model: Run) -> None:
    part = operator_client.get(reward_model.get_absolute_url(), headers={"HX-Request": "true"})
    assert part.content.decode().lstrip().startswith("<div")
    assert b"<html" not in part.content


def test_curves_and_figures_say_what_they_mean(operator_client: Client) -> None:
    run = Run.objects.create(
        stage="reward", name="reward-1", state=Job.State.SUCCEEDED,
        summary={"metrics": {"train_accuracy": 0.75, "penalty": 0.1, "more": {"penalty": 2.0}}},
    )  # fmt: skip
    for step in (1, 2):
        Metric.objects.create(run=run, phase="training", step=step, name="margin", value=step)
    page = text_of(operator_client.get(run.get_absolute_url()))
    assert "accuracy in training share of pairs learnt from that it orders as the" in page
    assert "more: penalty on weights how small weights are held" in page
    assert "margin training 2 how far the better response is ahead, on average" in page


def test_a_run_of_one_step_says_why_it_has_no_curves(operator_client: Client) -> None:
    run = Run.objects.create(stage="sft", name="sft-1", state=Job.State.SUCCEEDED)
    said = "A curve needs two points"
    assert said not in text_of(operator_client.get(run.get_absolute_url()))
    Metric.objects.create(run=run, phase="training", step=1, name="loss", value=1.0)
    assert f"Curves {said}" in text_of(operator_client.get(run.get_absolute_url()))
    Metric.objects.create(run=run, phase="training", step=2, name="loss", value=0.5)
    assert said not in text_of(operator_client.get(run.get_absolute_url()))


def test_a_run_s_page_shows_all_settings_in_effect(operator_client: Client) -> None:
    run = Run.objects.create(
        stage="grpo", name="grpo-1", config={"steps": 6, "seed": 0, "gone": "x"}
    )
    page = text_of(operator_client.get(run.get_absolute_url()))
    own, others = page.split("All other settings, by default")
    assert re.search("gone x +steps 6", own)
    for name, knob in settings_of("grpo").items():
        assert (f" {name} {knob.default} " in others) is (name != "steps"), name
    run.config = {}
    run.save()
    page = text_of(operator_client.get(run.get_absolute_url()))
    assert "All settings, by default" in page
    assert f" steps {settings_of('grpo')['steps'].default} " in page


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (figure(-0.0456), "-0.0456"),
        (figure(-1234.5), "-1,234"),
        (figure(-0.0), "0"),
        (points(-0.0461), "-4.6"),
        (points(-0.0001), "0.0"),
        (signed(-0.4), "+0"),
        (signed(-1234.5), "-1,234"),
        (percent(-0.25), "-25 %"),
    ],
)
def test_numbers_below_zero_have_a_true_minus_sign_everywhere(written: str, said: str) -> None:
    assert written == said.replace("-", "\N{MINUS SIGN}")
    assert figure(2e-05) == "2e-05"


@pytest.mark.parametrize(
    ("gain", "error", "unclear"),
    [(-0.09, 0.05, True), (0.08, 0.05, True), (-0.11, 0.05, False), (0.09, 0.05, False)],
)
def test_a_change_of_reward_within_its_noise_is_said_to_be_none(
    operator_client: Client, base: Contender, gain: float, error: float, unclear: bool
) -> None:
    metrics = {"reward_gain": gain, "reward_gain_error": error}
    metrics |= {"base": {"nll": 2.4}, "policy": {"nll": 2.4}}
    run = Run.objects.create(
        stage="dpo",
        base=base,
        state=Job.State.SUCCEEDED,
        name="dpo-1",
        summary={"metrics": metrics},
    )
    text = text_of(operator_client.get(run.get_absolute_url()))
    assert "one standard error)" in text
    assert ("no clear change: its 95 % interval includes zero" in text) == unclear


def test_a_run_s_page_shows_curves_samples_evaluation_and_log(
    operator_client: Client,
    stage: Callable[..., None],
    base: Contender,
    reward_model: Run,
    library: list[Prompt],
) -> None:
    quality = {"nll": 2.47, "entropy": 1.9, "repetition": 0.02, "length": 40.0}
    metrics = {
        "policy": quality | {"nll": 2.2},
        "base": quality,
        "win_rate": 0.688,
        "win_rate_error": 0.033,
        "reward_gain": 0.426,
        "reward_gain_error": 0.131,
        "members_gain": [0.5, -0.31],
        **REFUSED["metrics"],
    }
    broken = {"rule": "repetition", "figure": 0.02, "base": 0.02, "least": None, "most": 0.015}
    metrics["gate"] = {**metrics["gate"], "checks": [{**broken, "passed": False}]}
    stage("succeed", {"metrics": metrics})
    run = services.create_run(stage="best-of-n")
    run.folder.mkdir(parents=True)
    (run.folder / "samples.jsonl").write_text(
        '{"prompt":"Name a tree.","base":"<b>Oak</b>","new":"An oak.","reward_new":1.5}\nbroken\n'
    )
    follow(run)
    answer = operator_client.get(run.get_absolute_url())
    page, text = answer.content.decode(), text_of(answer)
    assert 'aria-label="loss from step 1 to 4: between 0.5 and 2, now 0.5"' in page
    assert "&lt;b&gt;Oak&lt;/b&gt;" in page
    assert "An oak." in text
    assert "69 %" in text
    assert "differs from the base's by 0.426 (± 0.131, one standard error)" in text
    assert "By each member of the reward model alone: 0.5, \N{MINUS SIGN}0.31." in text
    assert "gate not passed" in text
    assert "It repeats itself." in text
    assert "broken 0.02 0.02 at most 0.015" in text
    assert "Enter anyway" in text
    assert "best-of-n begins" in text  # the log


def looked_at(run: Run) -> None:
    """Two checkpoints and the base, as the training process tells of them."""
    run.folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for step, reward, kl, within in ((0, -0.1, 0.0, 1), (6, 0.9, 0.2, 1), (12, 1.4, 0.9, 0)):
        figures = {"reward": reward, "kl": kl, "nll": 1.2 + kl, "within_limits": within}
        for name, value in figures.items():
            Metric.objects.create(run=run, phase="checkpoints", step=step, name=name, value=value)
        if step:
            for prompt in ("Name a tree.", "Name a fish."):
                said = {"prompt": prompt, "base": "Er.", "new": f"{prompt} {step}"}
                lines.append({"step": step, "total": 12, **said})
    (run.folder / "samples.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_samples_of_each_step_can_be_chosen_and_the_newest_is_shown_first(
    operator_client: Client, base: Contender
) -> None:
    run = Run.objects.create(
        stage="best-of-n", base=base, name="best-of-n-1", state=Job.State.RUNNING
    )
    looked_at(run)
    text = text_of(operator_client.get(run.get_absolute_url()))
    assert "The update after step 12 beside its base." in text
    assert "Name a fish. 12" in text
    assert "Name a fish. 6" not in text
    page = operator_client.get(f"{run.get_absolute_url()}?samples=6")
    assert "Name a fish. 6" in text_of(page)
    assert '<a href="?samples=6#samples" aria-current="true">step 6</a>' in page.content.decode()
    # What htmx fetches while the run goes on stays at the chosen step.
    assert f'hx-get="{run.get_absolute_url()}?samples=6"' in page.content.decode()
    unknown = text_of(operator_client.get(f"{run.get_absolute_url()}?samples=nonsense"))
    assert "Name a fish. 12" in unknown


def test_without_rewards_no_rule_about_them_is_shown(
    operator_client: Client, base: Contender
) -> None:
    kept = {"step": 12, "of": 12, "rule": choosing.RULE, "reason": choosing.LAST}  # of before
    run = Run.objects.create(
        stage="pretrain", base=base, name="pretrain-1", state=Job.State.SUCCEEDED,
        summary={"metrics": {"kept": kept}},
    )  # fmt: skip
    looked_at(run)
    Metric.objects.filter(run=run, name="reward").delete()
    page = text_of(operator_client.get(run.get_absolute_url()))
    assert "Checkpoints: what training cost" in page
    assert "limits of damage the last one is chosen. If none" in page
    assert "reward is higher" not in page
    assert "Reward" not in page


def test_reward_against_damage_is_drawn_with_its_figures_and_the_checkpoint_that_was_chosen(
    operator_client: Client, base: Contender
) -> None:
    run = Run.objects.create(
        stage="best-of-n", base=base, name="best-of-n-1", state=Job.State.SUCCEEDED
    )
    url = run.get_absolute_url()
    assert "reward against damage" not in text_of(operator_client.get(url))
    looked_at(run)
    page = operator_client.get(url).content.decode()
    assert "Of the checkpoints within the gate&#x27;s limits" in page
    assert page.count('class="chart-spot"') == 2
    assert page.count("chart-spot--beyond") == 1
    assert "chart-ring" not in page
    kept = {"step": 6, "of": 12, "rule": choosing.RULE, "reason": choosing.LAST}
    run.summary = {"metrics": {"kept": kept}}
    run.save()
    answer = operator_client.get(url)
    page, text = answer.content.decode(), text_of(answer)
    assert page.count("chart-ring") == 1
    assert "Chosen: step 6. It is the last one within the limits." in text
    assert "step 6 0.9 1.4 0.2 chosen within" in text
    assert "step 12 1.4 2.1 0.9 beyond" in text
    assert "Base \N{MINUS SIGN}0.1 1.2 0" in text


def test_the_choice_of_a_checkpoint_is_told_in_the_reader_s_language(
    operator_client: Client, base: Contender
) -> None:
    run = Run.objects.create(
        stage="sft", base=base, name="sft-1", state=Job.State.SUCCEEDED,
        summary={"metrics": {"kept": {"step": 6, "of": 12, "rule": choosing.RULE,
                                      "reason": choosing.NONE_WITHIN}}},
    )  # fmt: skip
    looked_at(run)
    page = operator_client.get(run.get_absolute_url(), headers={"Accept-Language": "de"})
    assert choosing.NONE_WITHIN not in text_of(page)
    assert "keiner" in text_of(page).lower()


@pytest.mark.django_db(transaction=True)
def test_a_reward_model_can_learn_from_an_imported_dataset(
    operator_client: Client, base: Contender, queued: list[tuple[str, int]], tmp_path: Path
) -> None:
    path = tmp_path / "theirs.jsonl"
    rows = [{"prompt": f"P{n}", "chosen": f"good {n}", "rejected": f"bad {n}"} for n in range(30)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    dataset = services.import_preferences(path=path)
    assert f"{dataset.pk}: theirs.jsonl" in text_of(operator_client.get("/lab/"))
    sent = {"reward-stage": "reward", "reward-population": "people", "reward-preset": "quick"}
    operator_client.post("/lab/runs/", {**sent, "reward-dataset": dataset.pk})
    assert Run.objects.get().dataset == dataset


@pytest.mark.django_db(transaction=True)
def test_an_update_learns_from_an_imported_or_frozen_dataset(
    operator_client: Client,
    base: Contender,
    library: list[Prompt],
    queued: list[tuple[str, int]],
    tmp_path: Path,
) -> None:
    path = tmp_path / "theirs.jsonl"
    path.write_text(
        "".join(
            json.dumps({"prompt": f"Prompt {number}", "chosen": "Good.", "rejected": "Bad."}) + "\n"
            for number in range(30)
        )
    )
    dataset = services.import_preferences(path=path)
    form = operator_client.post("/lab/method/", {"update-stage": "sft"})
    assert "theirs.jsonl · Rankings (K-wise)" in text_of(form)
    sent = {
        "update-stage": "sft", "update-base": base.pk, "update-population": "people",
        "update-preset": "quick", "update-dataset": dataset.pk,
    }  # fmt: skip
    operator_client.post("/lab/runs/", sent)
    run = Run.objects.get()
    assert (run.stage, run.dataset) == ("sft", dataset)
    refused = operator_client.post("/lab/runs/", sent | {"update-stage": "kto"})
    assert refused.status_code == 422
    assert "KTO learns from thumbs: choose a dataset with enough of them" in text_of(refused)
    assert Run.objects.count() == 1


def test_a_result_that_passes_can_wait_for_a_person(
    stage: Callable[..., None],
    operator_client: Client,
    base: Contender,
    reward_model: Run,
    library: list[Prompt],
) -> None:
    stage("succeed", PASSED)
    run = services.create_run(stage="best-of-n", settings={"enter": "operator"})
    follow(run)
    run.refresh_from_db()
    assert (run.state, run.contender, run.refusals) == (Job.State.SUCCEEDED, None, [])
    assert "Let it into battles" in text_of(operator_client.get(run.get_absolute_url()))
    operator_client.post(f"/lab/runs/{run.pk}/enter/", {"decision": "enter"})
    run.refresh_from_db()
    assert run.contender is not None
    assert not run.decisions.get().against_gate
    assert "Entered by operator on" in text_of(operator_client.get(run.get_absolute_url()))


def test_entering_anyway_makes_a_contender_and_keeps_the_reason(
    operator_client: Client,
    stage: Callable[..., None],
    base: Contender,
    reward_model: Run,
    library: list[Prompt],
) -> None:
    stage("succeed", REFUSED)
    run = services.create_run(stage="best-of-n")
    follow(run)
    operator_client.post(f"/lab/runs/{run.pk}/enter/", {"decision": "enter", "reason": "for fun"})
    text = text_of(operator_client.get(run.get_absolute_url()))
    assert "Amber · best-of-n 1 is in the arena" in text
    assert "Entered by operator" in text
    assert "for fun" in text
    assert "Enter anyway" not in text


def test_a_failed_run_says_why(
    operator_client: Client, stage: Callable[..., None], base: Contender
) -> None:
    many_votes(20)
    stage("crash")
    run = services.create_run(stage="reward")
    follow(run)
    text = text_of(operator_client.get(run.get_absolute_url()))
    assert "ended with exit code 1" in text
    assert "Traceback: the weights are upside down" in text


def test_cancelling_a_queued_run_ends_it(operator_client: Client) -> None:
    run = Run.objects.create(stage="reward", name="reward-1")
    operator_client.post(f"/lab/runs/{run.pk}/cancel/")
    run.refresh_from_db()
    assert run.state == Job.State.CANCELLED


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("cancel", "has ended already (succeeded)."),
        ("resume", "cannot be resumed (succeeded): only one that failed or was cancelled can."),
        (
            "repeat",
            "cannot be started again (succeeded): only one that failed or was cancelled can.",
        ),
    ],
)
def test_what_a_run_no_longer_allows_leads_back_to_it_and_says_why(
    operator_client: Client, reward_model: Run, action: str, said: str
) -> None:
    url = f"/lab/runs/{reward_model.pk}/{action}/"
    answer = operator_client.post(url, follow=True)
    assert answer.redirect_chain == [(reward_model.get_absolute_url(), 302)]
    assert f"{reward_model} {said}" in text_of(answer)
    assert [message.level_tag for message in answer.context["messages"]] == ["warning"]


def test_a_decision_that_comes_too_late_leads_back_to_the_run(operator_client: Client) -> None:
    run = Run.objects.create(stage="sft", name="sft-1", state=Job.State.RUNNING)
    url = f"/lab/runs/{run.pk}/enter/"
    for decision in ("enter", "keep-out", "base"):
        answer = operator_client.post(url, {"decision": decision}, follow=True)
        assert answer.redirect_chain == [(run.get_absolute_url(), 302)]
        assert "sft-1 has not succeeded (running)" in text_of(answer)


def test_long_curves_are_thinned_to_their_shape(operator_client: Client, reward_model: Run) -> None:
    Metric.objects.bulk_create(
        Metric(run=reward_model, phase="p", step=step, name="loss", value=1000 - step)
        for step in range(1000)
    )
    page = operator_client.get(reward_model.get_absolute_url()).content.decode()
    path = re.search(r'class="chart-line" d="M([^"]+)"', page)
    assert path is not None
    points = path.group(1).split("L")
    assert len(points) == 160
    assert (points[0], points[-1]) == ("0.0 0.0", "300.0 90.0")


@pytest.mark.parametrize("address", ["/lab/runs/99/", "/lab/datasets/99/"])
def test_what_is_not_there_is_not_found(operator_client: Client, address: str) -> None:
    assert operator_client.get(address).status_code == 404


# --- datasets -----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_dataset_is_asked_for_written_and_downloaded(
    operator_client: Client, queued: list[tuple[str, int]]
) -> None:
    many_votes(3)
    asked = operator_client.post(
        "/lab/datasets/", {"format": "trl-preference", "population": "people"}
    )
    dataset = Dataset.objects.get()
    assert asked["Location"] == f"/lab/datasets/{dataset.pk}/"
    assert queued == [("rlhf.tasks.write_dataset", dataset.pk)]
    assert "Waiting for a worker" in text_of(operator_client.get(asked["Location"]))
    services.write_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.sha256 in text_of(operator_client.get(asked["Location"]))
    file = operator_client.get(f"/lab/datasets/{dataset.pk}/download/")
    assert file["Content-Disposition"] == (
        f'attachment; filename="arena-{dataset.pk:05d}-trl-preference.jsonl"'
    )
    rows = b"".join(path.read_bytes() for path in dataset.files)
    assert b"".join(file.streaming_content) == rows  # type: ignore[attr-defined]
    assert "Download" in text_of(operator_client.get("/lab/datasets/"))


def test_a_dataset_without_a_file_cannot_be_downloaded(operator_client: Client) -> None:
    dataset = services.create_dataset(format="ranking")
    answer = operator_client.get(f"/lab/datasets/{dataset.pk}/download/")
    assert answer.status_code == 404
    assert "no file to download (queued)" in text_of(answer)


def test_a_format_that_does_not_exist_is_refused(operator_client: Client) -> None:
    answer = operator_client.post("/lab/datasets/", {"format": "xml", "population": "people"})
    assert answer.status_code == 422
    assert not Dataset.objects.exists()


def test_a_dataset_that_cannot_be_written_says_why(operator_client: Client, folders: Path) -> None:
    dataset = services.create_dataset(format="ranking")
    (dataset.folder / "in the way").mkdir(parents=True)
    services.write_dataset(dataset.pk)
    assert "could not be written" in text_of(operator_client.get(dataset.get_absolute_url()))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("state", [Job.State.FAILED, Job.State.CANCELLED])
def test_a_dataset_that_was_cut_short_is_tried_again(
    operator_client: Client, queued: list[tuple[str, int]], state: Job.State
) -> None:
    many_votes(2, population="simulated")
    chosen = {"population": "simulated", "scrub": True, "last_vote": Vote.objects.latest("pk").pk}
    failed = services.create_dataset(format="lmsys", container="parquet", selection=chosen)
    Dataset.objects.update(state=state)
    page = operator_client.get(failed.get_absolute_url()).content.decode()
    assert f'action="/lab/datasets/{failed.pk}/retry/"' in page
    answer = operator_client.post(f"/lab/datasets/{failed.pk}/retry/")
    made = Dataset.objects.exclude(pk=failed.pk).get()
    assert answer["Location"] == made.get_absolute_url()
    assert queued == [("rlhf.tasks.write_dataset", made.pk)]
    assert (made.state, made.created_by) == (Job.State.QUEUED, User.objects.get())
    for same in ("format", "container", "population", "selection"):
        assert getattr(made, same) == getattr(failed, same)


def test_a_dataset_that_would_come_to_nothing_again_leads_to_the_builder(
    operator_client: Client,
) -> None:
    many_votes(2)
    chosen = {"population": "simulated", "tags": ["a", "b"], "scrub": True}
    failed = services.create_dataset(format="lmsys", selection=chosen)
    Dataset.objects.update(state=Job.State.FAILED)
    page = operator_client.get(failed.get_absolute_url())
    assert "/retry/" not in page.content.decode()
    assert "There are no votes in this selection" in text_of(page)
    builder = re.search(r'href="(/lab/datasets/new/[^"]+)">Choose again', page.content.decode())
    assert builder
    form = operator_client.get(unescape(builder[1])).context["form"]
    assert form.is_valid()
    assert form.arguments()["format"] == "lmsys"
    for name, value in chosen.items():
        assert form.cleaned_data[name] == value


def test_a_dataset_that_was_not_cut_short_is_not_tried_again(operator_client: Client) -> None:
    dataset = services.create_dataset(format="ranking")
    assert "Try again" not in text_of(operator_client.get(dataset.get_absolute_url()))
    answer = operator_client.post(f"/lab/datasets/{dataset.pk}/retry/", follow=True)
    assert answer.redirect_chain == [(dataset.get_absolute_url(), 302)]
    assert "nothing to repeat" in text_of(answer)
    assert Dataset.objects.count() == 1


@pytest.mark.filterwarnings("error:StreamingHttpResponse")
async def test_a_download_is_sent_block_by_block(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(bytes(600_000))
    response = Download(concatenated([file]), size=600_000, file_name="x", content_type="x/y")
    blocks = [block async for block in response]
    assert [len(block) for block in blocks] == [262_144, 262_144, 75_712]
