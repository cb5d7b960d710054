"""The writers of one process queue up; a web process keeps connections for the next request."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from sqlite3 import ProgrammingError
from threading import Barrier, Event
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, OperationalError, connection, transaction

from config.sqlite.base import keep_spare_connections

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


@pytest.fixture
def spare() -> Iterator[None]:
    keep_spare_connections(1)
    yield
    keep_spare_connections(0)


def test_a_closed_connection_serves_the_next_thread(transactional_db: None, spare: None) -> None:
    first, second = _in_a_thread(_used), _in_a_thread(_used)
    assert first is second


def test_no_more_are_kept_than_wanted(transactional_db: None, spare: None) -> None:
    both = Barrier(2)

    def used() -> object:
        connection.ensure_connection()
        both.wait(10)
        return _used()

    with ThreadPoolExecutor(2) as pool:
        opened = [pool.submit(used) for _ in range(2)]
    alive = [one.result() for one in opened if _answers(one.result())]
    assert len(alive) == 1


def test_a_connection_left_within_a_transaction_is_not_used_again(
    transactional_db: None, spare: None
) -> None:
    def abandon() -> object:
        with transaction.atomic():
            User.objects.create(username="ann")
            return _used()

    assert _in_a_thread(abandon) is not _in_a_thread(_used)
    assert not User.objects.exists()


def test_without_room_a_connection_is_closed(transactional_db: None) -> None:
    assert not _answers(_in_a_thread(_used))


def _in_a_thread(function: Callable[[], object]) -> object:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result(timeout=10)


def _used() -> object:
    """The database's own connection behind Django's, which is closed afterwards."""
    User.objects.exists()
    used = connection.connection
    connection.close()
    return used


def _answers(raw: Any) -> bool:
    try:
        raw.execute("SELECT 1")
    except ProgrammingError:
        return False
    return True


def _create(name: str) -> None:
    with transaction.atomic():
        User.objects.create(username=name)
    connection.close()
