"""`manage.py train STAGE`: a run in the foreground, with a progress bar. Needs nothing running."""

import signal
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from arena.errors import ArenaError
from arena.models import Population
from rlhf import services
from rlhf.forms import parse_setting
from rlhf.models import Job, Run
from rlhf.selectors import seconds_left
from rlhf.stages import PRESETS, STAGES, list_knobs
from rlhf.templatetags.lab import duration, figure

BAR = 30


def _assignment(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ArgumentTypeError(f"{text!r} is no setting: write NAME=VALUE.")
    try:
        return name.strip(), parse_setting(value)
    except ArenaError as refusal:
        raise ArgumentTypeError(refusal.reason) from None


class Command(BaseCommand):
    help = "Train a reward model, or update a contender against one, and wait for it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("stage", choices=list(STAGES))
        parser.add_argument("--base", help="Slug of a local contender; the oldest by default.")
        parser.add_argument(
            "--dataset", type=int, help="Else votes are frozen afresh, or the newest text is taken."
        )
        parser.add_argument(
            "--reward-run", type=int, help="By default the one of best held-out accuracy."
        )
        parser.add_argument(
            "--population",
            default=Population.PEOPLE,
            choices=[*Population.values, "all"],
            help="Whose votes; people's by default.",
        )
        parser.add_argument(
            "--resume",
            type=int,
            metavar="RUN",
            help="Go on with this run, which was cut short; everything else is as it was.",
        )
        parser.add_argument(
            "--repeat",
            type=int,
            metavar="RUN",
            help="Start this run again, which was cut short and kept nothing; as a new run.",
        )
        parser.add_argument("--preset", default="standard", choices=list(PRESETS))
        parser.add_argument(
            "--set",
            dest="assignments",
            metavar="NAME=VALUE",
            type=_assignment,
            action="append",
            default=[],
            help="A setting; may be given several times. --list-settings shows them.",
        )
        parser.add_argument(
            "--list-settings", action="store_true", help="List the stage's settings and stop."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        stage: str = options["stage"]
        if options["list_settings"]:
            for knob in list_knobs(stage):
                limits = f", {knob.limits}" if knob.limits else ""
                self.stdout.write(f"{knob.name}: {knob.meaning} (default {knob.default}{limits})")
            return
        try:
            run = self._chosen(stage, options)
        except ArenaError as refusal:
            raise CommandError(refusal.reason) from refusal
        self._follow(run)
        self._report(run)

    def _chosen(self, stage: str, options: dict[str, Any]) -> Run:
        if options["resume"]:
            return self._resumed(stage, options)
        if options["repeat"]:
            return services.recreate_run(self._found(stage, options["repeat"]))
        return self._new(stage, options)

    def _new(self, stage: str, options: dict[str, Any]) -> Run:
        return services.create_run(
            stage=stage,
            base=options["base"],
            dataset=options["dataset"],
            reward_run=options["reward_run"],
            population=options["population"],
            preset=options["preset"],
            settings=dict(options["assignments"]),
        )

    def _resumed(self, stage: str, options: dict[str, Any]) -> Run:
        run = self._found(stage, options["resume"])
        # One that still looks alive is followed: whoever does so finds its process, or starts one.
        return services.reopen_run(run) if run.ended else run

    def _found(self, stage: str, pk: int) -> Run:
        run = Run.objects.filter(pk=pk, stage=stage).first()
        if run is None:
            raise CommandError(f"There is no run {pk} of the stage {stage}.")
        return run

    def _follow(self, run: Run) -> None:
        asked: list[int] = []
        bar = _Bar(self)
        before = {
            number: signal.signal(number, lambda received, _: asked.append(received))
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            services.follow_run(run.pk, announce=bar.show, stop=lambda: bool(asked))
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            bar.close()
        run.refresh_from_db()

    def _report(self, run: Run) -> None:
        if run.state != Job.State.SUCCEEDED:
            how = {"failed": "failed", "cancelled": "was cancelled"}
            said = how.get(run.state, f"has not ended yet ({run.state})")
            raise CommandError(f"{run} {said}. {run.error}".strip())
        for name, value in run.summary.get("metrics", {}).items():
            if isinstance(value, int | float):
                plain = figure(value).replace("\N{MINUS SIGN}", "-")  # programs may read it
                self.stdout.write(f"{name}: {plain}")
        self.stdout.write(f"{run} succeeded: {run.folder / 'checkpoint'}")
        if run.contender:
            self.stdout.write(f"It is in the arena as {run.contender.slug}.")
        for refusal in run.refusals:
            self.stdout.write(self.style.WARNING(f"Not entered: {refusal}"))


class _Bar:
    """One line that is written over on a terminal; elsewhere a line per phase."""

    def __init__(self, command: BaseCommand) -> None:
        self.out, self.phase, self.drawn = command.stderr, "", False
        self.terminal = self.out.isatty()

    def show(self, run: Run) -> None:
        if run.ended:
            return
        left = seconds_left(run)
        time = f", about {duration(left)} left" if left is not None else ""
        step = f" {run.step}/{run.total}" if run.total else ""
        line = f"{run.progress:4.0%} {run.phase}{step}{time}"
        if self.terminal:
            full = round(BAR * run.progress)
            self.out.write(f"\r{'█' * full}{'░' * (BAR - full)} {line:<60}", ending="")
            self.drawn = True
        elif run.phase != self.phase:
            self.out.write(line)
        self.phase = run.phase

    def close(self) -> None:
        if self.drawn:
            self.out.write("")
