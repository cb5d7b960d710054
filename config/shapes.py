"""What is wrong with a field of a request, in the reader's language.

Pydantic speaks English only. These are its sentences, some of them shortened.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

_INTEGER = gettext_noop("Input should be a valid integer")
_NUMBER = gettext_noop("Input should be a valid number")
_BOOLEAN = gettext_noop("Input should be a valid boolean")
_OBJECT = gettext_noop("Input should be a valid object")
_TEXT = gettext_noop("Input should be a valid string")
_LIST = gettext_noop("Input should be a valid list")
_UUID = gettext_noop("Input should be a valid UUID")
_CHOICE = gettext_noop("Input should be one of %(expected)s")
_SHORT = gettext_noop("Input should have a length of at least %(min_length)s")
_LONG = gettext_noop("Input should have a length of at most %(max_length)s")
_SENTENCES = {
    "missing": gettext_noop("Field required"),
    "extra_forbidden": gettext_noop("Extra inputs are not permitted"),
    "int_type": _INTEGER, "int_parsing": _INTEGER, "int_parsing_size": _INTEGER,
    "int_from_float": _INTEGER, "float_type": _NUMBER, "float_parsing": _NUMBER,
    "bool_type": _BOOLEAN, "bool_parsing": _BOOLEAN,
    "string_type": _TEXT, "string_unicode": _TEXT, "list_type": _LIST,
    "dict_type": _OBJECT, "model_type": _OBJECT, "model_attributes_type": _OBJECT,
    "uuid_type": _UUID, "uuid_parsing": _UUID, "literal_error": _CHOICE, "enum": _CHOICE,
    "string_too_short": _SHORT, "too_short": _SHORT, "string_too_long": _LONG, "too_long": _LONG,
    "greater_than_equal": gettext_noop("Input should be at least %(ge)s"),
    "less_than_equal": gettext_noop("Input should be at most %(le)s"),
}  # fmt: skip


def wrong(problem: Mapping[str, Any]) -> str:
    """A problem that pydantic found; one of a rarer kind as pydantic says it."""
    sentence = _SENTENCES.get(problem["type"])
    if sentence is None:
        return str(problem["msg"])
    context = dict(problem.get("ctx", {}))
    if "expected" in context:
        context["expected"] = context["expected"].replace("' or '", "', '")
    return _(sentence) % context
