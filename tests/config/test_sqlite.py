"""The writers of one process queue up, and the log of what they wrote moves aside."""

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, OperationalError, connection, transaction

from config.sqlite.checkpoints import PAGES_AT_LATEST, Checkpoints

pytestmark = pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite only")


def test_all_who_write_at_once_get_their_turn(transactional_db: None) -> None:
    barrier = Barrier(8)

    def write(number: int) -> None:
        barrier.wait()
        with transaction.atomic():
            User.objects.create(username=str(number), first_name=str(User.objects.count()))
        connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    seen = sorted(User.objects.values_list("first_name", flat=True))
    assert seen == [str(number) for number in range(8)]


def test_a_failed_transaction_lets_the_next_one_in(transactional_db: None) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.bulk_create([User(username="ann"), User(username="ann")])
    with ThreadPoolExecutor(1) as pool:
        pool.submit(_create, "bob").result(timeout=10)
    assert list(User.objects.values_list("username", flat=True)) == ["bob"]


def test_a_connection_closed_within_a_transaction_lets_the_next_one_in(
    transactional_db: None,
) -> None:
    def abandon() -> None:
        with transaction.atomic():
            User.objects.create(username="ann")
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(abandon).result(timeout=10)
    _create("bob")
    assert list(User.objects.values_list("username", flat=True)) == ["bob"]


def test_patience_has_its_end(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.05)
    holds, may_go = Event(), Event()

    def hold() -> None:
        with transaction.atomic():
            holds.set()
            may_go.wait(10)
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        holding = pool.submit(hold)
        holds.wait(10)
        with pytest.raises(OperationalError, match="locked"):
            _create("ann")
        may_go.set()
        holding.result(timeout=10)


def test_what_was_written_moves_into_the_database_aside(
    transactional_db: None, tmp_path: Path
) -> None:
    connection.close()
    before = connection.settings_dict["OPTIONS"]["init_command"]
    checkpoints = Checkpoints()
    checkpoints.open()
    with connection.cursor() as cursor:
        (pages,) = cursor.execute("PRAGMA wal_autocheckpoint").fetchone()
    User.objects.create(username="ann")
    checkpoints.close()
    assert pages == PAGES_AT_LATEST
    without_log = shutil.copy(connection.settings_dict["NAME"], tmp_path)
    copied = sqlite3.connect(without_log)
    assert copied.execute("SELECT username FROM auth_user").fetchall() == [("ann",)]
    copied.close()
    connection.close()
    assert connection.settings_dict["OPTIONS"]["init_command"] == before


def _create(name: str) -> None:
    with transaction.atomic():
        User.objects.create(username=name)
    connection.close()
