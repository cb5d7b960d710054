"""`import_votes FILE --format csv|lmsys|arena140k`: votes of another arena."""

from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from arena.importing import FORMATS, FileError, ImportSummary, formats, import_votes


class Command(BaseCommand):
    help = "Import votes of another arena. Importing the same file again adds nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = formats.__doc__
        parser.add_argument("file", type=Path)
        parser.add_argument("--format", choices=FORMATS, required=True, help="see below")

    def handle(self, *, file: Path, **options: Any) -> None:
        self.live = self.stderr.isatty()
        try:
            summary = import_votes(
                path=file, file_format=options["format"], progress=self._progress
            )
        except FileError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError(
                "Stopped. What was imported so far stays; run the same command to go on."
            ) from None
        finally:
            if self.live:
                self.stderr.write("")
        self._report(summary)

    def _progress(self, done: int, total: int) -> None:
        if self.live:
            self.stderr.write(f"\rImported {done:,} of {total:,} rows", ending="")

    def _report(self, summary: ImportSummary) -> None:
        if summary.ignored_columns:
            self.stderr.write(f"Ignored columns: {', '.join(summary.ignored_columns)}")
        parts = [f"{summary.added:,} new votes"]
        if summary.known:
            parts.append(f"{summary.known:,} were there already")
        if summary.uncounted:
            parts.append(f"{summary.uncounted:,} do not count, as the names were shown")
        parts.append(f"{summary.contenders:,} new contenders")
        parts.append(f"{summary.raters:,} new raters")
        self.stdout.write(f"{summary.rows:,} rows: {', '.join(parts)}.")
