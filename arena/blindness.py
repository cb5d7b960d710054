"""What a rater may read of a response before the vote."""

from django.utils.html import escape
from django.utils.translation import gettext

from arena.disclosure import MASK, Span, masked
from arena.sentences import Sentence

INTERRUPTED = Sentence("The answer was interrupted by a restart of the arena. Retry it.")()
NO_ANSWER = Sentence("No answer came. Retry it.")()
BROKE_OFF = Sentence("The answer broke off. Retry it.")()


def blind_error(error: str, *, text: str) -> str:
    """A reason that is the same for all contenders: how one fails can tell what it runs on."""
    if not error or error == INTERRUPTED:
        return error
    return BROKE_OFF if text else NO_ANSWER


def blind_text(text: str, disclosures: list[Span], *, was_masked: bool) -> str:
    """The text as it was shown while it was written."""
    return masked(text, disclosures) if was_masked else text


def in_words(html: str) -> str:
    """A rendered text with its masks in the reader's language."""
    return html.replace(MASK, escape(gettext("(name hidden)"))) if MASK in html else html
