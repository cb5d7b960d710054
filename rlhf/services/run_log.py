"""What becomes of a run's processes, as lines among theirs in its log."""

from datetime import UTC, datetime

from django.utils import timezone

from rlhf.models import Run

GOES_ON = "Another process goes on from the last state."
BEGINS_AGAIN = "Nothing was kept to go on from: another process begins again."


def log(run: Run, text: str, at: datetime | None = None) -> None:
    """Append a line with its time, by default now, to the run's log."""
    time = (at or timezone.now()).astimezone(UTC)
    with (run.folder / "log.txt").open("a", encoding="utf-8") as file:
        file.write(f"[{time:%Y-%m-%d %H:%M:%S} UTC] {text}\n")
