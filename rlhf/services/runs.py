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
from django.utils.translation import ngettext

from arena.errors import Conflict, Invalid, NotFound
from arena.models import Contender, Population, Prompt
from arena.sentences import Sentence
from rlhf.doubts import doubt_about
from rlhf.estimating import read_shape
from rlhf.models import Dataset, Gate, Job, Run
from rlhf.selection import Selection
from rlhf.selectors import (
    chosen_thumbs,
    count_votes,
    local_bases,
    reward_runs,
    text_datasets,
)
from rlhf.selectors.contenders import weights_of
from rlhf.selectors.estimates import config_of
from rlhf.services.datasets import POPULATIONS, create_dataset
from rlhf.services.machine_checks import check_machine
from rlhf.services.preparing import count_training_prompts
from rlhf.services.queue import FOLLOW_RUN, enqueue
from rlhf.stages import (
    MIN_VOTES,
    TEXTS,
    THUMBS,
    Stage,
    check_lengths,
    check_settings,
    fewest_rows,
    get_stage,
    preset_settings,
)
from rlhf.training.settings import Contrast

RESTS_ON = Sentence("This update rests on %(run)s.")
FEWER_PROMPTS = Sentence(
    "train_prompts is %(wanted)s, but the library has only %(there)s to train on: it uses those."
)
FEWER_PAIRS = Sentence(
    "pairs is %(pairs)s, but from n = %(n)s responses only %(most)s can be made: it uses those."
)


def start_run(
    *,
    stage: str,
    base: str | None = None,
    dataset: int | None = None,
    reward_run: int | None = None,
    population: str = Population.PEOPLE,
    preset: str = "standard",
    settings: Mapping[str, Any] | None = None,
    by: AbstractBaseUser | None = None,
) -> Run:
    """Queue a run. `base` is a contender's slug, `dataset` and `reward_run` are ids.

    Left out, the base is the oldest local contender, the dataset is frozen from the votes of
    `population` when the run begins (or is the newest text, for a stage that learns from text),
    and the reward model is the newest (a stage that can do
    without one, dpo, then learns from the votes). `settings` win over those of the `preset`, a
    name in `rlhf.stages.PRESETS`. Raises Invalid (with the setting, the number of
    votes or whatever else is wrong), NotFound, or Unavailable when there is no queue.
    """
    run = create_run(
        stage=stage,
        base=base,
        dataset=dataset,
        reward_run=reward_run,
        population=population,
        preset=preset,
        settings=settings,
        by=by,
    )
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
    preset: str = "standard",
    settings: Mapping[str, Any] | None = None,
    by: AbstractBaseUser | None = None,
) -> Run:
    """A checked run that somebody else will follow (`follow_run`); see `start_run`."""
    kind = get_stage(stage)
    gate = Gate.objects.first() if kind.makes_contender else None
    run = Run(
        stage=kind.name,
        config={
            **_gate_settings(gate),
            **preset_settings(preset, kind.name),
            **check_settings(kind.name, settings or {}),
        },
        base=_base(base),
        reward_run=_reward_run(kind, reward_run),
        gate=gate,
        created_by_id=by.pk if by else None,
    )
    _check_population(population)
    _check_prompts(kind)
    _check_layers(run)
    if kind.makes_contender:
        check_lengths(run.config)
    run.notes = [*_doubts(run.reward_run), *_shortfalls(run)]
    if run.reward_run is None:
        least = fewest_rows(kind.name, run.config)
        run.dataset = _dataset(kind, dataset, population, by, least)
    elif dataset is not None:
        raise Invalid(
            _("With a reward model %(stage)s reads no dataset: leave one of them out.")
            % {"stage": kind.title}
        )
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


def _gate_settings(gate: Gate | None) -> dict[str, Any]:
    """What an operator set of the gate; a run's own settings win."""
    if gate is None:
        return {}
    return {**gate.limits, **({"enter": "operator"} if gate.waits else {})}


def _free_name(name: str) -> str:
    """A name whose folder is not there yet: folders may outlive a database."""
    folder = Path(django_settings.RUNS_DIR)
    free, number = name, 1
    while (folder / free).exists():
        number += 1
        free = f"{name}-{number}"
    return free


def _base(slug: str | None) -> Contender:
    if slug is None:
        bases = sorted(local_bases(), key=lambda contender: contender.pk)
        if not bases:
            raise Invalid(
                _(
                    "There is no local contender to start from: their weights are not on this "
                    "machine. `make run` fetches the default model."
                )
            )
        return bases[0]
    base = Contender.objects.filter(slug=slug).first()
    if base is None:
        raise NotFound(_("There is no contender '%(slug)s'.") % {"slug": slug})
    if base.backend != "local":
        raise Invalid(
            _(
                "%(contender)s answers from another server, so it cannot be trained here. "
                "Choose a local contender."
            )
            % {"contender": base}
        )
    if weights_of(base) is None:
        raise Invalid(
            _("The weights of %(contender)s (%(model)s) are not on this machine.")
            % {"contender": base, "model": base.model}
        )
    return base


def _reward_run(stage: Stage, pk: int | None) -> Run | None:
    if not stage.takes_reward_model and pk is not None:
        raise Invalid(
            _("%(stage)s uses no reward model: leave reward_run out.") % {"stage": stage.title}
        )
    if pk is None:
        if stage.learns_from != "reward":
            return None
        newest = reward_runs().first()
        if newest is None:
            raise Invalid(
                _("%(stage)s needs a reward model, and there is none: train one first.")
                % {"stage": stage.title}
            )
        return _usable(newest)
    run = Run.objects.filter(pk=pk).first()
    if run is None:
        raise NotFound(_("There is no run %(number)s.") % {"number": pk})
    return _usable(run)


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


def _usable(run: Run) -> Run:
    if run.stage != "reward" or run.state != Job.State.SUCCEEDED:
        raise Invalid(
            _(
                "%(run)s is no finished reward model (%(stage)s, %(state)s). "
                "Choose a reward run that succeeded."
            )
            % {"run": run, "stage": run.stage, "state": run.get_state_display()}
        )
    if not (run.folder / "checkpoint").is_dir():
        raise Invalid(
            _("The checkpoint of %(run)s is gone from %(folder)s. Choose another.")
            % {"run": run, "folder": run.folder}
        )
    return run


def _dataset(
    stage: Stage, pk: int | None, population: str, by: AbstractBaseUser | None, least: int
) -> Dataset:
    """The dataset of that number, or one of a population's votes. `least`: rows to train on."""
    if pk is None and stage.reads == TEXTS:
        pk = _newest_text(stage).pk
    if pk is None:
        _check_count(stage, population, least)
        return create_dataset(format=stage.reads, population=population, by=by)
    dataset = Dataset.objects.filter(pk=pk).first()
    if dataset is None:
        raise NotFound(_("There is no dataset %(number)s.") % {"number": pk})
    if not dataset.whole:
        raise Invalid(
            _("Dataset %(number)s has no file (%(state)s). Choose another.")
            % {"number": pk, "state": dataset.get_state_display()}
        )
    if dataset.container != "jsonl":
        raise Invalid(_("Dataset %(number)s is in Parquet; training reads JSONL.") % {"number": pk})
    if dataset.format != stage.reads:
        raise Invalid(
            _("Dataset %(number)s is in the format %(format)s; training reads %(wanted)s.")
            % {"number": pk, "format": dataset.format, "wanted": stage.reads}
        )
    if stage.reads != TEXTS and (dataset.rows or 0) < MIN_VOTES:
        raise Invalid(
            _(
                "%(stage)s needs at least %(least)s votes with texts; "
                "dataset %(number)s has %(rows)s."
            )
            % {"stage": stage.title, "least": MIN_VOTES, "number": pk, "rows": dataset.rows}
        )
    if (trains := (dataset.rows or 0) - (dataset.test_rows or 0)) < least:
        raise Invalid(
            _(
                "%(stage)s needs at least %(least)s rows to train on; of the %(rows)s in dataset "
                "%(number)s all but %(trains)s are held out, since a prompt is on one side only. "
                "Bring rows of more prompts."
            )
            % {
                "stage": stage.title,
                "least": least,
                "number": pk,
                "rows": dataset.rows,
                "trains": trains,
            }
        )
    return dataset


def _newest_text(stage: Stage) -> Dataset:
    newest = text_datasets().first()
    if newest is None:
        raise Invalid(
            _("%(stage)s needs text, and there is none: import a file under Lab, Datasets.")
            % {"stage": stage.title}
        )
    return newest


def _check_count(stage: Stage, population: str, least: int) -> None:
    if stage.reads == THUMBS:
        _check_thumbs(stage, population, least)
        return
    found = count_votes(population).with_texts
    if found < MIN_VOTES:
        raise Invalid(
            _too_few(population, found)
            % {
                "stage": stage.title,
                "least": MIN_VOTES,
                "found": found,
                "missing": MIN_VOTES - found,
            }
        )


def _check_thumbs(stage: Stage, population: str, least: int) -> None:
    """Enough of both kinds. How many of them are held out is known once they are frozen."""
    values = list(chosen_thumbs(Selection(population=population)).values_list("value", flat=True))
    ups = sum(value > 0 for value in values)
    if len(values) < least:
        raise Invalid(
            _("%(stage)s needs at least %(least)s thumbs to train on; there are %(found)s.")
            % {"stage": stage.title, "least": least, "found": len(values)}
        )
    if not 0 < ups < len(values):
        raise Invalid(
            _("%(stage)s needs thumbs of both kinds; of %(found)s %(ups)s are up.")
            % {"stage": stage.title, "found": len(values), "ups": ups}
        )


def _too_few(population: str, found: int) -> str:
    if population == Population.PEOPLE:
        return ngettext(
            "%(stage)s needs at least %(least)s votes with texts; there is %(found)s of people. "
            "Collect %(missing)s more.",
            "%(stage)s needs at least %(least)s votes with texts; there are %(found)s of people. "
            "Collect %(missing)s more.",
            found,
        )
    if population == Population.SIMULATED:
        return ngettext(
            "%(stage)s needs at least %(least)s votes with texts; there is %(found)s of simulated "
            "raters. Collect %(missing)s more.",
            "%(stage)s needs at least %(least)s votes with texts; there are %(found)s of simulated "
            "raters. Collect %(missing)s more.",
            found,
        )
    return ngettext(
        "%(stage)s needs at least %(least)s votes with texts; there is %(found)s. "
        "Collect %(missing)s more.",
        "%(stage)s needs at least %(least)s votes with texts; there are %(found)s. "
        "Collect %(missing)s more.",
        found,
    )


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
