"""The same form sent twice makes one job."""

from collections.abc import Callable
from typing import TypeVar

from django.db import IntegrityError

from rlhf.models import Dataset, Run

Made = TypeVar("Made", Dataset, Run)


def once(kind: type[Made], form_key: str | None, make: Callable[[], Made]) -> tuple[Made, bool]:
    """What was made for that form, else what `make` makes; whether it was made now.

    `make` keeps the key on the job, in a transaction of its own: of two at the same time one fails.
    """
    if form_key is None:
        return make(), True
    if (before := kind.objects.filter(form_key=form_key).first()) is not None:
        return before, False
    try:
        return make(), True
    except IntegrityError:
        before = kind.objects.filter(form_key=form_key).first()
        if before is None:
            raise
        return before, False
