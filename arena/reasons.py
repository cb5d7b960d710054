"""The quick reasons that pages offer for a vote and for a thumb. Programs may give their own."""

from collections.abc import Sequence

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from arena.errors import Invalid
from arena.text import clean

REASONS_MAX = 10
REASON_MAX_CHARS = 60

# As they are stored, and as they are shown.
GOOD = [
    ("accurate", _("Accurate")),
    ("clear", _("Clear")),
    ("complete", _("Complete")),
    ("concise", _("Concise")),
]
BAD = [
    ("wrong", _("Wrong")),
    ("unclear", _("Unclear")),
    ("incomplete", _("Incomplete")),
    ("too-long", _("Too long")),
    ("off-topic", _("Off topic")),
    ("harmful", _("Harmful")),
]


def clean_reasons(reasons: Sequence[str]) -> list[str]:
    """Reasons as they are stored. Invalid when they are too many or too long."""
    if isinstance(reasons, str) or not all(isinstance(reason, str) for reason in reasons):
        raise Invalid(gettext("The reasons are a list of short texts."))
    kept = [text for reason in reasons if (text := clean(reason).strip())]
    if len(kept) > REASONS_MAX or any(len(reason) > REASON_MAX_CHARS for reason in kept):
        raise Invalid(
            gettext("Give at most %(most)s reasons of at most %(length)s characters each.")
            % {"most": REASONS_MAX, "length": REASON_MAX_CHARS}
        )
    return kept
