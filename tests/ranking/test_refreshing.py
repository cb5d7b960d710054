"""From a vote to open leaderboard pages."""

from collections.abc import AsyncIterator, Iterator

import pytest
from asgiref.sync import sync_to_async
from celery.contrib.testing.worker import start_worker
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction
from django.test import override_settings
from redis import Redis

from arena.services import exclude_votes
from config.celery import app
from ranking import selectors, tasks
from ranking.models import Leaderboard
from tests.ranking.ballots import cast
from tests.sockets import TestSocket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def queue(redis: str) -> Iterator[Redis]:
    client = Redis.from_url(redis)
    client.delete("default")
    yield client
    client.delete("default")
    client.close()


@pytest.fixture
async def socket() -> AsyncIterator[TestSocket]:
    page = TestSocket("/ws/leaderboard/")
    assert await page.connect()
    # Said at once: the page may be older than the newest leaderboard.
    assert await page.receive() == {"event": "leaderboard"}
    yield page
    await page.disconnect()
    await get_channel_layer().flush()


def queued(queue: Redis) -> int:
    length = queue.llen("default")
    assert isinstance(length, int)
    return length


def test_many_votes_queue_one_refit(queue: Redis) -> None:
    for _ in range(5):
        cast("ab", [1, 2])
    assert queued(queue) == 1


def test_a_vote_after_the_refit_began_queues_the_next(queue: Redis) -> None:
    cast("ab", [1, 2])
    tasks.refresh()
    cast("ab", [1, 2])
    assert queued(queue) == 2


def test_a_vote_that_is_rolled_back_queues_nothing(queue: Redis) -> None:
    with transaction.atomic():
        cast("ab", [1, 2])
        transaction.set_rollback(True)
    assert queued(queue) == 0
    assert selectors.compute(method="elo").votes == 0


def test_excluding_a_vote_queues_a_refit(queue: Redis) -> None:
    vote = cast("ab", [1, 2])
    tasks.refresh()
    exclude_votes(votes=[vote], because="A robot.")
    assert queued(queue) == 2


def test_without_redis_votes_are_ranked_at_once_and_one_warning_says_so(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(tasks, "_unreachable_until", 0.0)
    nowhere = settings.CACHES["default"] | {"LOCATION": "unix:///nowhere/redis.sock"}
    with override_settings(CACHES={"default": nowhere}):
        for _ in range(3):
            cast("ab", [1, 2])
    newest = selectors.latest(method="bradley-terry")
    assert newest is not None
    assert newest.votes == 3
    warnings = [record for record in caplog.records if record.name == "ranking.tasks"]
    assert len(warnings) == 1
    assert "Redis cannot be reached" in warnings[0].getMessage()


async def test_open_pages_hear_of_a_new_leaderboard(socket: TestSocket) -> None:
    await sync_to_async(cast)("ab", [1, 2])
    await sync_to_async(tasks.refresh)()
    assert await socket.receive() == {"event": "leaderboard"}


async def test_pages_hear_nothing_when_nothing_changed(socket: TestSocket) -> None:
    await sync_to_async(tasks.refresh)()
    assert await socket.silent()


async def test_what_a_page_sends_does_no_harm(socket: TestSocket) -> None:
    await socket.send("{not json")
    await socket.send(data=b"\x00\xff")
    await sync_to_async(cast)("ab", [1, 2])
    await sync_to_async(tasks.refresh)()
    assert await socket.receive() == {"event": "leaderboard"}


@pytest.fixture
def worker(queue: Redis) -> Iterator[None]:
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        yield


@pytest.mark.slow
async def test_a_worker_brings_a_vote_to_open_pages(worker: None, socket: TestSocket) -> None:
    await sync_to_async(cast)("ab", [1, 2])
    assert await socket.receive(within=10) == {"event": "leaderboard"}
    assert await sync_to_async(Leaderboard.objects.filter(method="bradley-terry").exists)()
