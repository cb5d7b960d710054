"""What the Celery workers do for the lab. Tasks take ids and are safe to run twice."""

import logging
import os
from threading import Thread
from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.db import connections
from kombu.exceptions import OperationalError

from rlhf import services

logger = logging.getLogger(__name__)
DEFAULT_QUEUE = "default"
TRAINING_QUEUE = "training"


# A worker process that dies (out of memory) gives its message back, so that another goes on.
@shared_task(name="rlhf.tasks.write_dataset", acks_late=True, reject_on_worker_lost=True)
def write_dataset(dataset_id: int) -> None:
    services.write_dataset(dataset_id)


@shared_task(name="rlhf.tasks.follow_run", acks_late=True, reject_on_worker_lost=True)
def follow_run(run_id: int) -> None:
    worker = os.getppid()
    services.follow_in_turn(run_id, deserted=lambda: os.getppid() != worker)


@shared_task(name="rlhf.tasks.judge_trials")
def judge_trials() -> None:
    services.judge_trials()


def queue_judging() -> None:
    """Have the trials judged soon. Without a queue they are when the next worker starts."""
    try:
        judge_trials.apply_async(retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("Trials are not judged now, as the queue does not answer: %s", error)


@worker_ready.connect
def take_up_what_was_left(sender: Any, **kwargs: Any) -> None:
    """Queue what a killed worker (or an emptied Redis) left open."""
    queues = sender.app.amqp.queues.consume_from
    if DEFAULT_QUEUE in queues:
        logger.info("Took up %d unfinished datasets.", services.requeue_datasets())
        services.judge_trials()
    if TRAINING_QUEUE in queues:
        logger.info("Took up %d unfinished runs.", services.requeue_runs())
        worker_shutting_down.connect(stop_training)
    connections.close_all()


def stop_training(sender: Any, **kwargs: Any) -> None:
    """Let the training processes end with the worker that watches them.

    In a thread: this is called from a signal's handler, which may have interrupted a query.
    """
    Thread(target=_stop_training).start()


def _stop_training() -> None:
    services.stop_running()
    connections.close_all()
