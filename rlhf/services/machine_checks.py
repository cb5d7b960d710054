"""Whether this machine can do what a run asks for, before the run is queued."""

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from arena.errors import Invalid
from rlhf.estimating.machines import gpus
from rlhf.launching import check_launch
from rlhf.models import Run
from rlhf.selectors import Estimate, estimate_of


def check_machine(run: Run) -> None:
    """Keep the run's estimate; raise Invalid for devices, packages or memory that are not there."""
    if run.config.get("device") == "cuda" and not gpus():
        raise Invalid(_("There is no CUDA device on this machine: leave device at auto."))
    check_launch(run.stage, run.config)
    estimate = estimate_of(run)
    if estimate is None:
        return
    run.estimate = estimate.as_dict()
    if not estimate.fits:
        refusal = _("This run needs about %(needed)s of memory; %(machine)s has %(there)s.") % {
            "needed": filesizeformat(estimate.memory),
            "machine": estimate.machine,
            "there": filesizeformat(estimate.machine_memory),
        }
        raise Invalid(f"{refusal} {_what_to_change(estimate)}")


def _what_to_change(estimate: Estimate) -> str:
    if estimate.remedy is None:
        return _("Use a smaller model, or a machine with more memory.")
    name, value = estimate.remedy
    return _("It would fit with %(setting)s = %(value)s.") % {"setting": name, "value": value}
