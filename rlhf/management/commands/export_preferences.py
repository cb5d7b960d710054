"""`manage.py export_preferences`: votes and thumbs as training data, into a file or a pipe."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from arena.models import Population
from rlhf.exporting import FORMATS, get_format, write_file, write_rows


class Command(BaseCommand):
    help = "Write the counted votes (or thumbs) as training data, one JSON object a line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", required=True, choices=list(FORMATS))
        parser.add_argument("--output", required=True, help="A file, or - for standard output.")
        parser.add_argument(
            "--population",
            default=Population.PEOPLE,
            choices=[*Population.values, "all"],
            help="Whose votes; people's by default.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        form, population = get_format(options["format"]), options["population"]
        try:
            if options["output"] == "-":
                export = write_rows(form, population, sys.stdout.buffer)
                sys.stdout.buffer.flush()
            else:
                export = write_file(form, population, Path(options["output"]))
        except BrokenPipeError:
            # The reader (such as `head`) has seen enough: not an error of ours.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
        except OSError as error:
            raise CommandError(f"Cannot write {options['output']}: {error}.") from error
        self.stderr.write(
            f"{export.rows} rows ({export.train} train, {export.test} test) "
            f"from {export.items - export.skipped} of {export.items}; "
            f"{export.skipped} without texts skipped; sha256 {export.sha256}"
        )
