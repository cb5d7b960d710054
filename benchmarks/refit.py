"""A refit as the worker does it: from the rows of the database to stored leaderboards.

    python -m benchmarks.refit [--repeats 5] [--largest]

Each step apart, in milliseconds, best of several rounds, on SQLite in a temporary folder:

    read       rows of the database as Python values
    count      rows to arrays, and arrays to comparisons
    BT         fit and sandwich intervals of Bradley-Terry; PL: of Plackett-Luce
    board      those and the standings
    digest     the hash of the counted votes
    refresh    all of it for all methods and both populations that have votes, storing included

`--largest` adds a million votes of three on 150 contenders, where almost every vote is a kind of
its own.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.ranking import Arrays, pairs, rankings

CASES = (
    ("200 contenders, every pair and outcome", pairs, 1_000_000, 200),
    ("100 contenders, rankings of three", rankings, 230_000, 100),
)
LARGEST = ("150 contenders, a million rankings of three", rankings, 1_000_000, 150)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--largest", action="store_true")
    options = parser.parse_args()
    if "OPENBLAS_NUM_THREADS" not in os.environ:  # read when numpy is imported: begin again
        again = [sys.executable, "-m", "benchmarks.refit", *sys.argv[1:]]
        os.execve(sys.executable, again, os.environ | {"OPENBLAS_NUM_THREADS": "1"})
    print("| case | tallies | read | count | BT | PL | board, BT | digest | refresh |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        _set_up(home)
        for name, votes, number, contenders in (*CASES, *([LARGEST] if options.largest else [])):
            tallies = _fill(votes(number, contenders), contenders)
            figures = " | ".join(f"{value:,.1f}" for value in _measure(options.repeats))
            print(f"| {name} | {tallies:,} | {figures} |", flush=True)


def _set_up(home: str) -> None:
    os.environ |= {"ARENA_HOME": home, "DJANGO_SETTINGS_MODULE": "config.settings"}
    os.environ.pop("DATABASE_URL", None)
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def _fill(votes: Arrays, contenders: int) -> int:
    """Tallies of these votes instead of those there are; their number."""
    from arena.models import Contender, Population
    from ranking.counting import ALL
    from ranking.models import EloRating, Tally

    Contender.objects.all().delete()
    Tally.objects.all().delete()
    Contender.objects.bulk_create(
        Contender(slug=f"contender-{number}", name=f"Contender {number}", backend="local")
        for number in range(contenders)
    )
    ids = np.array(Contender.objects.order_by("pk").values_list("pk", flat=True))
    EloRating.objects.bulk_create(
        EloRating(contender_id=one, population=population, rating=1000.0)
        for one in ids.tolist()
        for population in (Population.PEOPLE, ALL)
    )
    lineups, ranks, counts = _kinds(votes)
    Tally.objects.bulk_create(
        (
            Tally(population=Population.PEOPLE, lineup=lineup, ranks=places, count=count)
            for lineup, places, count in zip(
                map(_joined, ids[lineups].tolist()),
                map(_joined, ranks.tolist()),
                counts.tolist(),
                strict=True,
            )
        ),
        batch_size=5_000,
    )
    return len(counts)


def _kinds(votes: Arrays) -> tuple[Any, Any, Any]:
    """Line-ups (N, m) in ascending order, their ranks and how many votes are alike."""
    if "items" in votes:
        items, ranks = votes["items"], votes["ranks"]
    else:
        items = np.stack([votes["left"], votes["right"]], axis=1)
        ranks = 1 + np.stack([votes["outcome"] == 0.0, votes["outcome"] == 1.0], axis=1)
    order = items.argsort(axis=1)
    table = [np.take_along_axis(values, order, axis=1) for values in (items, ranks)]
    kinds, counts = np.unique(np.hstack(table), axis=0, return_counts=True)
    lineups, ranks = np.hsplit(kinds, 2)
    return lineups, ranks, counts


def _joined(numbers: list[int]) -> str:
    return "-".join(map(str, numbers))


def _measure(repeats: int) -> list[float]:
    from arena.categories import OVERALL
    from ranking import selectors, services
    from ranking.boards import rank_contenders
    from ranking.counting import Slice, SliceCounts
    from ranking.estimators import BradleyTerry, PlackettLuce
    from ranking.models import Leaderboard, Tally
    from ranking.tallies import Tallies

    part = Slice(OVERALL, "people")
    chosen = Tally.objects.filter(category=part.category, population=part.population, count__gt=0)
    rows = list(chosen.values_list("lineup", "ranks", "count"))
    counts = SliceCounts(Tallies.read(rows))
    comparisons, who = counts.tallies.comparisons, selectors.contenders_in(counts)
    slugs = {one: found.slug for one, found in who.items()}

    def digest() -> None:
        counts.tallies.as_json(
            {one: f"{slug}-{time.perf_counter()}" for one, slug in slugs.items()}
        )

    def refresh() -> None:
        Leaderboard.objects.all().delete()
        services.refresh_leaderboards()

    return [
        _best(step, repeats)
        for step in (
            lambda: list(chosen.values_list("lineup", "ranks", "count")),
            lambda: Tallies.read(rows).comparisons,
            lambda: BradleyTerry().fit(comparisons).intervals(),
            lambda: PlackettLuce().fit(comparisons).intervals(),
            lambda: rank_contenders("bradley-terry", counts, who),
            digest,
            refresh,
        )
    ]


def _best(step: Callable[[], object], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        begun = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - begun)
    return 1e3 * min(seconds)


if __name__ == "__main__":
    main()
