"""A dataset's selection in the words in which the builder asks for it."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django import forms
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from rlhf.dataset_forms import DatasetForm

LAST_VOTE = "last_vote"  # freezing sets it; nobody chooses it


def selection_in_words(selection: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What each field of a stored selection is called and what it says, in the builder's order."""
    said = [
        (str(field.label), _said(field, selection[name]))
        for name, field in DatasetForm().fields.items()
        if name in selection
    ]
    if LAST_VOTE in selection:
        said.append((_("Up to vote number"), str(selection[LAST_VOTE])))
    return said


def _said(field: forms.Field, value: Any) -> str:
    if isinstance(field, forms.DateField):
        return date_format(date.fromisoformat(value))
    if isinstance(field, forms.BooleanField):
        return _("yes")  # stored only where it was chosen
    names = dict(field.widget.choices) if isinstance(field, forms.ChoiceField) else {}
    chosen = value if isinstance(value, list) else [value]
    return ", ".join(str(names.get(one, one)) for one in chosen)
