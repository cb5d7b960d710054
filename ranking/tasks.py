"""Refits in the background: however many votes come in, about one refit a second."""

import logging
import time

from asgiref.sync import async_to_sync
from celery import shared_task
from celery.signals import worker_ready
from channels.layers import get_channel_layer
from django.core.cache import cache
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from arena import live
from ranking import matchmaking, services

logger = logging.getLogger(__name__)

DELAY_S = 0.5
_QUEUED = "ranking-refit-queued"
# Should a queued refit get lost with its broker, votes queue another one after this time.
_QUEUED_FOR_S = 15
# After a failure Redis is left alone for a while: it must not cost every vote a time-out.
_LEFT_ALONE_FOR_S = 30.0
_unreachable_until = 0.0


@shared_task
def refresh() -> None:
    """Store the leaderboards that have changed, tell open pages, and prepare matchmaking.

    Safe to run twice.
    """
    # First of all, so that a vote that comes too late for this refit queues the next one.
    cache.delete(_QUEUED)
    if services.refresh_leaderboards():
        layer = get_channel_layer()
        async_to_sync(layer.group_send)(live.LEADERBOARD, {"type": "leaderboard.changed"})
    matchmaking.prepare()


@shared_task
def catch_up() -> None:
    """Count what was never counted, as after an upgrade, and refresh. Safe to run twice."""
    services.catch_up()
    refresh()


def queue_refresh() -> None:
    """Have the leaderboards refreshed soon, once for all votes until then.

    Without Redis (commands need none) they are refreshed here and now instead.
    """
    global _unreachable_until
    if time.monotonic() >= _unreachable_until:
        try:
            if cache.add(_QUEUED, True, timeout=_QUEUED_FOR_S):
                refresh.apply_async(countdown=DELAY_S, retry=False)
            return
        except (RedisError, OperationalError) as error:
            _unreachable_until = time.monotonic() + _LEFT_ALONE_FOR_S
            logger.warning("Redis cannot be reached, so open pages are not told: %s", error)
    services.refresh_leaderboards()


@worker_ready.connect
def refresh_at_start(**_: object) -> None:
    """Catch up with votes that came in while no worker was there, such as an import."""
    catch_up.delay()
