"""Did it help? A trial is opened with its rule, judged as votes come in, and settled."""

import logging

from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from arena.errors import Conflict, Invalid
from arena.models import Contender
from arena.services import settle_contender
from rlhf import selectors
from rlhf.evidence import Counts, weigh
from rlhf.models import Trial

logger = logging.getLogger(__name__)
REASON_MAX_CHARS = 500
KEPT = gettext_lazy("%(child)s is kept already.")
RETIRED = gettext_lazy("%(child)s is retired already.")


def open_trial(*, child: Contender) -> Trial:
    """Measure a contender against its parent, by the default rule. Joins the transaction."""
    if child.parent is None:
        raise Invalid(_("%(child)s has no parent to be measured against.") % {"child": child})
    return Trial.objects.create(child=child, parent=child.parent)


@transaction.atomic
def set_rule(
    *, trial: Trial, population: str, level: float, patience: int, if_undecided: str
) -> Trial:
    """Choose the rule, see `Trial`. A Conflict once anybody has voted on the two."""
    trial = Trial.objects.select_for_update().get(pk=trial.pk)
    if trial.kept is not None or selectors.has_begun(trial):
        raise Conflict(_("There are votes on the two already, so the rule stays as it is."))
    trial.population, trial.level = population, level
    trial.patience, trial.if_undecided = patience, if_undecided
    try:
        trial.clean_fields()
    except ValidationError as error:
        raise Invalid(" ".join(error.messages)) from error
    trial.save()
    return trial


def judge_trials() -> list[Trial]:
    """Settle each open trial whose rule decides it now; returns those."""
    return [trial for found in selectors.open_trials() if (trial := _judge(found.pk))]


@transaction.atomic
def _judge(pk: int) -> Trial | None:
    trial = Trial.objects.select_for_update().get(pk=pk)
    if trial.kept is not None:
        return None
    counts = selectors.trial_counts(trial)
    verdict = verdict_of(trial, counts)
    if verdict == Trial.Verdict.OPEN:
        return None
    trial.verdict, trial.verdict_at = verdict, timezone.now()
    trial.verdict_votes = int(counts.votes)
    stays = verdict == Trial.Verdict.UNDECIDED and trial.if_undecided == Trial.Otherwise.KEEP
    trial.kept = stays or verdict == Trial.Verdict.BETTER
    trial.save()
    settle_contender(contender=trial.child, keep=trial.kept)
    logger.info("%s: %s after %d votes.", trial, trial.verdict, counts.votes)
    return trial


def verdict_of(trial: Trial, counts: Counts) -> Trial.Verdict:
    """What the rule says of these votes."""
    found = weigh(counts, trial.level)
    if found.lower > 0.5:
        return Trial.Verdict.BETTER
    if found.upper < 0.5:
        return Trial.Verdict.WORSE
    return Trial.Verdict.UNDECIDED if counts.votes >= trial.patience else Trial.Verdict.OPEN


@transaction.atomic
def settle_trial(*, trial: Trial, keep: bool, by: AbstractBaseUser, reason: str) -> Trial:
    """Keep or retire the child against the rule, before it or after it; who and why is kept.

    Retiring is the way back: the child is drawn no more, and its parent is drawn again. It takes
    no reason, because it must be quick and can be undone; keeping takes one.
    """
    why = reason.strip()
    if (keep and not why) or len(why) > REASON_MAX_CHARS:
        raise Invalid(_("Say in at most %(limit)s characters why.") % {"limit": REASON_MAX_CHARS})
    trial = Trial.objects.select_for_update().get(pk=trial.pk)
    if trial.kept is keep:
        raise Conflict((KEPT if keep else RETIRED) % {"child": trial.child})
    trial.kept = keep
    trial.reason = signed_reason(by, reason)
    trial.save(update_fields=["kept", "reason"])
    settle_contender(contender=trial.child, keep=keep)
    return trial


def signed_reason(by: AbstractBaseUser, reason: str) -> str:
    """Who settled a trial by hand and, if they said so, why: as it is kept."""
    why = reason.strip()
    return f"{by.get_username()}: {why}" if why else by.get_username()
