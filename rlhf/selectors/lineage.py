"""What was made of what: datasets, runs, contenders and their trials."""

from dataclasses import replace

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from arena.models import Contender
from rlhf.lineage import Node
from rlhf.models import Dataset, Decision, Job, Run, Trial
from rlhf.stages import DEMONSTRATIONS, RANKINGS, TEXTS, THUMBS

SHOWN = 60  # runs, the newest


def lineage() -> list[Node]:
    """The newest runs that succeeded or are under way, and everything around them."""
    ended_badly = [Job.State.FAILED, Job.State.CANCELLED]
    newest = (
        Run.objects.exclude(state__in=ended_badly)
        .select_related("dataset", "reward_run", "base", "contender")
        .prefetch_related("decisions__decided_by")[:SHOWN]
    )
    nodes: dict[str, Node] = {}
    for run in reversed(newest):
        for node in _around(run):
            nodes.setdefault(node.key, node)
    children = {run.contender_id: run for run in newest if run.contender_id}
    for trial in Trial.objects.filter(child__in=children).select_related("child"):
        node = _trial(trial)
        nodes[node.key] = node
    return list(nodes.values())


def _around(run: Run) -> list[Node]:
    found: list[Node] = []
    made_of: list[str] = []
    if run.dataset is not None:
        key = f"dataset-{run.dataset.pk}"
        found.append(Node(key, _("Dataset"), _size(run.dataset), run.dataset.get_absolute_url()))
        made_of.append(key)
    if run.base is not None and run.contender_id != run.base.pk and run.stage != "reward":
        found.append(_contender(run.base))
        made_of.append(_key(run.base))
    if run.reward_run is not None:
        made_of.append(f"run-{run.reward_run.pk}")
    kinds = {"reward": _("Reward model"), "pretrain": _("Pretraining")}
    kind = kinds.get(run.stage, _("Update"))
    node = Node(f"run-{run.pk}", kind, str(run), run.get_absolute_url(), tuple(made_of))
    decision = next(iter(run.decisions.all()), None)  # the newest
    if decision is not None and not decision.entered:
        node = _decided(node, decision)
    found.append(node)
    if run.contender is not None:
        node = _contender(run.contender, f"run-{run.pk}")
        if decision is not None and decision.entered:
            node = _decided(node, decision)
        found.append(node)
    return found


def _size(dataset: Dataset) -> str:
    if dataset.votes is None:
        return str(dataset.get_state_display())
    said = {TEXTS: _("%(count)s documents"), THUMBS: _("%(count)s thumbs")}
    if dataset.source:
        said |= {DEMONSTRATIONS: _("%(count)s conversations"), RANKINGS: _("%(count)s preferences")}
    return said.get(dataset.format, _("%(count)s votes")) % {"count": dataset.votes}


def _contender(contender: Contender, *made_of: str) -> Node:
    page = reverse("contender", args=[contender.slug])
    return Node(_key(contender), _("Contender"), contender.name, page, made_of)


def _decided(node: Node, decision: Decision) -> Node:
    """The node with what an operator decided, when and why."""
    mark, said = {
        (True, True): (_("against the gate"), _("let in against the gate by %(who)s on %(day)s")),
        (True, False): (_("let in by hand"), _("let in by %(who)s on %(day)s")),
        (False, True): (
            _("against the gate"),
            _("kept out against the gate by %(who)s on %(day)s"),
        ),
        (False, False): (_("kept out"), _("kept out by %(who)s on %(day)s")),
    }[decision.entered, decision.against_gate]
    remark = said % {
        "who": decision.decided_by or _("somebody"),
        "day": date_format(decision.decided_at, "DATE_FORMAT"),
    }
    reason = f": {decision.reason}" if decision.reason else ""
    return replace(node, remark=remark + reason, mark=mark)


def _key(contender: Contender) -> str:
    return f"contender-{contender.pk}"


def _trial(trial: Trial) -> Node:
    said = {None: _("on trial"), True: _("kept"), False: _("retired")}[trial.kept]
    page = trial.get_absolute_url()
    node = Node(f"trial-{trial.pk}", _("Did it help?"), said, page, (_key(trial.child),))
    if not trial.reason:
        return node
    remark = _("by hand (%(who_and_why)s)") % {"who_and_why": trial.reason}
    return replace(node, remark=remark, mark=_("by hand"))
