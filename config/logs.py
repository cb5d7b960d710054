"""What the log leaves out."""

import logging


class Calm(logging.Filter):
    """No traceback for what a visitor did wrong: a page that is not theirs, an unknown host."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.ERROR or record.name.startswith("django.security"):
            record.exc_info = None
        return True
