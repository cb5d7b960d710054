"""Takes the screenshots of the documentation from a running arena, in a real browser.

    make run                                   # in another terminal
    .venv/bin/python docs/make_screenshots.py  # --help lists the options

It starts one battle of two and one of three as an anonymous rater and votes in both, so run it
on an arena whose votes may be mixed with these; `manage.py simulate_raters` before it fills the
leaderboard, which is shown with all votes. With ARENA_ADMIN_PASSWORD set (and, if it is not
"admin", ARENA_ADMIN_NAME) it also shows the pages of the lab.
"""

import argparse
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, StorageState, ViewportSize, expect, sync_playwright

PROMPT = "Why is the sky blue, and why is it red in the evening?"
ANSWERED_WITHIN_MS = 300_000
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
DESKTOP = ViewportSize(width=1440, height=900)
PHONE = ViewportSize(width=390, height=844)
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")


class Camera:
    """Opens pages of one arena and keeps pictures of them."""

    def __init__(self, browser: Browser, url: str, out: Path) -> None:
        self._browser, self._url, self._out = browser, url.rstrip("/"), out
        self._storage: StorageState | None = None

    @contextmanager
    def page(self, path: str, *, scheme: Scheme = "light", phone: bool = False) -> Iterator[Page]:
        context = self._browser.new_context(
            viewport=PHONE if phone else DESKTOP,
            color_scheme=scheme,
            device_scale_factor=2 if phone else 1,
            storage_state=self._storage,
        )
        page = context.new_page()
        page.goto(self._url + path)
        yield page
        self._storage = context.storage_state()
        context.close()

    def keep(self, page: Page, name: str, *, whole: bool = False) -> None:
        page.screenshot(path=self._out / f"{name}.png", full_page=whole, animations="disabled")
        print(self._out / f"{name}.png")

    def show(self, path: str, name: str, *, phone: bool = False) -> None:
        """One page in both colour schemes."""
        for scheme in SCHEMES:
            with self.page(path, scheme=scheme, phone=phone) as page:
                self.keep(page, f"{name}-{'phone-' if phone else ''}{scheme}", whole=phone)


def begin(page: Page, *, size: str) -> None:
    page.get_by_label("Your prompt").fill(PROMPT)
    page.get_by_role("radio", name=size).check()
    page.get_by_role("button", name="Start the battle").click()
    page.wait_for_url("**/battles/*/")


def finished(page: Page) -> None:
    ballot = page.locator("[data-ballot] fieldset:not([disabled])")
    expect(ballot).to_be_visible(timeout=ANSWERED_WITHIN_MS)


def rank(page: Page) -> None:
    """B first, A and C second, each letter on its place."""
    for letter, place in zip("ABC", ("2nd", "1st", "2nd"), strict=True):
        row = page.get_by_role("radiogroup", name=f"response {letter}")
        row.get_by_role("radio", name=place).check()


def show_battles(camera: Camera) -> None:
    with camera.page("/") as page:
        begin(page, size="Two")
        expect(page.locator('[data-state="streaming"]')).to_have_count(2, timeout=60_000)
        camera.keep(page, "streaming")
        finished(page)
        path = page.url[page.url.index("/battles/") :]
        camera.keep(page, "battle-light")
    with camera.page(path, scheme="dark") as page:
        camera.keep(page, "battle-dark")
        page.get_by_role("button", name="A is better").click()
        expect(page.locator("#reveal")).to_be_visible()
        camera.keep(page, "reveal-dark", whole=True)
    with camera.page(path) as page:
        camera.keep(page, "reveal-light", whole=True)
    camera.show(path, "reveal", phone=True)
    with camera.page("/") as page:
        begin(page, size="Three")
        expect(page.locator('[data-state="streaming"]')).to_have_count(3, timeout=60_000)
        camera.keep(page, "streaming-three")
        path = page.url[page.url.index("/battles/") :]
        with camera.page(path, phone=True) as phone:
            camera.keep(phone, "streaming-phone")
        finished(page)
        rank(page)
        camera.keep(page, "ranking-light")
        page.get_by_role("button", name="Shortcuts").click()
        camera.keep(page, "shortcuts")
    with camera.page(path, scheme="dark") as page:
        rank(page)
        camera.keep(page, "ranking-dark")
    for scheme in SCHEMES:
        with camera.page(path, scheme=scheme, phone=True) as page:
            rank(page)
            camera.keep(page, f"ranking-phone-{scheme}", whole=True)


def show_lab(camera: Camera, password: str) -> None:
    with camera.page("/login/") as page:
        page.get_by_label("Username").fill(os.environ.get("ARENA_ADMIN_NAME", "admin"))
        page.get_by_label("Password").fill(password)
        page.get_by_role("main").get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/")
    camera.show("/lab/", "lab")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "screenshots")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium")
    if chromium is None:
        parser.error("There is no chromium on the PATH. Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        camera = Camera(browser, options.url, options.out)
        show_battles(camera)
        camera.show("/components/", "components")
        camera.show("/", "home")
        camera.show("/", "home", phone=True)
        camera.show("/leaderboard/?population=all", "leaderboard")
        camera.show("/leaderboard/?population=all", "leaderboard", phone=True)
        if password := os.environ.get("ARENA_ADMIN_PASSWORD"):
            show_lab(camera, password)
        browser.close()


if __name__ == "__main__":
    main()
