"""Starts and cancels runs. Everything that can be known beforehand is refused before the queue."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from arena.errors import Conflict, Invalid
from arena.models import Population, Prompt
from arena.sentences import Sentence
from rlhf.doubts import doubt_about
from rlhf.estimating import read_shape
from rlhf.models import Gate, Job, Run
from rlhf.selectors import gate_settings
from rlhf.selectors.contenders import weights_of
from rlhf.selectors.estimates import config_of, examples_of
from rlhf.services.datasets import POPULATIONS
from rlhf.services.machine_checks import check_machine
from rlhf.services.once import once
from rlhf.services.preparing import count_training_prompts
from rlhf.services.queue import FOLLOW_RUN, enqueue
from rlhf.services.run_inputs import find_base, find_dataset, find_reward_run
from rlhf.stages import (
    TEXTS,
    Stage,
    check_lengths,
    check_settings,
    fewest_rows,
    get_stage,
    preset_settings,
)
from rlhf.training.settings import Contrast
from rlhf.untested import held_out_instead

RESTS_ON = Sentence("This update rests on %(run)s.")
FEWER_PROMPTS = Sentence(
    "train_prompts is %(wanted)s, but the library has only %(there)s to train on: it uses those."
)
FEWER_PAIRS = Sentence(
    "pairs is %(pairs)s, but from n = %(n)s responses only %(most)s can be made: it uses those."
)

FEW_EXAMPLES = Sentence(
    "There are only %(rows)s examples to learn from. With fewer than %(enough)s expect little but "
    "chance: bring more, or take it as a try of the machinery."
)
ENOUGH_EXAMPLES = 100  # fewer give hardly a dozen steps of eight


def start_run(
    *,
    stage: str,
    base: str | None = None,
    dataset: int | None = None,
    reward_run: int | None = None,
    population: str = Population.PEOPLE,
    selection: Mapping[str, Any] | None = None,
    preset: str = "standard",
    settings: Mapping[str, Any] | None = None,
    by: AbstractBaseUser | None = None,
    form_key: str | None = None,
) -> Run:
    """Queue a run. `base` is a contender's slug, `dataset` and `reward_run` are ids.

    Left out, the base is the oldest local contender, the dataset is frozen from the votes of
    `population` when the run begins (or is the newest text, for a stage that learns from text),
    and the reward model is the one with the best held-out accuracy (a stage that can do without
    one, dpo, then learns from the votes). `selection` narrows the votes that are frozen, as in
    `request_dataset`. `settings` win over those of the `preset`, a name in `rlhf.stages.PRESETS`.
    The same `form_key` again starts nothing and returns the run that it started. Raises Invalid
    (with the setting, the number of votes or whatever else is wrong), NotFound, or Unavailable when
    there is no queue.
    """
    make = partial(
        create_run,
        stage=stage,
        base=base,
        dataset=dataset,
        reward_run=reward_run,
        population=population,
        selection=selection,
        preset=preset,
        settings=settings,
        by=by,
        form_key=form_key,
    )
    run, new = once(Run, form_key, make)
    if new:
        transaction.on_commit(partial(enqueue, FOLLOW_RUN, run))
    return run


@transaction.atomic
def create_run(
    *,
    stage: str,
    base: str | None = None,
    dataset: int | None = None,
    reward_run: int | None = None,
    population: str = Population.PEOPLE,
    selection: Mapping[str, Any] | None = None,
    preset: str = "standard",
    settings: Mapping[str, Any] | None = None,
    by: AbstractBaseUser | None = None,
    form_key: str | None = None,
) -> Run:
    """A checked run that somebody else will follow (`follow_run`); see `start_run`."""
    kind = get_stage(stage)
    if dataset is not None and kind.learns_from == "reward":
        raise Invalid(
            _(
                "%(stage)s reads no dataset: it learns from responses of its own, which a reward "
                "model scores. Leave the dataset out, or choose another stage."
            )
            % {"stage": kind.title}
        )
    gate = Gate.objects.first() if kind.makes_contender else None
    run = Run(
        stage=kind.name,
        config={
            **gate_settings(gate),
            **preset_settings(preset, kind.name),
            **check_settings(kind.name, settings or {}),
        },
        base=find_base(base),
        reward_run=find_reward_run(kind, reward_run),
        gate=gate,
        created_by_id=by.pk if by else None,
        form_key=form_key,
    )
    _check_population(population)
    _check_prompts(kind)
    _check_layers(run)
    if kind.makes_contender:
        check_lengths(run.config)
    if run.reward_run is None:
        least = fewest_rows(kind.name, run.config)
        run.dataset = find_dataset(kind, dataset, population, by, least, selection)
    elif dataset is not None:
        raise Invalid(
            _("With a reward model %(stage)s reads no dataset: leave one of them out.")
            % {"stage": kind.title}
        )
    run.notes = [
        *_doubts(run.reward_run), *_shortfalls(run), *_scarcity(run), *_untested(run)
    ]  # fmt: skip
    check_machine(run)
    run.save()
    run.name = _free_name(f"{kind.name}-{run.pk}")
    run.save(update_fields=["name"])
    return run


def try_run(**choices: Any) -> Run:
    """What `create_run` would make of the choices, with its estimate; nothing is kept.

    Raises what `create_run` raises.
    """
    with transaction.atomic():
        run = create_run(**choices)
        transaction.set_rollback(True)
    return run


@transaction.atomic
def cancel_run(run: Run) -> Run:
    """Ask a run to stop; one still queued is cancelled at once. One that ended is a Conflict."""
    run = Run.objects.select_for_update().get(pk=run.pk)
    if run.ended:
        raise Conflict(
            _("%(run)s has ended already (%(state)s).")
            % {"run": run, "state": run.get_state_display()}
        )
    run.cancel_requested = True
    if run.state == Job.State.QUEUED:
        run.state, run.finished_at = Job.State.CANCELLED, timezone.now()
    run.save(update_fields=["cancel_requested", "state", "finished_at"])
    return run


def _free_name(name: str) -> str:
    """A name whose folder is not there yet: folders may outlive a database."""
    folder = Path(django_settings.RUNS_DIR)
    free, number = name, 1
    while (folder / free).exists():
        number += 1
        free = f"{name}-{number}"
    return free


def _doubts(reward_run: Run | None) -> list[str]:
    """What an operator should know about the reward model that an update rests on."""
    doubt = doubt_about(reward_run.summary) if reward_run else None
    return [f"{RESTS_ON(run=reward_run)} {doubt.said}"] if doubt else []


def _shortfalls(run: Run) -> list[str]:
    """Where a run that samples will use less than its settings ask for."""
    config = config_of(run)
    if not isinstance(config, Contrast) or not config.reward_model:
        return []
    found = []
    there = count_training_prompts()
    if config.train_prompts > there:
        found.append(FEWER_PROMPTS(wanted=config.train_prompts, there=there))
    most, pairs_are_made = config.n // 2, getattr(config, "learn", "contrast") == "contrast"
    if config.pairs > most and pairs_are_made:
        found.append(FEWER_PAIRS(pairs=config.pairs, n=config.n, most=most))
    return found


def _scarcity(run: Run) -> list[str]:
    """Whether a policy has so few examples that little can be learnt of them."""
    dataset = run.dataset
    if dataset is None or dataset.format == TEXTS or not get_stage(run.stage).makes_contender:
        return []
    rows = examples_of(run).rows - (dataset.test_rows or 0)
    return [FEW_EXAMPLES(rows=rows, enough=ENOUGH_EXAMPLES)] if rows < ENOUGH_EXAMPLES else []


def _untested(run: Run) -> list[str]:
    """What is held out where nothing of a written dataset is; else it is told once written."""
    there = run.dataset is not None and run.dataset.test_rows == 0
    return held_out_instead(run.stage) if there else []


def _check_population(population: str) -> None:
    if population not in POPULATIONS:
        raise Invalid(
            _("There is no population '%(name)s'. Choose one of: %(known)s.")
            % {"name": population, "known": ", ".join(POPULATIONS)}
        )


def _check_layers(run: Run) -> None:
    """No more than the base has, where its files tell; else the process refuses them."""
    folder = weights_of(run.base) if run.base else None
    shape = read_shape(folder) if folder else None
    asked = run.config.get("layers", 0)
    if shape is not None and asked > shape.layers:
        raise Invalid(
            _(
                "%(contender)s has %(there)s layers, not %(asked)s: set layers to at most that, "
                "or to 0 for a third."
            )
            % {"contender": run.base, "there": shape.layers, "asked": asked}
        )


def _check_prompts(stage: Stage) -> None:
    if stage.makes_contender and not Prompt.objects.filter(active=True).exists():
        raise Invalid(
            _(
                "There are no prompts to sample from. `make run` loads the starter library; "
                "or add prompts in the admin."
            )
        )
