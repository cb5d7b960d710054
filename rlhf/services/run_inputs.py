"""What a run starts from: its base, its reward model, its dataset. Each is found, or refused."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from arena.errors import Invalid, NotFound
from arena.models import Contender, Population
from rlhf.exporting import known_format
from rlhf.models import Dataset, Job, Run
from rlhf.selection import Selection
from rlhf.selectors import (
    best_reward_run,
    chosen_thumbs,
    count_votes,
    local_bases,
    text_datasets,
)
from rlhf.selectors.contenders import weights_of
from rlhf.services.datasets import create_dataset
from rlhf.stages import MIN_VOTES, RANKINGS, TEXTS, THUMBS, Stage


def find_base(slug: str | None) -> Contender:
    """The contender of that slug, or the oldest local one."""
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


def find_reward_run(stage: Stage, pk: int | None) -> Run | None:
    """The reward model of that number, or the best one where the stage needs one."""
    if not stage.takes_reward_model and pk is not None:
        raise Invalid(
            _("%(stage)s uses no reward model: leave reward_run out.") % {"stage": stage.title}
        )
    if pk is None:
        if stage.learns_from != "reward":
            return None
        best = best_reward_run()
        if best is None:
            raise Invalid(
                _("%(stage)s needs a reward model, and there is none: train one first.")
                % {"stage": stage.title}
            )
        return _usable(best)
    run = Run.objects.filter(pk=pk).first()
    if run is None:
        raise NotFound(_("There is no run %(number)s.") % {"number": pk})
    return _usable(run)


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


def find_dataset(
    stage: Stage,
    pk: int | None,
    population: str,
    by: AbstractBaseUser | None,
    least: int,
    selection: Mapping[str, Any] | None = None,
) -> Dataset:
    """The dataset of that number, or one of a population's votes, or of a selection of these.

    `least`: rows to train on.
    """
    if pk is None and stage.reads == TEXTS:
        pk = _newest_text(stage).pk
    if pk is None:
        _check_count(stage, population, least)
        return create_dataset(format=stage.reads, population=population, selection=selection, by=by)
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
    if dataset.format not in stage.formats:
        raise Invalid(
            _(
                "%(stage)s learns from %(kinds)s. Dataset %(number)s holds something else: "
                "%(format)s. Choose another."
            )
            % {
                "stage": stage.title,
                "kinds": stage.reads_in_words,
                "number": pk,
                "format": known_format(dataset.format).title,
            }
        )
    if dataset.format in {RANKINGS, THUMBS} and (dataset.rows or 0) < MIN_VOTES:
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
        said = _too_few(population, found) % {
            "stage": stage.title,
            "least": MIN_VOTES,
            "found": found,
            "missing": MIN_VOTES - found,
        }
        raise Invalid(said + _elsewhere(population, lambda other: count_votes(other).with_texts))


def _check_thumbs(stage: Stage, population: str, least: int) -> None:
    """Enough of both kinds. How many of them are held out is known once they are frozen."""
    values = _thumbs_of(population)
    ups = sum(value > 0 for value in values)
    elsewhere = partial(_elsewhere, population, lambda other: len(_thumbs_of(other)))
    if len(values) < least:
        said = _("%(stage)s needs at least %(least)s thumbs to train on; there are %(found)s.") % {
            "stage": stage.title,
            "least": least,
            "found": len(values),
        }
        raise Invalid(said + elsewhere())
    if not 0 < ups < len(values):
        said = _("%(stage)s needs thumbs of both kinds; of %(found)s %(ups)s are up.") % {
            "stage": stage.title,
            "found": len(values),
            "ups": ups,
        }
        raise Invalid(said + elsewhere())


def _thumbs_of(population: str) -> list[int]:
    return list(chosen_thumbs(Selection(population=population)).values_list("value", flat=True))


def _elsewhere(population: str, count: Callable[[str], int]) -> str:
    """A sentence, after a space, on what the others have who could have voted; often empty."""
    found = {other: count(other) for other in Population if population not in {other, "all"}}
    return "".join(
        " "
        + _(
            "Left aside: %(found)s of %(whose)s. Choose these under Who voted, or with "
            "--population %(name)s."
        )
        % {"whose": other.label, "found": number, "name": other.value}
        for other, number in found.items()
        if number
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
