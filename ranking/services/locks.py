"""Who waits for whom. SQLite has one writer and needs none of this."""

from collections.abc import Iterable

from django.db import connection

from arena.models import Contender

_COUNTING, _STORING = 0x41524E41, 0x41524E42  # keys of PostgreSQL's advisory locks


def queue_up(contenders: Iterable[int]) -> None:
    """Wait for whoever is counting votes of the same contenders, or rebuilding.

    Every tally and rating that a vote changes belongs to its contenders, so holding their rows,
    taken in one order, makes what is read afterwards safe to write.
    """
    if connection.features.has_select_for_update:
        _lock(_COUNTING, shared=True)
        rows = Contender.objects.filter(pk__in=contenders).select_for_update(no_key=True)
        list(rows.order_by("pk").values_list("pk"))


def stop_counting() -> None:
    """Wait until nobody counts votes, and let nobody begin until this transaction ends."""
    _lock(_COUNTING)


def store_alone() -> None:
    """Let nobody else store a leaderboard until this transaction ends."""
    _lock(_STORING)


def _lock(key: int, *, shared: bool = False) -> None:
    if connection.vendor == "postgresql":
        kind = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {kind}(%s)", [key])
