"""A run's checkpoint becomes a contender."""

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils.translation import gettext as _

from arena.errors import Conflict, Invalid
from arena.models import Contender
from arena.sentences import Sentence
from arena.services import register_contender
from rlhf.models import Job, Run
from rlhf.services.trials import open_trial
from rlhf.stages import get_stage

CONFIRMED = Sentence("%(who)s let it into battles.")
NOTHING_TO_ENTER = Sentence("%(run)s trained no contender, so there is nothing to enter.")
CHECKPOINT_GONE = Sentence("The checkpoint of %(run)s is gone from %(folder)s.")


@transaction.atomic
def enter(run: Run) -> Contender:
    """Register the run's checkpoint: the base's child, with its system prompt and sampling.

    The model server finds the folder by its name, so it answers in battles from now on, and a
    trial against its base begins.
    """
    if run.contender is not None:
        return run.contender
    base = run.base
    if base is None:
        raise Invalid(NOTHING_TO_ENTER(run=run))
    if not (run.folder / "checkpoint").is_dir():
        raise Conflict(CHECKPOINT_GONE(run=run, folder=run.folder))
    run.contender = register_contender(
        name=_name(run, base),
        model=run.name,
        description=f"{base.name} after {run.stage} ({run.name}).",
        system_prompt=base.system_prompt,
        temperature=base.temperature,
        top_p=base.top_p,
        max_tokens=base.max_tokens,
        backend="local",
        parent=base,
        on_trial=True,
    )
    open_trial(child=run.contender)
    run.save(update_fields=["contender"])
    return run.contender


def _name(run: Run, base: Contender) -> str:
    """ "<base> · best-of-n 1": the number counts this stage's results from this base."""
    before = Run.objects.filter(stage=run.stage, base=base).exclude(contender=None).count()
    suffix = f" · {run.stage} {before + 1}"
    room = Contender._meta.get_field("name").max_length or 120
    return base.name[: room - len(suffix)] + suffix


@transaction.atomic
def enter_anyway(*, run: Run, by: AbstractBaseUser, reason: str = "") -> Contender:
    """Enter a result that waits for a person or that the gate refused; who did it, why, is kept."""
    run = Run.objects.select_for_update().get(pk=run.pk)
    if run.state != Job.State.SUCCEEDED:
        raise Conflict(
            _("%(run)s has not succeeded (%(state)s): there is no result to enter.")
            % {"run": run, "state": run.get_state_display()}
        )
    if not get_stage(run.stage).makes_contender:
        raise Invalid(
            _("%(stage)s: this cannot answer prompts.") % {"stage": get_stage(run.stage).title}
        )
    if run.contender is not None:
        raise Conflict(
            _("%(run)s is in the arena already, as %(contender)s.")
            % {"run": run, "contender": run.contender}
        )
    contender = enter(run)
    if run.refusals:
        run.override_reason = f"{by.get_username()}: {reason.strip() or 'no reason given'}"
    else:
        run.notes = [*run.notes, CONFIRMED(who=by.get_username())]
    run.save(update_fields=["override_reason", "notes"])
    return contender
