"""`agreement`: how far raters agree who judged the same items."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from arena.categories import OVERALL
from arena.errors import ArenaError
from arena.models import Population
from ranking.counting import ALL
from ranking.selectors.agreement import LEAST_SHARED, Agreement, Spread, agreement


class Command(BaseCommand):
    help = (
        "Say how far raters agree who judged the same item: the same responses of the same "
        "contenders to the same prompts (of imported votes without responses: the same prompts "
        "and contenders)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--category", default=OVERALL)
        parser.add_argument(
            "--population", choices=[*Population.values, ALL], default=Population.PEOPLE
        )
        parser.add_argument(
            "--raters", action="store_true", help="also each rater, the suspicious ones first"
        )
        parser.add_argument("--format", choices=["table", "json"], default="table")

    def handle(self, **options: Any) -> None:
        try:
            found = agreement(population=options["population"], category=options["category"])
        except ArenaError as error:
            raise CommandError(error.reason) from error
        if options["format"] == "json":
            self.stdout.write(json.dumps(_json(found, options["raters"]), indent=2))
        elif found.items:
            self._table(found, options["raters"])
        if not found.items:
            self.stderr.write(
                "No two raters judged the same item, so nothing can be said of their agreement."
            )

    def _table(self, found: Agreement, raters: bool) -> None:
        self.stdout.write(
            f"{found.items:,} items judged by at least two of {found.raters:,} raters, "
            f"in {found.judgements:,} votes on {found.comparisons:,} comparisons."
        )
        for label, value in (
            ("Krippendorff's alpha, nominal", _figure(found.alpha)),
            ("Krippendorff's alpha, ordinal", _figure(found.ordinal)),
            ("Cohen's kappa of two raters", _spread(found.kappas, "pairs")),
            ("Agreement with the crowd", _spread(found.crowd, "raters")),
            ("the same, all judgements", _figure(found.pooled)),
            ("the same by chance", _figure(found.chance)),
        ):
            self.stdout.write(f"{label:<30} {value}")
        if raters:
            self._raters(found)

    def _raters(self, found: Agreement) -> None:
        width = max((len(one.name) for one in found.by_rater), default=5)
        self.stdout.write(
            f"\n{'rater':<{width}} {'votes':>7} {'shared':>7} {'agrees':>7}  interval"
        )
        for one in found.by_rater:
            share, lower, upper, total = one.agreement
            self.stdout.write(
                f"{one.name:<{width}} {one.votes:>7} {total:>7} {share:>7.1%}  "
                f"{lower:.1%} – {upper:.1%}{'  suspicious' if one.suspicious else ''}"
            )


def _figure(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"


def _spread(spread: Spread | None, of: str) -> str:
    if spread is None:
        return f"none share {LEAST_SHARED} comparisons"
    return (
        f"{spread.middle:.3f} (median of {spread.number} {of}; "
        f"half of them {spread.low:.3f} – {spread.high:.3f})"
    )


def _json(found: Agreement, raters: bool) -> dict[str, Any]:
    shown = found._asdict()
    for name in ("kappas", "crowd"):
        shown[name] = shown[name] and shown[name]._asdict()
    del shown["by_rater"]
    if raters:
        shown["by_rater"] = [
            one._asdict() | {"agreement": one.agreement._asdict()} for one in found.by_rater
        ]
    return shown
