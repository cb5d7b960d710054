"""A lab with tiny weights and a stage process that trains nothing."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings

from arena.models import Contender, Prompt
from rlhf.models import Job, Run
from tests.rlhf.votes import contender

FAKE_STAGE = Path(__file__).with_name("fake_stage.py")
PASSED = {"metrics": {"gate": {"passed": True, "reasons": []}}}
REFUSED = {"metrics": {"gate": {"passed": False, "reasons": ["It repeats itself."]}}}


@pytest.fixture(autouse=True)
def folders(tmp_path: Path) -> Iterator[Path]:
    """Weights, runs and datasets of this test alone; the folder that holds them."""
    (tmp_path / "models" / "tiny").mkdir(parents=True)
    with override_settings(
        MODELS_DIR=tmp_path / "models",
        RUNS_DIR=tmp_path / "runs",
        DATASETS_DIR=tmp_path / "datasets",
    ):
        yield tmp_path


@pytest.fixture
def base(db: None) -> Contender:
    """A local contender whose weights are there."""
    made = contender("amber")
    Contender.objects.filter(pk=made.pk).update(system_prompt="Be kind.", temperature=0.5)
    made.refresh_from_db()
    return made


@pytest.fixture
def library(db: None) -> list[Prompt]:
    """Forty prompts to sample from."""
    return Prompt.objects.bulk_create(
        Prompt(slug=f"p{number}", category="facts", text=f"Prompt {number}?")
        for number in range(40)
    )


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Callable[..., None]:
    """`stage("crash")`: every stage process does this instead of training."""

    def behave(behaviour: str = "succeed", summary: dict[str, Any] | None = None) -> None:
        settings.TRAINING_COMMAND = [sys.executable, str(FAKE_STAGE)]
        monkeypatch.setenv("FAKE_STAGE", behaviour)
        monkeypatch.setenv("FAKE_SUMMARY", json.dumps(summary or {}))

    behave()
    return behave


@pytest.fixture
def reward_model(base: Contender) -> Run:
    """A finished reward run."""
    run = Run.objects.create(stage="reward", base=base, state=Job.State.SUCCEEDED, name="reward-0")
    (run.folder / "checkpoint").mkdir(parents=True)
    return run


@pytest.fixture
def rater_client(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("rater", password="correct-horse"))
    return client
