"""A folder has one trainer, which real processes find out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rlhf.training.sole import LOCK, OCCUPIED, occupant, occupy

ROOT = Path(__file__).parents[3]
HOLD = """
import os, sys
from pathlib import Path
from rlhf.training.sole import occupy
place = occupy(Path(sys.argv[1]))
child = os.fork() if sys.argv[2] == "with-child" else 1
if child == 0:
    sys.stdin.read()
    os._exit(0)
print("taken" if place else "refused", flush=True)
sys.stdin.read()
"""
Holder = subprocess.Popen[str]


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Callable[..., Holder]]:
    """Starts processes that try to take the folder; their children end with the test."""
    started: list[Holder] = []

    def start(kind: str = "alone", said: str = "taken") -> Holder:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(tmp_path / "run"), kind],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline().strip() == said
        return process

    yield start
    for process in started:
        process.communicate(timeout=10)  # closes what they wait for


def test_a_second_one_finds_the_place_taken_and_by_whom(
    tmp_path: Path, hold: Callable[..., Holder]
) -> None:
    assert occupant(tmp_path / "run") is None
    first = hold()
    hold(said="refused")
    assert occupy(tmp_path / "run") is None
    assert occupant(tmp_path / "run") == first.pid


@pytest.mark.parametrize("kind", ["alone", "with-child"])
def test_the_place_is_free_once_its_process_is_killed_even_if_a_child_lives_on(
    tmp_path: Path, hold: Callable[..., Holder], kind: str
) -> None:
    first = hold(kind)
    first.send_signal(signal.SIGKILL)
    first.wait(timeout=10)
    assert occupant(tmp_path / "run") is None
    place = occupy(tmp_path / "run")
    assert place is not None
    hold(said="refused")
    assert (tmp_path / "run" / LOCK).read_text() == f"{os.getpid()}\n"
    place.close()
    hold()


def test_a_real_trainer_ends_at_once_and_touches_nothing(
    tmp_path: Path, hold: Callable[..., Holder]
) -> None:
    first = hold()
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"output": str(tmp_path / "run"), "model": "nowhere"}))
    second = subprocess.run(
        [sys.executable, "-m", "rlhf.training", "reward", "--config", str(config)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == OCCUPIED
    assert f"Process {first.pid} works in {tmp_path / 'run'} already." in second.stderr
    assert [path.name for path in (tmp_path / "run").iterdir()] == [LOCK]
