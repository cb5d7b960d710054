"""Hands work to the Celery workers, by name: services know no tasks."""

from celery import current_app
from django.utils import timezone
from kombu.exceptions import OperationalError

from arena.errors import Unavailable
from arena.sentences import Sentence
from rlhf.models import Dataset, Job, Run

WRITE_DATASET = "rlhf.tasks.write_dataset"
FOLLOW_RUN = "rlhf.tasks.follow_run"
NO_QUEUE = Sentence(
    "The queue (Redis) does not answer, so nothing was started. Start the arena with `make run`, "
    "or check REDIS_URL, and try again."
)


def send(task: str, job: Dataset | Run) -> None:
    """Queue `task` for the job. Raises OperationalError or OSError where there is no queue."""
    current_app.send_task(task, args=[job.pk], retry=False)


def enqueue(task: str, job: Dataset | Run) -> None:
    """Queue `task` for the job. Without a queue the job fails at once and Unavailable is raised."""
    try:
        send(task, job)
    except (OperationalError, OSError) as error:
        job.state, job.error, job.finished_at = Job.State.FAILED, NO_QUEUE(), timezone.now()
        job.save(update_fields=["state", "error", "finished_at"])
        raise Unavailable(NO_QUEUE()) from error
