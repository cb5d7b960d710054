"""A run that came to nothing and kept nothing is started again, as a run of its own."""

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.utils.translation import gettext as _

from arena.errors import Conflict, Invalid
from rlhf.models import Run
from rlhf.selectors import can_resume, own_settings
from rlhf.services.datasets import why_not_again
from rlhf.services.runs import create_run, start_run


def repeat_run(run: Run, *, by: AbstractBaseUser | None = None, form_key: str | None = None) -> Run:
    """Queue a new run of the same stage, base, reward model, dataset and settings.

    A dataset whose files are gone is frozen anew from the same selection. The gate's limits are
    those that hold now, unless the run had its own. Raises Conflict unless the run failed or was
    cancelled and cannot be resumed, and what `start_run` raises where something is gone.
    """
    return start_run(**_choices_of(run), by=by, form_key=form_key)


def recreate_run(run: Run) -> Run:
    """Like `repeat_run`, but somebody else will follow the new run (`follow_run`)."""
    return create_run(**_choices_of(run))


def _choices_of(run: Run) -> dict[str, Any]:
    """The choices that the run was made of, where it may be started again."""
    if not run.cut_short:
        raise Conflict(
            _(
                "%(run)s cannot be started again (%(state)s): only one that failed or was "
                "cancelled can."
            )
            % {"run": run, "state": run.get_state_display()}
        )
    if can_resume(run):
        raise Conflict(_("%(run)s kept a state that it can go on from: resume it.") % {"run": run})
    dataset = run.dataset
    frozen_anew = dataset is not None and not dataset.whole and not dataset.source
    if dataset is not None and frozen_anew and (reason := why_not_again(dataset)):
        raise Invalid(reason)
    return {
        "stage": run.stage,
        "base": run.base.slug if run.base else None,
        "reward_run": run.reward_run_id,
        "dataset": None if frozen_anew else run.dataset_id,
        "selection": dataset.selection if dataset is not None and frozen_anew else None,
        "settings": own_settings(run),
        **({"population": dataset.population} if dataset else {}),
    }
