"""`manage.py import_demonstrations FILE`: responses to imitate as a dataset for finetuning."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from arena.errors import ArenaError
from rlhf import services
from rlhf.importing import DEMONSTRATION_FORMATS


class Command(BaseCommand):
    help = "Make a frozen dataset of a file of responses to imitate, for supervised finetuning."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="JSON Lines, a JSON array or Parquet.")
        parser.add_argument(
            "--format", choices=DEMONSTRATION_FORMATS, help="Told by the first row unless given."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            dataset = services.import_demonstrations(
                path=options["file"], file_format=options["format"]
            )
        except ArenaError as refusal:
            raise CommandError(refusal.reason) from refusal
        self.stdout.write(
            f"Dataset {dataset.pk}: {dataset.rows} conversations ({dataset.test_rows} test) in "
            f"{dataset.folder}. Train on it: manage.py train sft --dataset {dataset.pk}"
        )
