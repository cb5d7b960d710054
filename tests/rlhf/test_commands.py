"""The lab's commands: they need nothing but the database."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from arena.models import Battle, Contender, Prompt, Response
from rlhf import services
from rlhf.models import Job, Run
from rlhf.stages import PRESETS
from tests.rlhf.conftest import PASSED, REFUSED
from tests.rlhf.test_selection import cast
from tests.rlhf.votes import converse, many_votes, thumb

pytestmark = pytest.mark.django_db


def command(*args: str) -> str:
    out = io.StringIO()
    call_command(*args, stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.fixture(autouse=True)
def _no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    from celery import current_app

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a command used the queue")

    monkeypatch.setattr(current_app, "send_task", refuse)


def test_export_preferences_writes_a_file(tmp_path: Path) -> None:
    many_votes(2)
    file = tmp_path / "new" / "out.jsonl"
    command("export_preferences", "--format", "trl-preference", "--output", str(file))
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [row["rejected"][0]["content"] for row in rows] == ["Short.", "Short."]


def test_export_preferences_refuses_a_category_that_no_vote_is_in(tmp_path: Path) -> None:
    cast()
    file = tmp_path / "out.jsonl"
    options = ["export_preferences", "--format", "ranking", "--output", str(file)]
    with pytest.raises(CommandError, match="leave the category out"):
        command(*options, "--category", "facts")
    cast(category="facts")
    with pytest.raises(CommandError, match="in the category 'fakts'"):
        command(*options, "--category", "fakts")
    assert not file.exists()
    command(*options, "--category", "facts")
    assert len(file.read_text().splitlines()) == 1


def test_export_preferences_writes_to_standard_output(capfdbinary: Any) -> None:
    many_votes(2)
    call_command("export_preferences", "--format", "ranking", "--output", "-")
    written = capfdbinary.readouterr()
    assert len(written.out.splitlines()) == 2
    assert b"2 rows" in written.err


def test_export_preferences_keeps_populations_apart(tmp_path: Path) -> None:
    many_votes(2, population="simulated")
    file = tmp_path / "out.jsonl"
    base = ["export_preferences", "--format", "ranking", "--output", str(file)]
    command(*base, "--population", "simulated")
    assert len(file.read_text().splitlines()) == 2
    many_votes(1)
    command(*base)
    assert len(file.read_text().splitlines()) == 1


def test_export_preferences_without_rows_says_what_there_is_and_writes_nothing(
    tmp_path: Path,
) -> None:
    file = tmp_path / "out.jsonl"
    pairs = ["export_preferences", "--format", "trl-preference", "--output", str(file)]
    thumbs = ["export_preferences", "--format", "trl-unpaired", "--output", str(file)]
    with pytest.raises(CommandError, match="There are no votes yet"):
        command(*pairs)

    many_votes(2, population="simulated")
    file.write_text("of before")
    with pytest.raises(
        CommandError, match="0 of people, 2 of simulated raters: add --population simulated"
    ):
        command(*pairs)
    with pytest.raises(CommandError, match="There are no thumbs yet"):
        command(*thumbs)

    battle = cast(category="facts").battle
    thumb(battle, 0, 1)
    Battle.objects.filter(population="simulated").update(category="coding")
    for options, said in ((pairs, "votes"), (thumbs, "thumbs")):
        with pytest.raises(CommandError, match=f"No {said} match"):
            command(*options, "--since", "2999-01-01")
    with pytest.raises(CommandError, match=r"0 of people, 2 of simulated raters"):
        command(*pairs, "--category", "coding")
    with pytest.raises(CommandError, match=r"without --category are about: facts \(1\)"):
        command(*thumbs, "--category", "coding")
    assert file.read_text() == "of before"


def test_export_preferences_says_that_votes_have_no_texts() -> None:
    many_votes(2)
    Response.objects.update(text="")
    with pytest.raises(CommandError, match="None of the 2 votes gives a row as ranking: 2 without"):
        command("export_preferences", "--format", "ranking", "--output", "-")


def test_export_preferences_says_when_it_cannot_write(tmp_path: Path) -> None:
    many_votes(1)
    with pytest.raises(CommandError, match="Cannot write"):
        command("export_preferences", "--format", "ranking", "--output", str(tmp_path))


def test_export_preferences_names_the_formats() -> None:
    with pytest.raises(CommandError, match="trl-preference"):
        command("export_preferences", "--format", "xml", "--output", "-")


def test_train_runs_a_reward_model_to_its_end(stage: Callable[..., None], base: Contender) -> None:
    many_votes(20)
    stage("succeed", {"metrics": {"accuracy": 0.7}})
    out = command("train", "reward", "--set", "seed=3", "--preset", "quick")
    run = Run.objects.get()
    assert run.config == {**PRESETS["quick"].settings["reward"], "seed": 3}
    assert "accuracy: 0.7" in out
    assert str(run.folder / "checkpoint") in out


@pytest.mark.parametrize(
    ("summary", "said"),
    [(PASSED, "in the arena as amber-best-of-n-1"), (REFUSED, "Not entered: It repeats itself.")],
)
def test_train_says_whether_the_update_entered(
    stage: Callable[..., None],
    base: Contender,
    reward_model: Run,
    library: list[Prompt],
    summary: dict[str, Any],
    said: str,
) -> None:
    stage("succeed", summary)
    assert said in command("train", "best-of-n", "--base", "amber")


def test_train_says_how_many_votes_are_missing(base: Contender) -> None:
    many_votes(2)
    with pytest.raises(CommandError, match=r"there are 2 of people\. Collect 18 more\.$"):
        command("train", "reward")
    many_votes(30, population="simulated")
    there = "Left aside: 30 of simulated raters. .* --population simulated.$"
    with pytest.raises(CommandError, match=there):
        command("train", "reward")


def test_train_says_whose_thumbs_there_are(base: Contender, library: list[Prompt]) -> None:
    for number in range(30):
        battle = converse(
            [f"Question {number}?"], {"amber": ["A."], "birch": ["B."]}, population="simulated"
        )
        thumb(battle, 0, 1 if number % 2 else -1)
    there = "there are 0. Left aside: 30 of simulated raters. .* --population simulated.$"
    with pytest.raises(CommandError, match=there):
        command("train", "kto")


def test_train_fails_with_the_reason_of_the_process(
    stage: Callable[..., None], base: Contender
) -> None:
    many_votes(20)
    stage("refuse")
    with pytest.raises(CommandError, match="line 3: no ranks"):
        command("train", "reward")
    assert Run.objects.get().state == Job.State.FAILED


def test_train_says_that_its_run_was_cancelled(stage: Callable[..., None], base: Contender) -> None:
    many_votes(20)
    stage("hang")
    run = services.create_run(stage="reward")
    Run.objects.update(cancel_requested=True)
    with pytest.raises(CommandError, match=rf"^{run} was cancelled\."):
        command("train", "reward", "--resume", str(run.pk))


@pytest.mark.parametrize("setting", ["epochs", "=3", "colour=red", "epochs=many"])
def test_train_names_a_wrong_setting(base: Contender, setting: str) -> None:
    many_votes(20)
    with pytest.raises(CommandError, match="setting"):
        command("train", "reward", "--set", setting)
    assert not Run.objects.exists()


def test_train_reads_a_decimal_comma_and_asks_where_it_may_be_another(base: Contender) -> None:
    with pytest.raises(CommandError, match=r"'top_k' is 0.5. It must be a whole number"):
        command("train", "best-of-n", "--set", "top_k=0,5")
    with pytest.raises(CommandError, match=r"1,000 can mean 1000 or 1\.0"):
        command("train", "best-of-n", "--set", "train_prompts=1,000")


def test_train_lists_the_settings() -> None:
    listed = command("train", "best-of-n", "--list-settings")
    assert "How often each example is seen. (default 1.0, above 0 and at most 100)" in listed
    assert "sampling and training are repeated. (default 1, at least 1 and at most 20)" in listed
