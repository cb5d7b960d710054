"""`manage.py export_preferences`: votes and thumbs as training data, into a file or a pipe."""

import json
import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from arena.errors import ArenaError
from arena.models import Population
from rlhf.exporting import CONTAINERS, FORMATS, get_format, why_no_rows, write_file, write_rows
from rlhf.selection import CHOICES, Selection
from rlhf.selectors import check_selection

# The options that name a field of the selection, as argparse knows them.
LISTS = {"categories": "--category", "tags": "--tag", "contenders": "--contender"}
LISTS |= {"without": "--without", "modes": "--mode", "leave_out": "--leave-out"}


class Command(BaseCommand):
    help = (
        "Write the chosen votes (or thumbs) as training data, one JSON object a line. Without any "
        "row no file is made, and it fails with the reason."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", required=True, choices=list(FORMATS))
        parser.add_argument("--output", required=True, help="A file, or - for standard output.")
        parser.add_argument(
            "--container",
            choices=CONTAINERS,
            help="File type; by the name of the file (.parquet), else jsonl.",
        )
        parser.add_argument(
            "--selection",
            type=Path,
            metavar="FILE",
            help="The selection of a manifest.json, to make its rows again; options add to it.",
        )
        self._add_selection(parser)

    def _add_selection(self, parser: ArgumentParser) -> None:
        chosen = parser.add_argument_group("which votes; without any, those of people that count")
        chosen.add_argument(
            "--population", choices=[*Population.values, "all"], help="Whose votes; people's."
        )
        chosen.add_argument("--since", help="First day, such as 2026-01-31 (UTC).")
        chosen.add_argument("--until", help="Last day.")
        for name, option in LISTS.items():
            chosen.add_argument(
                option,
                dest=name,
                action="append",
                choices=CHOICES.get(name),
                help="May be given several times.",
            )
        chosen.add_argument("--raters", choices=CHOICES["raters"])
        chosen.add_argument("--votes", choices=CHOICES["votes"], help="Those that count.")
        chosen.add_argument(
            "--least-seconds", type=int, help="Leave out votes cast sooner after the battle began."
        )
        chosen.add_argument("--last-vote", type=int, help="Leave out votes with a higher number.")
        chosen.add_argument(
            "--undisputed",
            dest="agreement",
            action="store_const",
            const="undisputed",
            help="Leave out votes that more others contradict than share.",
        )
        chosen.add_argument(
            "--scrub",
            action="store_true",
            default=None,
            help="Replace e-mail addresses, phone numbers and keys in the texts.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        form, selection = get_format(options["format"]), _selection(options)
        output = options["output"]
        by_name = "parquet" if output.endswith(".parquet") else "jsonl"
        container = options["container"] or by_name
        try:
            if output == "-":
                export = write_rows(form, selection, sys.stdout.buffer, container=container)
                sys.stdout.buffer.flush()
            else:
                export = write_file(form, selection, Path(output), container=container)
        except BrokenPipeError:
            # The reader (such as `head`) has seen enough: not an error of ours.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
        except OSError as error:
            raise CommandError(f"Cannot write {output}: {error}.") from error
        counts = export.counts
        if not export.rows:
            raise CommandError(f"Nothing to write. {why_no_rows(form, selection, counts)}")
        scrubbed = ", ".join(f"{n} {kind}" for kind, n in sorted(counts.scrubbed.items()))
        self.stderr.write(
            f"{export.rows} rows ({export.train} train, {export.test} test) "
            f"from {counts.items - counts.skipped} of {counts.items}; "
            f"{counts.skipped} without texts skipped; "
            + (f"replaced {scrubbed or 'nothing'}; " if selection.scrub else "")
            + f"sha256 {export.sha256}"
        )


def _selection(options: dict[str, Any]) -> Selection:
    names = Selection.__dataclass_fields__
    given = {name: options[name] for name in names if options.get(name) is not None}
    try:
        selection = Selection.parse({**_written_down(options["selection"]), **given})
        check_selection(selection)
    except (ValueError, ArenaError) as error:
        raise CommandError(str(error)) from error
    return selection


def _written_down(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"Cannot read {file}: {error}.") from error
    chosen = found.get("selection") if isinstance(found, dict) else None
    if not isinstance(chosen, dict):
        raise CommandError(f"{file} has no selection: give a dataset's manifest.json.")
    return chosen
