"""Sets the gate's limits, for runs created from then on."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from arena.errors import Invalid
from rlhf.models import Gate
from rlhf.stages import check_lengths
from rlhf.training.config import check_knobs
from rlhf.training.errors import InputError
from rlhf.training.settings import Policy, gate_knobs

WHY_LIMITS = gettext_lazy("Say why: a change of the limits is kept with its reason.")


def set_gate(
    *, limits: Mapping[str, Any], waits: bool, note: str, by: AbstractBaseUser | None
) -> Gate:
    """Keep the limits (settings `gate_…`) that differ from the defaults.

    Raises Invalid without a `note` that says why, or naming the first that is wrong or no limit.
    """
    if not note.strip():
        raise Invalid(str(WHY_LIMITS))
    known = gate_knobs()
    if unknown := sorted(set(limits) - set(known)):
        raise Invalid(_("The gate has no limit '%(name)s'.") % {"name": unknown[0]})
    try:
        chosen = check_knobs(Policy, limits)
    except InputError as error:
        raise Invalid(str(error)) from None
    check_lengths(chosen)
    return Gate.objects.create(
        limits={name: value for name, value in chosen.items() if value != known[name].default},
        waits=waits,
        note=note.strip(),
        set_by_id=by.pk if by else None,
    )
