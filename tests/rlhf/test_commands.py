"""The lab's commands: they need nothing but the database."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from arena.models import Contender, Prompt
from rlhf.models import Job, Run
from rlhf.stages import PRESETS
from tests.rlhf.conftest import PASSED, REFUSED
from tests.rlhf.test_selection import cast
from tests.rlhf.votes import many_votes

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
    cast(category="facts")
    file = tmp_path / "out.jsonl"
    options = ["export_preferences", "--format", "ranking", "--output", str(file)]
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
    command(*base)
    assert file.read_text() == ""
    command(*base, "--population", "simulated")
    assert len(file.read_text().splitlines()) == 2


def test_export_preferences_says_when_it_cannot_write(tmp_path: Path) -> None:
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
    with pytest.raises(CommandError, match="there are 2 of people"):
        command("train", "reward")


def test_train_fails_with_the_reason_of_the_process(
    stage: Callable[..., None], base: Contender
) -> None:
    many_votes(20)
    stage("refuse")
    with pytest.raises(CommandError, match="line 3: no ranks"):
        command("train", "reward")
    assert Run.objects.get().state == Job.State.FAILED


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
