"""Raters who prefer a position rather than a response."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from arena.models import Population
from arena.selectors import position_biases


class Command(BaseCommand):
    help = "Tests for each rater whether the first of two responses is preferred too often."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--least", type=int, default=20, help="votes that a rater must have")
        parser.add_argument(
            "--population", choices=Population.values, default=Population.PEOPLE.value
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found = sorted(
            position_biases(population=options["population"], least=options["least"]),
            key=lambda bias: bias.p,
        )
        if not found:
            self.stdout.write(f"No rater has {options['least']} votes that prefer one of two.")
            return
        self.stdout.write("rater     votes   A first         p   p of all (Bonferroni)")
        for bias in found:
            of_all = min(1.0, bias.p * len(found))
            self.stdout.write(
                f"{bias.rater:<8d}{bias.votes:>7d}{bias.share:>9.0%}{bias.p:>11.4f}{of_all:>11.4f}"
            )
