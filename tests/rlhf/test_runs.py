"""A run's life: started, followed, ended in every way that a process can end."""

import json
import math
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.test import Client

from arena.errors import ArenaError, Conflict, Invalid, Unavailable
from arena.models import Contender, Population, Prompt
from rlhf import processes, services, untested
from rlhf.exporting import split_of
from rlhf.locks import exclusive
from rlhf.models import Dataset, Job, Metric, Run
from rlhf.services import Pace
from rlhf.services.following import lock_of
from rlhf.services.preparing import HELD_OUT_PERCENT
from rlhf.training.data import read_rankings, read_thumbs
from rlhf.training.thumbs import beside
from tests.rlhf.conftest import FAKE_STAGE, PASSED, REFUSED
from tests.rlhf.training.conftest import tiny_model  # noqa: F401 - a fixture
from tests.rlhf.votes import converse, many_votes, thumb, vote

pytestmark = pytest.mark.django_db
FAST = Pace(poll_s=0.05, grace_s=0.3)


def reward(**choices: Any) -> Run:
    return services.create_run(stage="reward", **choices)


def follow(run: Run, announce: Callable[[Run], None] = services.announce_nothing) -> Run:
    services.follow_run(run.pk, announce=announce, pace=FAST)
    run.refresh_from_db()
    return run


def at_step_2(action: Callable[[Run], Any]) -> Callable[[Run], None]:
    """Do something while the process hangs, which it does after its second step."""

    def watch(run: Run) -> None:
        if run.step == 2 and not run.ended:
            action(run)

    return watch


@pytest.fixture
def votes(base: Contender) -> None:
    many_votes(25)


# --- what is refused before the queue -----------------------------------------------------


def test_too_few_votes_says_how_many_there_are_and_are_needed(base: Contender) -> None:
    many_votes(7)
    with pytest.raises(Invalid, match="at least 20 votes with texts; there are 7 of people"):
        reward()
    assert not Run.objects.exists()
    assert not Dataset.objects.exists()


def test_votes_without_texts_and_of_others_do_not_count(base: Contender) -> None:
    many_votes(19)
    many_votes(5, population=Population.SIMULATED)
    vote(converse([], {"amber": [], "birch": []}), [1, 2])
    with pytest.raises(Invalid, match="there are 19"):
        reward()
    assert reward(population="all").dataset is not None


@pytest.mark.usefixtures("votes")
@pytest.mark.parametrize(
    ("choices", "reason"),
    [
        ({"stage": "ppo"}, "no training stage 'ppo'"),
        ({"settings": {"epoch": 1}}, "no setting 'epoch'"),
        ({"settings": {"output": "/tmp"}}, "no setting 'output'"),
        ({"settings": {"epochs": "many"}}, "'epochs' is 'many'. It must be a whole number"),
        ({"settings": {"epochs": True}}, "'epochs' is True. It must be a whole number"),
        ({"settings": {"seed": -1}}, "'seed' is -1. It must be at least 0"),
        ({"settings": {"device": "tpu"}}, "must be one of auto, cpu, cuda"),
        ({"settings": {"seed": 2**31}}, "'seed' is 2147483648. It is too large: .* from 0 to 2147"),
        ({"settings": {"seed": -(10**400)}}, "0. It must be at least 0"),
        ({"settings": {"epochs": 1e12}}, "It is too large: it must be above 0 and at most 100"),
        ({"settings": {"epochs": 10**20 - 1}}, "9. It is too large: it must be above 0 and at"),
        ({"settings": {"epochs": -(10**20)}}, "0. It must be above 0: otherwise nothing"),
        ({"settings": {"save_seconds": 10**400}}, "0. It is too large: it must be from 0 to 2147"),
        ({"settings": {"save_seconds": math.inf}}, "is inf. It must be a finite number"),
        ({"population": "robots"}, "no population 'robots'"),
        ({"population": "robots", "dataset": 999}, "no population 'robots'"),
        ({"reward_run": 1}, "uses no reward model"),
        ({"stage": "best-of-n"}, "needs a reward model, and there is none"),
        ({"dataset": 999}, "no dataset 999"),
        ({"base": "nobody"}, "no contender 'nobody'"),
    ],
)
def test_a_wrong_choice_is_refused_by_name(
    library: list[Prompt], choices: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ArenaError, match=reason):
        services.create_run(**{"stage": "reward", **choices})
    assert not Run.objects.exists()


@pytest.mark.usefixtures("votes")
def test_a_base_on_another_server_cannot_be_trained() -> None:
    Contender.objects.create(slug="far", name="Far", backend="openai", model="far")
    with pytest.raises(Invalid, match="answers from another server"):
        reward(base="far")


@pytest.mark.usefixtures("votes")
def test_a_base_without_weights_here_cannot_be_trained(base: Contender) -> None:
    Contender.objects.filter(pk=base.pk).update(model="elsewhere")
    with pytest.raises(Invalid, match="are not on this machine"):
        reward(base="amber")


@pytest.mark.parametrize("model", ["../tiny", "/etc", "", "."])
def test_a_model_name_never_leaves_the_weights_folder(base: Contender, model: str) -> None:
    Contender.objects.filter(pk=base.pk).update(model=model)
    many_votes(20)
    with pytest.raises(Invalid, match="not on this machine"):
        reward(base="amber")


def test_too_few_thumbs_or_all_alike_are_refused(base: Contender, library: list[Prompt]) -> None:
    battles = [converse([f"Why {number}?"], {"amber": ["So."]}) for number in range(8)]
    for battle in battles[1:]:
        thumb(battle, 0, 1)
    with pytest.raises(Invalid, match="at least 8 thumbs to train on; there are 7"):
        services.create_run(stage="kto", base="amber")
    thumb(battles[0], 0, 1)
    with pytest.raises(Invalid, match="both kinds; of 8 8 are up"):
        services.create_run(stage="kto", base="amber")
    assert not Dataset.objects.exists()
    thumb(converse(["And?"], {"amber": ["No."]}), 0, -1)
    assert services.create_run(stage="kto", base="amber").dataset is not None


def test_a_dataset_with_all_on_the_held_out_side_is_refused(base: Contender) -> None:
    for number in range(25):
        held_out = converse(["hi"], {"amber": [f"a {number}"], "birch": ["b"]})
        vote(held_out, [1, 2])
    made = services.create_dataset(format="ranking")
    services.write_dataset(made.pk)
    made.refresh_from_db()
    Dataset.objects.filter(pk=made.pk).update(test_rows=made.rows)
    with pytest.raises(Invalid, match=r"of the 25 in dataset .* all but 0 are held out"):
        reward(dataset=made.pk)


@pytest.mark.usefixtures("votes")
def test_a_dataset_of_another_format_is_refused(base: Contender) -> None:
    made = services.create_dataset(format="lmsys")
    services.write_dataset(made.pk)
    with pytest.raises(Invalid, match=r"learns from rankings.*: Battles \(LMSYS\)"):
        reward(dataset=made.pk)


def test_an_unfinished_reward_run_is_refused(reward_model: Run, library: list[Prompt]) -> None:
    Run.objects.update(state=Job.State.FAILED)
    with pytest.raises(Invalid, match="no finished reward model"):
        services.create_run(stage="grpo", reward_run=reward_model.pk)


def test_an_update_needs_prompts(reward_model: Run) -> None:
    with pytest.raises(Invalid, match="no prompts"):
        services.create_run(stage="best-of-n")


def test_an_update_takes_the_newest_reward_model(reward_model: Run, library: list[Prompt]) -> None:
    assert services.create_run(stage="best-of-n").reward_run == reward_model


@pytest.mark.parametrize("limits", [{"gate_length_high": 0.2}, {"gate_length_low": 3}])
def test_limits_that_nothing_can_keep_are_refused_for_a_run_too(
    reward_model: Run, library: list[Prompt], limits: dict[str, float]
) -> None:
    with pytest.raises(Invalid, match=r"greatest length .* is below its least"):
        services.create_run(stage="best-of-n", settings=limits)


@pytest.mark.usefixtures("votes")
def test_more_layers_than_the_base_has_are_refused(
    folders: Path,
    tiny_model: str,  # noqa: F811
) -> None:
    shutil.copytree(tiny_model, folders / "models" / "tiny", dirs_exist_ok=True)
    with pytest.raises(Invalid, match=r"Amber has \d layers, not 99"):
        reward(settings={"layers": 99})


def test_a_run_that_will_use_less_than_it_asks_for_says_so(
    reward_model: Run, library: list[Prompt]
) -> None:
    asked = {"n": 2, "pairs": 5, "train_prompts": 1_000_000}
    there = sum(split_of(prompt.text, HELD_OUT_PERCENT) == "train" for prompt in library)
    prompts, pairs = services.create_run(stage="best-of-n", settings=asked).notes
    assert f"train_prompts is 1000000, but the library has only {there}" in prompts
    assert "pairs is 5, but from n = 2 responses only 1 can be made" in pairs
    [told] = services.create_run(stage="best-of-n", settings={**asked, "learn": "imitate"}).notes
    assert told == prompts
    enough = {"n": 10, "pairs": 5, "train_prompts": there}
    assert services.create_run(stage="best-of-n", settings=enough).notes == []


# --- the queue ----------------------------------------------------------------------------


@pytest.mark.usefixtures("votes")
@pytest.mark.django_db(transaction=True)
def test_without_a_queue_the_run_fails_at_once_and_says_so(monkeypatch: Any) -> None:
    from celery import current_app

    monkeypatch.setattr(current_app.conf, "broker_url", "redis+socket:///nowhere/redis.sock")
    monkeypatch.setattr(current_app, "_pool", None)
    monkeypatch.setattr(current_app.amqp, "_producer_pool", None)  # of the queue that works
    with pytest.raises(Unavailable, match="Redis"):
        services.start_run(stage="reward")
    run = Run.objects.get()
    assert run.state == Job.State.FAILED
    assert "Redis" in run.error


# --- success ------------------------------------------------------------------------------


@pytest.mark.usefixtures("votes")
def test_a_reward_run_freezes_the_votes_and_keeps_its_figures(stage: Callable[..., None]) -> None:
    stage("succeed", {"metrics": {"accuracy": 0.7}})
    seen: list[float] = []
    run = follow(reward(settings={"seed": 3}), lambda now: seen.append(now.progress))
    assert run.state == Job.State.SUCCEEDED, run.error
    assert run.dataset is not None
    assert (run.dataset.state, run.dataset.rows) == (Job.State.SUCCEEDED, 25)
    losses = Metric.objects.filter(run=run, name="loss").values_list("step", "value")
    assert list(losses) == [(1, 2.0), (2, 1.0), (4, 0.5)]
    assert run.summary["metrics"] == {"accuracy": 0.7}
    assert run.progress == 1.0
    assert seen == sorted(seen)
    config = json.loads((run.folder / "config.json").read_text())
    assert config["seed"] == 3
    rows = [json.loads(line) for line in Path(config["rankings"]).read_text().splitlines()]
    assert len(rows) == 25
    assert set(rows[0]) == {
        "prompt", "responses", "ranks", "weight", "split", "rater", "categories",
    }  # fmt: skip


@pytest.mark.usefixtures("votes")
def test_thumbs_on_training_prompts_stand_beside_the_rankings(stage: Callable[..., None]) -> None:
    said = {"amber": ["Yes."], "birch": ["No."]}
    simulated = converse(["Simulated?"], said, population="simulated")
    thumb(simulated, 0, 1)
    asked = [f"Question {number}?" for number in range(30)]
    for prompt in asked:
        thumb(converse([prompt], said), 1, -1)
    first = next(prompt for prompt in asked if split_of(prompt) == "train")
    several = converse([first, "Two"], {"amber": ["a", "b"], "birch": ["c", "d"]})
    thumb(several, 0, 1, turn=2)
    run = follow(reward())
    config = json.loads((run.folder / "config.json").read_text())
    found = read_thumbs(config["thumbs"])
    kept = [prompt for prompt in asked if split_of(prompt) == "train"]
    assert 0 < len(kept) < len(asked)
    assert [one.prompt[0]["content"] for one in found] == [*kept, first]
    assert [said["content"] for said in found[-1].prompt] == [first, "a", "Two"]
    assert [one.up for one in found] == [False] * len(kept) + [True]
    assert found[0].response == "No."


def test_a_thumb_on_a_ranked_response_is_known_as_such(
    base: Contender, stage: Callable[..., None]
) -> None:
    for one in many_votes(25):
        thumb(one.battle, 0, 1)
    run = follow(reward())
    rankings = read_rankings(str(run.folder / "rankings.jsonl"))
    train = [ranking for ranking in rankings if ranking.split == "train"]
    found = beside(train, [], read_thumbs(str(run.folder / "thumbs.jsonl")), 1.0)
    assert len(found) == len(train)
    assert not found.groups


@pytest.mark.usefixtures("votes")
def test_without_thumbs_a_reward_model_is_told_of_none(stage: Callable[..., None]) -> None:
    run = follow(reward())
    assert "thumbs" not in json.loads((run.folder / "config.json").read_text())


@pytest.mark.usefixtures("votes")
def test_a_run_never_takes_the_folder_of_an_older_one(folders: Path) -> None:
    first = reward()
    (folders / "runs" / f"reward-{first.pk + 1}").mkdir(parents=True)
    assert reward().name == f"reward-{first.pk + 1}-2"


@pytest.mark.usefixtures("votes")
def test_conversations_of_several_turns_are_left_out_and_noted(stage: Callable[..., None]) -> None:
    vote(converse(["One", "Two"], {"amber": ["a", "b"], "birch": ["c", "d"]}), [1, 2])
    run = follow(reward())
    assert len((run.folder / "rankings.jsonl").read_text().splitlines()) == 25
    assert run.notes == [
        "1 votes on conversations of several turns were left out: training reads single turns."
    ]


@pytest.mark.usefixtures("base")
def test_a_reward_model_says_what_it_tests_on_where_nothing_was_kept(
    operator_client: Client, stage: Callable[..., None]
) -> None:
    for number in range(22):
        assert split_of(f"P{number}") == "train"
        vote(converse([f"P{number}"], {"amber": ["Oak"], "birch": ["Elm"]}), [1, 2])
    frozen_now = follow(reward())
    assert frozen_now.notes == [untested.PROMPTS()]
    sent = {
        "reward-stage": "reward", "reward-population": "people", "reward-preset": "standard",
        "reward-dataset": frozen_now.dataset_id,
    }  # fmt: skip
    for url in ("/lab/estimate/", frozen_now.get_absolute_url()):
        ask = operator_client.post if url == "/lab/estimate/" else operator_client.get
        assert untested.PROMPTS() in ask(url, sent).content.decode()
    assert services.create_run(stage="reward", dataset=frozen_now.dataset_id).notes == [
        untested.PROMPTS()
    ]


def test_an_update_that_passes_its_gate_becomes_a_contender(
    stage: Callable[..., None], base: Contender, reward_model: Run, library: list[Prompt]
) -> None:
    stage("succeed", PASSED)
    run = follow(services.create_run(stage="best-of-n", base="amber"))
    assert run.state == Job.State.SUCCEEDED, run.error
    made = run.contender
    assert made is not None
    assert made.name == "Amber · best-of-n 1"
    assert (made.parent, made.backend, made.model, made.active) == (base, "local", run.name, True)
    assert (made.system_prompt, made.temperature) == ("Be kind.", 0.5)
    again = follow(services.create_run(stage="best-of-n", base="amber"))
    assert again.contender is not None
    assert again.contender.name == "Amber · best-of-n 2"


def test_a_trained_contender_can_be_trained_further(
    stage: Callable[..., None], base: Contender, reward_model: Run, library: list[Prompt]
) -> None:
    stage("succeed", PASSED)
    first = follow(services.create_run(stage="best-of-n", base="amber"))
    assert first.contender is not None
    second = follow(services.create_run(stage="best-of-n", base=first.contender.slug))
    config = json.loads((second.folder / "config.json").read_text())
    assert config["model"] == str(first.folder / "checkpoint")


def test_an_update_s_prompts_hold_some_out_and_carry_the_system_prompt(
    stage: Callable[..., None], base: Contender, reward_model: Run, library: list[Prompt]
) -> None:
    run = follow(services.create_run(stage="best-of-n", base="amber"))
    lines = (run.folder / "prompts.jsonl").read_text().splitlines()
    prompts = [json.loads(line) for line in lines]
    assert {prompt["prompt"] for prompt in prompts} == {prompt.text for prompt in library}
    assert {prompt["system"] for prompt in prompts} == {"Be kind."}
    assert {prompt["split"] for prompt in prompts} == {"train", "test"}
    config = json.loads((run.folder / "config.json").read_text())
    assert config["reward_model"] == str(reward_model.folder / "checkpoint")


@pytest.mark.usefixtures("votes")
def test_supervised_finetuning_imitates_what_raters_put_first(
    stage: Callable[..., None], library: list[Prompt]
) -> None:
    vote(converse(["Tied"], {"amber": ["same"], "birch": ["same too"]}), [1, 1])
    run = follow(services.create_run(stage="sft"))
    lines = (run.folder / "demonstrations.jsonl").read_text().splitlines()
    shown = [json.loads(line) for line in lines]
    assert shown
    assert all(row["response"].startswith("A long answer") for row in shown)
    assert shown[0]["system"] == "Be kind."


def test_a_refused_update_stays_out_until_staff_enters_it(
    stage: Callable[..., None],
    base: Contender,
    reward_model: Run,
    library: list[Prompt],
    operator: Any,
) -> None:
    stage("succeed", REFUSED)
    run = follow(services.create_run(stage="best-of-n"))
    assert run.state == Job.State.SUCCEEDED
    assert run.contender is None
    assert run.refusals == ["It repeats itself."]
    with pytest.raises(Invalid, match="Say why"):
        services.decide(run=run, by=operator, enter_it=True, reason=" ")
    assert not services.decide(run=run, by=operator, enter_it=False).against_gate
    made = services.decide(run=run, by=operator, enter_it=True, reason="I want to see it")
    run.refresh_from_db()
    assert run.contender is not None
    assert (made.decided_by, made.reason, made.against_gate) == (operator, "I want to see it", True)
    assert [one.entered for one in run.decisions.all()] == [True, False]
    for enter_it in (True, False):
        with pytest.raises(Conflict, match="in the arena already"):
            services.decide(run=run, by=operator, enter_it=enter_it, reason="Again.")


def test_an_update_that_was_not_evaluated_stays_out(
    stage: Callable[..., None], base: Contender, reward_model: Run, library: list[Prompt]
) -> None:
    run = follow(services.create_run(stage="best-of-n"))
    assert run.contender is None
    assert "not evaluated" in run.refusals[0]


def test_a_reward_model_cannot_be_entered(reward_model: Run, operator: Any) -> None:
    with pytest.raises(Invalid, match="cannot answer prompts"):
        services.decide(run=reward_model, by=operator, enter_it=True, reason="Why not?")


# --- failure ------------------------------------------------------------------------------


@pytest.mark.usefixtures("votes")
@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("crash", "ended with exit code 1"),
        ("refuse", "rankings.jsonl line 3: no ranks. Remove it."),
        ("empty-handed", "left no result"),
    ],
)
def test_a_failed_process_tells_why(
    stage: Callable[..., None], behaviour: str, reason: str
) -> None:
    stage(behaviour)
    run = follow(reward())
    assert run.state == Job.State.FAILED
    assert reason in run.error
    assert "reward begins" in run.error  # the log's last lines


@pytest.mark.usefixtures("votes")
def test_a_process_killed_with_kill_9_fails_the_run_by_that_name(
    stage: Callable[..., None],
) -> None:
    stage("hang")
    run = follow(reward(), at_step_2(lambda now: os.kill(now.pid or 0, signal.SIGKILL)))
    assert run.state == Job.State.FAILED
    assert "SIGKILL" in run.error
    assert "reward begins" in run.error


@pytest.mark.usefixtures("votes")
def test_a_stage_that_cannot_be_started_fails_the_run(settings: Any) -> None:
    settings.TRAINING_COMMAND = ["/nowhere/python"]
    run = follow(reward())
    assert run.state == Job.State.FAILED
    assert "/nowhere/python could not be started" in run.error


@pytest.mark.usefixtures("votes")
def test_unreadable_lines_are_counted_and_do_not_stop_the_run(stage: Callable[..., None]) -> None:
    stage("malformed")
    run = follow(reward())
    assert run.state == Job.State.SUCCEEDED, run.error
    assert run.unreadable_lines == 4
    assert list(Metric.objects.values_list("name", "value")) == [("loss", 2.0), ("accuracy", 0.75)]


@pytest.mark.usefixtures("votes")
def test_weights_that_vanish_before_the_start_fail_the_run(
    folders: Path, stage: Callable[..., None]
) -> None:
    run = reward()
    (folders / "models" / "tiny").rmdir()
    assert "not on this machine" in follow(run).error


# --- cancelling ---------------------------------------------------------------------------


@pytest.mark.usefixtures("votes")
@pytest.mark.parametrize("behaviour", ["hang", "stubborn"])
def test_cancelling_stops_the_process(stage: Callable[..., None], behaviour: str) -> None:
    stage(behaviour)
    run = follow(reward(), at_step_2(services.cancel_run))
    assert run.state == Job.State.CANCELLED
    assert not psutil.pid_exists(run.pid or 0)


@pytest.mark.usefixtures("votes")
def test_a_queued_run_is_cancelled_without_a_process(stage: Callable[..., None]) -> None:
    run = reward()
    services.cancel_run(run)
    assert follow(run).state == Job.State.CANCELLED
    assert run.pid is None


@pytest.mark.usefixtures("votes")
def test_an_ended_run_cannot_be_cancelled(stage: Callable[..., None]) -> None:
    run = follow(reward())
    with pytest.raises(Conflict, match="ended already"):
        services.cancel_run(run)


# --- workers come and go ------------------------------------------------------------------


@pytest.mark.usefixtures("votes")
def test_following_an_ended_run_again_changes_nothing(stage: Callable[..., None]) -> None:
    run = follow(reward())
    follow(run)
    assert Metric.objects.count() == 3


@pytest.mark.usefixtures("votes")
def test_two_followers_do_not_start_two_processes(stage: Callable[..., None]) -> None:
    seen: list[int | None] = []

    def second_follower(run: Run) -> None:
        services.follow_run(run.pk, announce=services.announce_nothing, pace=FAST)
        seen.append(run.pid)

    run = follow(reward(), second_follower)
    assert run.state == Job.State.SUCCEEDED
    assert {pid for pid in seen if pid is not None} == {run.pid}


def left_running(run: Run, behaviour: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A run whose worker died: its process lives on, and nobody follows it."""
    monkeypatch.setenv("FAKE_STAGE", behaviour)
    run.folder.mkdir(parents=True)
    (run.folder / "config.json").write_text("{}")
    command = [sys.executable, str(FAKE_STAGE), "reward", "--config", f"{run.folder}/config.json"]
    identity, process = processes.start(command, log=run.folder / "log.txt", folder=run.folder)
    Run.objects.filter(pk=run.pk).update(
        state=Job.State.RUNNING, pid=identity.pid, process_started=identity.started
    )
    return process


@pytest.mark.usefixtures("votes")
def test_a_new_worker_follows_a_living_process_further(monkeypatch: pytest.MonkeyPatch) -> None:
    run = reward()
    process = left_running(run, "hang", monkeypatch)
    follow(run, at_step_2(services.cancel_run))
    assert run.state == Job.State.CANCELLED
    assert process.wait(timeout=5) == 143
    assert Metric.objects.filter(run=run).count() == 2


@pytest.mark.usefixtures("votes")
def test_a_queued_run_goes_behind_one_that_was_left_running(
    monkeypatch: pytest.MonkeyPatch, stage: Callable[..., None]
) -> None:
    from celery import current_app

    sent: list[tuple[str, list[int]]] = []
    monkeypatch.setattr(current_app, "send_task", lambda name, args, **_: sent.append((name, args)))
    left, queued = reward(), reward()
    left_running(left, "succeed", monkeypatch).wait(timeout=20)
    services.follow_in_turn(queued.pk)
    left.refresh_from_db()
    queued.refresh_from_db()
    assert (left.state, queued.state) == (Job.State.SUCCEEDED, Job.State.QUEUED)
    assert sent == [("rlhf.tasks.follow_run", [queued.pk])]
    services.follow_in_turn(queued.pk)
    queued.refresh_from_db()
    assert queued.state == Job.State.SUCCEEDED, queued.error
    assert len(sent) == 1


@pytest.mark.usefixtures("votes")
def test_a_queued_run_waits_for_none_that_another_worker_follows(
    stage: Callable[..., None],
) -> None:
    followed, queued = reward(), reward()
    Run.objects.filter(pk=followed.pk).update(state=Job.State.RUNNING)
    with exclusive(lock_of(followed)):
        services.follow_in_turn(queued.pk)
    queued.refresh_from_db()
    assert queued.state == Job.State.SUCCEEDED, queued.error


@pytest.mark.usefixtures("votes")
def test_a_new_worker_finds_what_a_finished_process_left(monkeypatch: pytest.MonkeyPatch) -> None:
    run = reward()
    left_running(run, "succeed", monkeypatch).wait(timeout=20)
    assert follow(run).state == Job.State.SUCCEEDED
    assert Metric.objects.filter(run=run).count() == 3


@pytest.mark.usefixtures("votes")
def test_a_new_worker_fails_a_run_whose_process_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    run = reward()
    process = left_running(run, "hang", monkeypatch)
    process.kill()
    process.wait(timeout=5)
    follow(run)
    assert run.state == Job.State.FAILED
    assert "worker or machine stopped" in run.error


@pytest.mark.usefixtures("votes")
def test_a_reused_process_id_is_not_taken_for_the_trainer() -> None:
    run = reward()
    Run.objects.update(state=Job.State.RUNNING, pid=os.getpid(), process_started=1.0)
    follow(run)
    assert run.state == Job.State.FAILED


@pytest.mark.usefixtures("votes")
def test_an_orderly_stop_ends_the_process_and_says_why(stage: Callable[..., None]) -> None:
    stage("hang")
    run = follow(reward(), at_step_2(lambda now: services.stop_running()))
    assert run.state == Job.State.FAILED
    assert run.error.startswith("The arena was stopped while this run was running.")
