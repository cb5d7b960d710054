"""Whether a reward model is good enough to train against, from what its run measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from arena.sentences import Sentence

CHANCE = 0.5
NO_BETTER_THAN_CHANCE = Sentence(
    "Nothing shows that this reward model orders held-out pairs better than chance. "
    "An update against it may learn noise: collect more votes first."
)
NO_BETTER_THAN_LENGTH = Sentence(
    "This reward model orders held-out pairs no better than going by length alone. "
    "An update against it may learn little but length: collect more votes first."
)
NOT_SHOWN_TO_BEAT_LENGTH = Sentence(
    "Nothing shows that this reward model orders held-out pairs better than going by length alone. "
    "An update against it may learn little but length: collect more votes first."
)
Z = 1.96


@dataclass(frozen=True, slots=True)
class Doubt:
    """`title` is a few words for a list, `said` the stored sentences."""

    title: str | Promise
    said: str


def doubt_about(summary: Mapping[str, Any]) -> Doubt | None:
    """What speaks against a reward model by its run's summary; None if nothing does.

    The lower end of the held-out accuracy's interval must lie above one half, and so must that of
    its gain over the length rule on the same pairs above zero (or the accuracy itself above the
    rule's, where no interval is known). What was not measured is not doubted.
    """
    metrics = summary.get("metrics", {})
    rate, lower = metrics.get("test_accuracy"), metrics.get("test_accuracy_lower")
    by_length = metrics.get("length_only_accuracy")
    if lower is not None and lower <= CHANCE:
        return Doubt(_("not shown to beat chance"), NO_BETTER_THAN_CHANCE())
    if rate is not None and by_length is not None and rate <= by_length:
        return Doubt(_("no better than length alone"), NO_BETTER_THAN_LENGTH())
    gain = gain_over_length(metrics)
    if gain is not None and gain[0] <= 0:
        return Doubt(_("not shown to beat length alone"), NOT_SHOWN_TO_BEAT_LENGTH())
    return None


def gain_over_length(metrics: Mapping[str, Any]) -> tuple[float, float] | None:
    """The 95 % interval of the gain over the length rule, if it could be told."""
    told = metrics.get("over_length") or {}
    gain, error = told.get("gain"), told.get("error")
    return None if gain is None or error is None else (gain - Z * error, gain + Z * error)
