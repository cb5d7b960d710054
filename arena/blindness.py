"""What a rater may read of a response before the vote. Pure."""

from arena.disclosure import Span, masked

INTERRUPTED = "The answer was interrupted by a restart of the arena. Retry it."
NO_ANSWER = "No answer came. Retry it."
BROKE_OFF = "The answer broke off. Retry it."


def blind_error(error: str, *, text: str) -> str:
    """A reason that is the same for all contenders: how one fails can tell what it runs on."""
    if not error or error == INTERRUPTED:
        return error
    return BROKE_OFF if text else NO_ANSWER


def blind_text(text: str, disclosures: list[Span], *, was_masked: bool) -> str:
    """The text as it was shown while it was written."""
    return masked(text, disclosures) if was_masked else text
