"""The quick reasons that pages offer for a vote and for a thumb. Programs may give their own."""

from collections.abc import Sequence

from arena.errors import Invalid
from arena.text import clean

REASONS_MAX = 10
REASON_MAX_CHARS = 60

# As they are stored, and as they are shown.
GOOD = [
    ("accurate", "Accurate"),
    ("clear", "Clear"),
    ("complete", "Complete"),
    ("concise", "Concise"),
]
BAD = [
    ("wrong", "Wrong"),
    ("unclear", "Unclear"),
    ("incomplete", "Incomplete"),
    ("too-long", "Too long"),
    ("off-topic", "Off topic"),
    ("harmful", "Harmful"),
]


def clean_reasons(reasons: Sequence[str]) -> list[str]:
    """Reasons as they are stored. Invalid when they are too many or too long."""
    if isinstance(reasons, str) or not all(isinstance(reason, str) for reason in reasons):
        raise Invalid("The reasons are a list of short texts.")
    kept = [text for reason in reasons if (text := clean(reason).strip())]
    if len(kept) > REASONS_MAX or any(len(reason) > REASON_MAX_CHARS for reason in kept):
        raise Invalid(
            f"Give at most {REASONS_MAX} reasons of at most {REASON_MAX_CHARS} characters each."
        )
    return kept
