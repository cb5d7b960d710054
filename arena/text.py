"""What raters and contenders write, made fit to be stored and shown. Pure."""

import re

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from arena.errors import Invalid

# Control characters other than newline and tab, and lone surrogates. PostgreSQL refuses NUL and
# surrogates outright; the others only disturb terminals, exports and tokenizers.
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_NEWLINES = re.compile("\r\n?|\u2028|\u2029")

COMMENT_MAX_CHARS = 2_000


def clean(text: str) -> str:
    """`text` with newlines as \\n and without control characters and lone surrogates."""
    return _UNFIT.sub("", _NEWLINES.sub("\n", text))


def clean_prompt(text: str, *, limit: int) -> str:
    """A prompt as it is stored. Invalid when nothing is left of it or it is over `limit`."""
    if len(text) > limit:
        raise Invalid(
            _("The prompt has %(used)s characters; at most %(limit)s fit. Shorten it.")
            % {"used": _grouped(len(text)), "limit": _grouped(limit)}
        )
    cleaned = clean(text).strip()
    if not cleaned:
        raise Invalid(_("The prompt is empty. Write what the contenders shall answer."))
    return cleaned


def clean_comment(text: str) -> str:
    """A comment as it is stored; it may be empty. Invalid when it is too long."""
    if len(text) > COMMENT_MAX_CHARS:
        raise Invalid(
            _("The comment is too long; at most %(limit)s characters fit.")
            % {"limit": _grouped(COMMENT_MAX_CHARS)}
        )
    return clean(text).strip()


def _grouped(number: int) -> str:
    return number_format(number, force_grouping=True)
