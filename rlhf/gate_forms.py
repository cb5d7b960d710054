"""What operators choose of the rules: what decides a trial, and the gate's limits."""

from typing import Any

from django import forms
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from arena.errors import Invalid
from rlhf.forms import POPULATIONS, with_point
from rlhf.gate_wording import GATE_LIMITS
from rlhf.models import Trial
from rlhf.services import WHY_LIMITS
from rlhf.stages import check_lengths
from rlhf.training.config import LARGEST, Knob
from rlhf.training.settings import gate_knobs

NOTE_MAX_CHARS = 500
PATIENCE = (10, 1_000_000)  # votes
LENGTHS = {"gate_length_low", "gate_length_high"}


def _what_to_write(least: float, most: float, *, whole: bool) -> dict[str, str]:
    """What a field of numbers says to each thing that is wrong with what was typed."""
    ends = {
        "least": number_format(f"{least:.10g}"),
        "most": number_format(f"{most:.10g}", force_grouping=True),
    }
    if most == LARGEST:
        told = (
            gettext("Write a whole number, %(least)s or more.")
            if whole
            else gettext("Write a number, %(least)s or more.")
        )
    elif whole:
        told = gettext("Write a whole number from %(least)s to %(most)s.")
    else:
        told = gettext("Write a number from %(least)s to %(most)s.")
    said = dict.fromkeys(["required", "invalid", "min_value", "max_value"], told % ends)
    if most == LARGEST:
        said["max_value"] = gettext("Write a smaller number, at most %(most)s.") % ends
    return said


class RuleForm(forms.Form):
    """What decides a trial."""

    population = forms.ChoiceField(choices=POPULATIONS[:2], label=_("Who decides"))
    level = forms.TypedChoiceField(
        coerce=float,
        choices=[(0.9, "90 %"), (0.95, "95 %"), (0.99, "99 %")],
        label=_("How sure"),
        help_text=_("The child is better or worse once this interval leaves one half."),
    )
    patience = forms.IntegerField(
        min_value=PATIENCE[0],
        max_value=PATIENCE[1],
        label=_("Votes to wait for"),
        help_text=_("After so many votes between the two it is undecided."),
    )
    if_undecided = forms.ChoiceField(choices=Trial.Otherwise.choices, label=_("If it is undecided"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        patience = self.fields["patience"]
        patience.error_messages |= _what_to_write(*PATIENCE, whole=True)


class _Decimal(forms.FloatField):
    """A number as the reader's language writes it; both a point and a comma are understood."""

    widget = forms.TextInput(attrs={"inputmode": "decimal"})  # browsers drop commas from numbers

    def __init__(self, **told: Any) -> None:
        super().__init__(**told, localize=True)

    def to_python(self, value: Any) -> Any:
        try:
            typed = with_point(str(value or "").strip())
        except Invalid as refusal:
            raise forms.ValidationError(refusal.reason) from None
        return super().to_python(typed)


def _limit(label: Any, knob: Knob) -> forms.Field:
    whole = knob.kind is int
    least = 0 if knob.at_least is None else knob.at_least
    most = LARGEST if knob.at_most is None else knob.at_most
    told: dict[str, Any] = {
        "label": label,
        "min_value": least,
        "max_value": most,
        "error_messages": _what_to_write(least, most, whole=whole),
        "initial": knob.default,
        "help_text": _("By default %(value)s.") % {"value": number_format(f"{knob.default:g}")},
    }
    if whole:
        return forms.IntegerField(**told)
    return _Decimal(**told)


class GateForm(forms.Form):
    """The gate's limits, a field each, with the ranges that training accepts."""

    waits = forms.BooleanField(
        label=_("Wait for an operator"),
        required=False,
        help_text=_("Results stay out until somebody confirms them, even if they keep every rule."),
    )
    note = forms.CharField(
        label=_("Why"),
        max_length=NOTE_MAX_CHARS,
        help_text=_("Kept with your name."),
        error_messages={"required": WHY_LIMITS},
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limits = {name: _limit(GATE_LIMITS[name], knob) for name, knob in gate_knobs().items()}
        self.fields = limits | self.fields
        too_long = gettext("Say in at most %(limit)s characters why.") % {"limit": NOTE_MAX_CHARS}
        self.fields["note"].error_messages["max_length"] = too_long

    def clean(self) -> dict[str, Any]:
        chosen = super().clean() or {}
        if chosen.keys() >= LENGTHS:
            try:
                check_lengths(chosen)
            except Invalid as refusal:
                self.add_error("gate_length_high", refusal.reason)
        return chosen

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of `services.set_gate` but for who sets it."""
        chosen = dict(self.cleaned_data)
        return {"waits": chosen.pop("waits"), "note": chosen.pop("note"), "limits": chosen}
