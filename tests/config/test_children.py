"""Supervised processes: restarted with back-off, shown by name, ended with all their kin."""

import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from config.children import FAMILY_VARIABLE, BackOff, Child, Printer, Spec, end, family, stop


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The mark of this test's processes, none of which outlives it."""
    value = uuid.uuid4().hex
    monkeypatch.setenv(FAMILY_VARIABLE, value)
    yield value
    end(family(value), grace=0.1)


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def printer(lines: list[str]) -> Printer:
    return Printer(lines.append)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 20 s"


def test_waits_double_up_to_the_most_and_good_times_reset_them() -> None:
    back_off = BackOff(first=1, most=5, healthy_after=60)
    assert [back_off.delay(lived=0.1) for _ in range(5)] == [1, 2, 4, 5, 5]
    assert [back_off.delay(lived=61), back_off.delay(lived=0.1)] == [1, 2]


def test_a_crasher_is_started_again_and_again(
    token: str, printer: Printer, lines: list[str], tmp_path: Path
) -> None:
    starts = tmp_path / "starts"
    code = f"open({str(starts)!r}, 'a').write('x'); raise SystemExit(3)"
    child = Child(Spec("crasher", python(code)), printer, back_off=BackOff(0.01, 0.02))
    child.start()

    def thrice() -> bool:
        child.tend()
        return starts.exists() and len(starts.read_text()) >= 3

    wait_for(thrice)
    assert any("crasher" in line and "exit code 3" in line for line in lines)
    stop([child], token)


def test_a_crasher_is_not_started_before_its_time(token: str, printer: Printer) -> None:
    child = Child(Spec("crasher", python("raise SystemExit(1)")), printer, back_off=BackOff(600))
    child.start()

    def ended() -> bool:
        child.tend()
        return child.process is None

    wait_for(ended)
    child.tend()
    assert child.process is None


def test_lines_carry_the_name_of_their_process(
    token: str, printer: Printer, lines: list[str]
) -> None:
    code = "import sys; print('one', flush=True); print('two', file=sys.stderr)"
    child = Child(Spec("speaker", python(code)), printer)
    child.start()
    wait_for(lambda: len(lines) == 2)
    assert lines == ["speaker  │ one\n", "speaker  │ two\n"]


def test_every_start_is_reported(token: str, printer: Printer) -> None:
    started: list[int] = []
    child = Child(Spec("one", python("")), printer, on_start=started.append)
    child.start()
    assert child.process is not None
    assert started == [child.process.pid]
    child.process.wait()


STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
kin = [sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
       "print('kin', flush=True); time.sleep(600)"]
subprocess.Popen(kin, start_new_session=True)
print("ready", flush=True)
time.sleep(600)
"""


def test_nothing_survives_a_stop(token: str, printer: Printer, lines: list[str]) -> None:
    """Not even what ignores TERM, nor its own child in another session."""
    child = Child(Spec("stubborn", python(STUBBORN)), printer)
    child.start()
    wait_for(lambda: len(lines) == 2)
    assert len(family(token)) == 2
    stop([child], token, grace=0.2)
    assert family(token) == []


def test_what_is_last_is_stopped_after_the_others(
    token: str, printer: Printer, lines: list[str]
) -> None:
    code = (
        "import signal, sys, time\n"
        "bye = lambda *_: (print(time.monotonic_ns(), flush=True), sys.exit(0))\n"
        "signal.signal(signal.SIGTERM, bye)\n"
        "print('ready', flush=True); time.sleep(600)"
    )
    children = [
        Child(Spec("redis", python(code), last=True), printer),
        Child(Spec("web", python(code)), printer),
    ]
    for child in children:
        child.start()
    wait_for(lambda: len(lines) == 2)
    stop(children, token)
    wait_for(lambda: len(lines) == 4)
    ended = {line.split()[0]: int(line.split()[-1]) for line in lines[2:]}
    assert ended["web"] < ended["redis"]


def test_the_guardian_ends_everything_when_its_supervisor_is_killed(token: str) -> None:
    """One process that it was told of but that hides its mark, as Redis does, and one with it."""
    marked = subprocess.Popen(python("import time; time.sleep(600)"))
    hidden = subprocess.Popen(python("import time; time.sleep(600)"), env={"PATH": "/bin"})
    guardian = subprocess.Popen(
        [sys.executable, "-m", "config.guardian", token],
        stdin=subprocess.PIPE, text=True, env={"PATH": "/bin"},
        cwd=Path(__file__).parent.parent.parent,
    )  # fmt: skip
    guardian.communicate(f"{hidden.pid}\n", timeout=30)  # closes the pipe, as a death does
    assert marked.wait(timeout=10) < 0
    assert hidden.wait(timeout=10) < 0
    assert not psutil.pid_exists(guardian.pid)
