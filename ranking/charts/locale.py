"""How Vega writes dates and figures in the present language."""

from typing import Any

from django.conf import settings
from django.utils.dates import MONTHS, MONTHS_3, WEEKDAYS, WEEKDAYS_ABBR
from django.utils.formats import get_format
from django.utils.translation import get_language

_SUNDAY_FIRST = (6, 0, 1, 2, 3, 4, 5)


def locale() -> dict[str, Any]:
    """As Vega-Lite's configuration has it; nothing for English, which Vega speaks by itself."""
    if get_language() in (None, settings.LANGUAGE_CODE):
        return {}
    months = range(1, 13)
    return {
        "number": {
            "decimal": str(get_format("DECIMAL_SEPARATOR")),
            "thousands": str(get_format("THOUSAND_SEPARATOR")),
            "grouping": [3],
            "currency": ["$", ""],
        },
        "time": {
            "dateTime": "%x, %X",
            "date": "%d.%m.%Y",
            "time": "%H:%M:%S",
            "periods": ["AM", "PM"],
            "days": [str(WEEKDAYS[day]) for day in _SUNDAY_FIRST],
            "shortDays": [str(WEEKDAYS_ABBR[day]) for day in _SUNDAY_FIRST],
            "months": [str(MONTHS[month]) for month in months],
            "shortMonths": [str(MONTHS_3[month]).capitalize() for month in months],
        },
    }
