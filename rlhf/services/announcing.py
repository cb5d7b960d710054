"""Tells open pages that a run moved on."""

import logging

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from arena import live
from rlhf.models import Run
from rlhf.selectors import run_event

logger = logging.getLogger(__name__)


def announce_run(run: Run) -> None:
    """Send the run's present state to the sockets that watch it; a lost Redis is only logged."""
    layer = get_channel_layer()
    assert layer is not None
    try:
        async_to_sync(layer.group_send)(
            live.run_group(run.pk), {"type": "run.event", "content": run_event(run)}
        )
    except (RedisError, OSError) as error:
        logger.warning("Pages were not told about %s: %s", run, error)


def announce_nothing(run: Run) -> None:
    """For runs in the foreground, which need no Redis."""
