"""A run's checkpoint becomes a contender."""

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils.translation import gettext as _

from arena.errors import Conflict, Invalid
from arena.models import Contender
from arena.sentences import Sentence
from arena.services import register_contender
from rlhf.models import Decision, Job, Run
from rlhf.services.trials import REASON_MAX_CHARS, open_trial
from rlhf.stages import get_stage

NOTHING_TO_ENTER = Sentence("%(run)s trained no contender, so there is nothing to enter.")
CHECKPOINT_GONE = Sentence("The checkpoint of %(run)s is gone from %(folder)s.")


@transaction.atomic
def enter(run: Run, *, battles: bool = True) -> Contender:
    """Register the run's checkpoint: the base's child, with its system prompt and sampling.

    The model server finds the folder by its name, so it answers in battles from now on, and a
    trial against its base begins. Without `battles` it is only there to be trained further.
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
        on_trial=battles,
        active=battles,
    )
    if battles:
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
def decide(*, run: Run, by: AbstractBaseUser, enter_it: bool, reason: str = "") -> Decision:
    """Confirm what the gate said of a finished run, or override it: then a reason is needed.

    Who decided, when and why is kept. What is in the arena can no more be kept out; its trial
    retires it.
    """
    run = Run.objects.select_for_update().get(pk=run.pk)
    _check_undecided(run)
    against = enter_it == bool(run.refusals)
    reason = reason.strip()
    if against and not reason:
        raise Invalid(_("Say why: a decision against the gate is kept with its reason."))
    if len(reason) > REASON_MAX_CHARS:
        raise Invalid(_("Say in at most %(limit)s characters why.") % {"limit": REASON_MAX_CHARS})
    if enter_it:
        enter(run)
    return Decision.objects.create(
        run=run, entered=enter_it, against_gate=against, reason=reason, decided_by_id=by.pk
    )


@transaction.atomic
def enter_as_base(*, run: Run) -> Contender:
    """Make a result a contender that can be trained further and meets no rater.

    Any result may: no gate stands before it.
    """
    run = Run.objects.select_for_update().get(pk=run.pk)
    _check_undecided(run)
    return enter(run, battles=False)


def _check_undecided(run: Run) -> None:
    """Raises unless the run left a result that is not in the arena."""
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
