"""`simulate_raters`: programs that battle and vote in the running arena."""

import asyncio
import os
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from arena.models import ApiToken, Prompt
from arena.selectors import token_digest
from arena.services import create_token
from arena.simulation import (
    PREFERENCES,
    Outcome,
    Preference,
    Simulation,
    SimulationError,
    find_preference,
    simulate,
)

USERNAME = "simulator"
BAR = 30
LIBRARY = Path(settings.BASE_DIR) / "arena" / "fixtures" / "prompts.jsonl"


class Command(BaseCommand):
    help = (
        "Simulated raters hold battles in the running arena through its public API and socket, "
        "and vote as their preference says. Their votes are marked simulated."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--votes", type=_from(int, 1), required=True)
        parser.add_argument("--size", type=int, choices=[2, 3], default=2)
        parser.add_argument(
            "--preference",
            type=_preference,
            default="concise",
            metavar="NAME|module:function",
            help=f"{', '.join(PREFERENCES)}, or a function (prompt, response) -> float",
        )
        parser.add_argument(
            "--consistency",
            type=_from(float, 0, 1),
            default=0.8,
            help="how often a vote is the preferred order; else it is another one, drawn by lot",
        )
        parser.add_argument(
            "--thumbs",
            type=_from(float, 0, 1),
            default=0.2,
            help="share of the responses that get a thumb: up for what is liked best, down for "
            "what is liked least, and wrong as often as a vote",
        )
        parser.add_argument("--concurrency", type=_from(int, 1), default=16)
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--url", type=_origin, default=f"http://127.0.0.1:{settings.PORT}")
        parser.add_argument(
            "--token",
            default=os.environ.get("ARENA_TOKEN"),
            help="an API token (or ARENA_TOKEN); without one, one is made for this run",
        )

    def handle(self, **options: Any) -> None:
        outcome = Outcome()
        with _token(options["token"]) as token:
            simulation = Simulation(
                url=options["url"],
                token=token,
                prompts=_prompts(),
                **{
                    name: options[name]
                    for name in (
                        "preference",
                        "votes",
                        "size",
                        "consistency",
                        "thumbs",
                        "concurrency",
                    )
                },
                seed=options["seed"],
            )
            self._run(simulation, outcome)

    def _run(self, simulation: Simulation, outcome: Outcome) -> None:
        show = self._bar(outcome, simulation.votes) if self.stderr.isatty() else lambda: None
        try:
            asyncio.run(simulate(simulation, outcome, show))
        except SimulationError as error:
            self._report(outcome)
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self._report(outcome)
            self.stderr.write("Stopped.")
            sys.exit(130)
        self._report(outcome)

    def _bar(self, outcome: Outcome, total: int) -> Callable[[], None]:
        def show() -> None:
            bar = "#" * (BAR * outcome.votes // total)
            text = f"\r[{bar:<{BAR}}] {outcome.votes}/{total} votes, {outcome.failures} failures"
            self.stderr.write(text, ending="\n" if outcome.votes == total else "")

        return show

    def _report(self, outcome: Outcome) -> None:
        self.stdout.write(
            f"{outcome.votes} votes and {outcome.failures} failures in {outcome.seconds:.1f} s."
        )
        self.stdout.write(f"{outcome.thumbs_up} thumbs up and {outcome.thumbs_down} down.")
        for reason in outcome.reasons:
            self.stderr.write(f"Failed: {reason}")
        for name, battles in sorted(
            outcome.battles.items(), key=lambda item: (-outcome.first[item[0]] / item[1], item[0])
        ):
            first = outcome.first[name]
            self.stdout.write(
                f"{name}: first in {first} of {battles} battles ({first / battles:.0%})"
            )


@contextmanager
def _token(given: str | None) -> Iterator[str]:
    """The given token; or one of the user `simulator` that is gone afterwards."""
    if given:
        yield given
        return
    try:
        user, new = get_user_model().objects.get_or_create(username=USERNAME)
        if new:
            user.set_unusable_password()
            user.save()
        token = create_token(user=user)
    except DatabaseError as error:
        raise CommandError(
            f"No token can be made, as the database cannot be used ({error}). Give one with "
            "--token or ARENA_TOKEN; `manage.py create_token` makes one."
        ) from error
    try:
        yield token
    finally:
        ApiToken.objects.filter(digest=token_digest(token)).delete()


def _prompts() -> list[str]:
    """The library's prompts, from the database or from the file that it comes from."""
    try:
        stored = list(Prompt.objects.filter(active=True).values_list("text", flat=True))
    except DatabaseError:
        stored = []
    return stored or [orjson.loads(line)["text"] for line in LIBRARY.read_bytes().splitlines()]


def _origin(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/"):
        raise ArgumentTypeError(f"{url!r} is not an address such as http://127.0.0.1:8000")
    return f"{parts.scheme}://{parts.netloc}"


def _preference(name: str) -> Preference:
    try:
        return find_preference(name)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def _from(kind: type[int] | type[float], least: float, most: float = float("inf")) -> Any:
    def parse(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = kind(least) - 1
        if not least <= value <= most:
            limits = f"from {least:g}" + (f" to {most:g}" if most != float("inf") else "")
            name = "whole number" if kind is int else "number"
            raise ArgumentTypeError(f"{text!r} is not a {name} {limits}")
        return value

    return parse
