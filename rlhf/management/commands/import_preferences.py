"""`manage.py import_preferences FILE`: somebody else's preferences as a dataset to train on."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from arena.errors import ArenaError
from rlhf import services
from rlhf.importing import FILE_FORMATS


class Command(BaseCommand):
    help = "Make a frozen dataset of a preference file: TRL, HH-RLHF, LLaMA-Factory or LMSYS."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="JSON Lines, a JSON array or Parquet.")
        parser.add_argument(
            "--format", choices=FILE_FORMATS, help="Told by the first row unless given."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            dataset = services.import_preferences(
                path=options["file"], file_format=options["format"]
            )
        except ArenaError as refusal:
            raise CommandError(refusal.reason) from refusal
        self.stdout.write(
            f"Dataset {dataset.pk}: {dataset.rows} rankings ({dataset.test_rows} test) in "
            f"{dataset.folder}. Train on it: manage.py train reward --dataset {dataset.pk}"
        )
