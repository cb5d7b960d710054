"""`manage.py import_texts FILE`: documents as a dataset for continued pretraining."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from arena.errors import ArenaError
from rlhf import services


class Command(BaseCommand):
    help = "Make a frozen dataset of a file of documents, for continued pretraining."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="Plain text, JSON Lines with text, Parquet.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            dataset = services.import_texts(path=options["file"])
        except ArenaError as refusal:
            raise CommandError(refusal.reason) from refusal
        self.stdout.write(
            f"Dataset {dataset.pk}: {dataset.rows} documents ({dataset.test_rows} test) in "
            f"{dataset.folder}. Train on it: manage.py train pretrain --dataset {dataset.pk}"
        )
