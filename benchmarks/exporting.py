"""Exports: preferences a second and peak memory, from votes with texts.

    python -m benchmarks.exporting [--votes 200000] [--home FOLDER] [--formats ranking lmsys …]

Builds a database (once, if --home names a folder) of battles between ten contenders: three in ten
have three sides, one in seven two turns, one in six ends in a tie; prompts of about 70 characters,
responses of about 430. Each format is then written to a file by a process of its own, as
`manage.py export_preferences` does it; that process also says its peak memory.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

CHUNK = 20_000
CONTENDERS = 10
RATERS = 2_000
WORDS = [f"word{number}" for number in range(2_000)]
FORMATS = ("trl-preference", "ranking", "lmsys", "trl-prompt-only", "trl-preference:parquet")
MEASURE = """
import json, resource, sys, time
from pathlib import Path
import django
django.setup()
from rlhf.exporting import get_format, write_file
from rlhf.selection import Selection
begun, busy = time.perf_counter(), time.process_time()
export = write_file(get_format(sys.argv[1]), Selection(), Path(sys.argv[2]), container=sys.argv[3])
seconds, busy = time.perf_counter() - begun, time.process_time() - busy
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([export.counts.items, export.rows, export.size, seconds, busy, peak]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--votes", type=int, default=200_000)
    parser.add_argument("--home", type=Path, help="Keeps the database for the next time.")
    parser.add_argument("--formats", nargs="+", default=FORMATS, help="NAME or NAME:parquet")
    options = parser.parse_args()
    kept = nullcontext(str(options.home)) if options.home else tempfile.TemporaryDirectory()
    with kept as home:
        Path(home).mkdir(parents=True, exist_ok=True)
        os.environ["ARENA_HOME"] = home
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        prepare(options.votes)
        print(f"{'format':<24}{'votes':>10}{'rows':>10}{'MB':>8}{'s':>8}{'CPU s':>8}", end="")
        print(f"{'votes/s':>10}{'rows/s':>10}{'peak MB':>9}")
        for name in options.formats:
            file = Path(home) / "export.jsonl"
            form, _, container = name.partition(":")
            print_row(name, measure(form, file, container or "jsonl"))
            file.unlink()


def measure(name: str, file: Path, container: str = "jsonl") -> list[float]:
    """Votes, rows, bytes, seconds, CPU seconds and peak memory (MB) of one export."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, name, str(file), container], check=True, capture_output=True
    )
    figures: list[float] = json.loads(done.stdout)
    return figures


def print_row(name: str, figures: Sequence[float]) -> None:
    votes, rows, size, seconds, busy, peak = figures
    print(f"{name:<24}{votes:>10,.0f}{rows:>10,.0f}{size / 1e6:>8,.0f}", end="")
    print(f"{seconds:>8.1f}{busy:>8.1f}", end="")
    print(f"{votes / seconds:>10,.0f}{rows / seconds:>10,.0f}{peak:>9.0f}", flush=True)


def prepare(votes: int) -> None:
    """A database with that many votes, unless it is there."""
    import django
    from django.core.management import call_command

    django.setup()
    from arena.models import Contender, Rater, Vote

    call_command("migrate", verbosity=0)
    if Vote.objects.count() == votes:
        return
    begun = time.perf_counter()
    Contender.objects.bulk_create(
        Contender(slug=f"contender-{number}", name=f"Contender {number}")
        for number in range(CONTENDERS)
    )
    Rater.objects.bulk_create(Rater(external_id=f"bench-{number}") for number in range(RATERS))
    for start in range(0, votes, CHUNK):
        _insert(start, min(CHUNK, votes - start))
    print(f"{votes:,} votes written in {time.perf_counter() - begun:.0f} s", flush=True)


def _insert(start: int, count: int) -> None:
    """A chunk of battles; the seed is its first number."""
    from django.db import transaction
    from django.db.models import Max

    from arena.importing.bulk import insert_rows
    from arena.models import Battle, Contender, Placement, Rater, Response, Turn, Vote

    dice = random.Random(start)
    before = [model.objects.aggregate(Max("pk"))["pk__max"] or 0 for model in (Placement, Turn)]
    sides = list(Contender.objects.order_by("pk").values_list("pk", flat=True))
    raters = list(Rater.objects.order_by("pk").values_list("pk", flat=True))
    ids = [UUID(bytes=dice.randbytes(16), version=4) for _ in range(count)]
    sizes = [3 if dice.random() < 0.3 else 2 for _ in ids]
    turns = [2 if dice.random() < 1 / 7 else 1 for _ in ids]
    then = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=start)
    with transaction.atomic():
        _fill(Battle, insert_rows, (
            {"id": key, "rater": dice.choice(raters), "mode": "anonymous", "state": "voted",
             "population": "people", "category": dice.choice(["coding", "facts", "writing"]),
             "signed_in": dice.random() < 0.5, "created_at": then}
            for key in ids
        ))  # fmt: skip
        _fill(Placement, insert_rows, (
            {"battle": key, "position": place, "contender": side, "rank": rank}
            for key, size in zip(ids, sizes, strict=True)
            for place, (side, rank) in enumerate(
                zip(dice.sample(sides, size), _ranks(dice, size), strict=True)
            )
        ))  # fmt: skip
        _fill(Turn, insert_rows, (
            {"battle": key, "number": number, "prompt": _text(dice, 10), "created_at": then}
            for key, asked in zip(ids, turns, strict=True)
            for number in range(1, asked + 1)
        ))  # fmt: skip
        _fill(Vote, insert_rows, (
            {"battle": key, "cast_at": then + timedelta(seconds=30)}
            for key in ids
        ))  # fmt: skip
        _fill(Response, insert_rows, _responses(dice, before, then))


def _fill(model: Any, insert: Any, rows: Iterator[dict[str, Any]]) -> None:
    """Insert rows; what they do not name has its default."""
    from django.db import connection

    defaults = {
        field.name: field.get_db_prep_save(field.get_default(), connection)
        for field in model._meta.concrete_fields
        if field is not model._meta.auto_field
    }
    insert(model, list(defaults), (list({**defaults, **row}.values()) for row in rows))


def _responses(
    dice: random.Random, before: Sequence[int], then: datetime
) -> Iterator[dict[str, Any]]:
    """An answer at every new placement to every new turn of its battle."""
    from arena.models import Placement, Turn

    places: dict[UUID, list[int]] = {}
    for key, battle in Placement.objects.filter(pk__gt=before[0]).values_list("pk", "battle_id"):
        places.setdefault(battle, []).append(key)
    turns = Turn.objects.filter(pk__gt=before[1]).order_by("pk")
    for key, battle in turns.values_list("pk", "battle_id"):
        for place in places[battle]:
            yield {
                "turn": key, "placement": place, "state": "done", "text": _text(dice, 60),
                "created_at": then,
            }  # fmt: skip


def _ranks(dice: random.Random, size: int) -> list[int]:
    if dice.random() < 1 / 6:
        return [1] * size
    return dice.sample(range(1, size + 1), size)


def _text(dice: random.Random, words: int) -> str:
    return " ".join(dice.choices(WORDS, k=dice.randint(words // 2, words * 3 // 2)))


if __name__ == "__main__":
    main()
