"""The product's whole job on the real model, in a browser, as `make run` serves it.

Two battles → votes → leaderboard → more votes by simulated raters → dataset downloaded → reward
model → update → the new contender answers in a battle.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.conftest import FLAGS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).parent.parent.parent
PATIENT_MS = 600_000  # the longest that a step of the loop may take on two busy cores


class Arena:
    """`make run`'s supervisor in a home of its own."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = home / "supervisor.log"
        self.env = {
            name: value
            for name, value in os.environ.items()
            if name not in {"REDIS_URL", "DATABASE_URL", "DJANGO_SETTINGS_MODULE"}
        } | {"ARENA_HOME": str(home), "PORT": str(port), "OMP_WAIT_POLICY": "PASSIVE"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "config.supervisor"],
            cwd=ROOT, env=self.env, stdout=self.log.open("wb"), stderr=subprocess.STDOUT,
        )  # fmt: skip

    def wait_for(self, pattern: str) -> str:
        """The first group of `pattern` in the supervisor's output, once it is there."""
        deadline = time.monotonic() + PATIENT_MS / 1000
        while time.monotonic() < deadline:
            text = self.log.read_text(errors="replace")
            if found := re.search(pattern, text):
                return found.group(1)
            assert self.process.poll() is None, text
            time.sleep(0.2)
        pytest.fail(f"{pattern!r} did not come:\n{self.log.read_text(errors='replace')}")

    def manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def stop(self) -> list[psutil.Process]:
        """Stops it as Ctrl-C does; returns what is left of its processes."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=60)
        return [process for process in family if process.is_running()]


@pytest.fixture(scope="module")
def arena() -> Iterator[Arena]:
    home = Path(tempfile.mkdtemp(prefix="arena-loop-"))
    running = Arena(home)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


def begin(page: Page, arena: Arena, *, prompt: str, size: int) -> None:
    page.goto(f"{arena.url}/")
    page.get_by_label("Your prompt").fill(prompt)
    page.get_by_role("radio", name="Three" if size == 3 else "Two").check()
    page.get_by_role("button", name="Start the battle").click()
    page.wait_for_url("**/battles/*/")


def finished(page: Page) -> None:
    ballot = page.locator("[data-ballot] fieldset:not([disabled])")
    expect(ballot).to_be_visible(timeout=PATIENT_MS)
    for text in page.locator("[data-text]").all():
        assert text.inner_text().strip()


def votes_on_the_leaderboard(page: Page, arena: Arena, number: int) -> None:
    page.goto(f"{arena.url}/leaderboard/")
    expect(page.get_by_text(re.compile(rf"^\s*{number} votes? "))).to_be_visible(timeout=20_000)


def ended_well(page: Page) -> None:
    """Waits on a run's page, which refreshes itself, until the run is over."""
    expect(page.locator("#live[data-state=ended]")).to_be_visible(timeout=PATIENT_MS)
    expect(page.locator("#live .badge").first).to_have_text("succeeded")


def test_from_two_battles_to_a_new_contender_in_a_battle(
    arena: Arena, chromium: Browser, tmp_path: Path
) -> None:
    password = arena.wait_for(r"password {2,}(\S+)")
    arena.wait_for(r"(ready after)")
    complaints: list[str] = []
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))

    # People: a battle of two and one of three.
    begin(page, arena, prompt="Give me three tips for sleeping better.", size=2)
    finished(page)
    page.get_by_role("button", name="A is better").click()
    expect(page.locator("#reveal")).to_contain_text("Elo 1000 → 1002", timeout=20_000)
    votes_on_the_leaderboard(page, arena, 1)
    begin(page, arena, prompt="What is a rainbow?", size=3)
    finished(page)
    for letter, place in zip("ABC", ("2nd", "1st", "2nd"), strict=True):
        row = page.locator(f".ranking__row[data-letter={letter}]")
        row.get_by_role("radio", name=place).check()
    page.get_by_role("button", name="Vote", exact=True).click()
    expect(page.locator("#reveal")).to_contain_text("→", timeout=20_000)
    votes_on_the_leaderboard(page, arena, 2)

    # Simulated raters: enough votes to learn from, kept apart from people's.
    arena.manage("simulate_raters", "--votes", "20", "--preference", "concise", "--seed", "1")
    votes_on_the_leaderboard(page, arena, 2)
    page.goto(f"{arena.url}/leaderboard/?population=simulated")
    expect(page.get_by_text(re.compile(r"^\s*20 votes "))).to_be_visible(timeout=20_000)

    # The operator: a dataset from the admin.
    page.goto(f"{arena.url}/login/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(password)
    page.locator("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.goto(f"{arena.url}/admin/rlhf/dataset/add/")
    page.locator("#id_format").select_option("ranking")
    page.locator("#id_population").select_option("all")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(re.compile(r"/admin/rlhf/dataset/(\d+/change/)?$"))
    page.goto(f"{arena.url}/lab/datasets/1/")
    with page.expect_download(timeout=PATIENT_MS) as download:
        page.get_by_role("link", name="Download").click(timeout=PATIENT_MS)
    download.value.save_as(tmp_path / "rankings.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "rankings.jsonl").read_text().splitlines()]
    assert len(rows) == 22
    assert {"prompt", "responses", "ranks", "split"} <= set(rows[0])

    # A reward model, and an update against it.
    page.goto(f"{arena.url}/lab/")
    form = page.locator("#reward-form")
    form.get_by_label("Who voted").select_option("all")
    form.get_by_label("How thorough").select_option("quick")
    form.get_by_role("button", name="Train the reward model").click()
    page.wait_for_url("**/lab/runs/*/")
    ended_well(page)
    page.goto(f"{arena.url}/lab/")
    form = page.locator("#update-form")
    form.get_by_label("How thorough").select_option("quick")
    form.locator("summary").click()
    form.get_by_role("textbox", name="Settings of your own").fill(
        "n = 3\ntrain_prompts = 12\nevaluation_prompts = 6\nmax_new_tokens = 32"
    )
    form.get_by_role("button", name="Train the update").click()
    page.wait_for_url("**/lab/runs/*/")
    ended_well(page)
    if page.get_by_role("button", name="Enter anyway").count():
        page.get_by_label("Why", exact=True).fill("to see it in a battle")
        page.get_by_role("button", name="Enter anyway").click()
    expect(page.get_by_text("is in the arena and is drawn for battles")).to_be_visible()

    # It answers: with only it and its parent active, every battle draws it.
    page.goto(f"{arena.url}/admin/arena/contender/")
    names = page.locator("#result_list .field-name").all_inner_texts()
    assert len(names) == 6
    parent = page.locator("#result_list .field-name").first.inner_text()
    for row in page.locator("#result_list tbody tr").all():
        name = row.locator(".field-name").inner_text()
        if name in {"Smol Concise", "Smol Teacher", "Smol Lists", "Smol Lively"}:
            row.locator("input.action-select").check()
    assert parent
    page.get_by_label("Action:").select_option("deactivate")
    with page.expect_navigation():
        page.get_by_role("button", name="Run").or_(page.get_by_role("button", name="Go")).click()
    begin(page, arena, prompt="Why do cats purr?", size=2)
    finished(page)
    page.get_by_role("button", name="Tie").click()
    reveal = page.locator("#reveal")
    expect(reveal).to_contain_text("Smol Plain", timeout=20_000)
    new = next(name for name in names if not re.fullmatch(r"Smol \w+", name))
    expect(reveal).to_contain_text(new)
    early = "WebSocket is closed before the connection is established"  # a page left at once
    assert [complaint for complaint in complaints if early not in complaint] == []
    assert arena.stop() == []
