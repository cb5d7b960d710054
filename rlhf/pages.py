"""What the lab's pages show, as values for the templates."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.forms import Form
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from arena.models import Population
from rlhf import gate_page, reward_page, selectors, services
from rlhf.charts import chart
from rlhf.checkpoints import checkpoints_of
from rlhf.dataset_forms import TEXT_LIMITS, DatasetForm
from rlhf.doubts import doubt_about
from rlhf.exporting import (
    FORMATS,
    Format,
    Survey,
    get_format,
    gives_nothing,
    known_format,
    preview,
    survey,
)
from rlhf.filling import address_of, form_name, preset_and_own
from rlhf.models import Dataset, Job, Run
from rlhf.selection import Selection
from rlhf.selection_wording import selection_in_words
from rlhf.stages import (
    MIN_VOTES,
    RANKINGS,
    STAGES,
    THUMBS,
    fewest_rows,
    get_stage,
    list_knobs,
)
from rlhf.training.gate import CLEAR, CLEAR_GAIN
from rlhf.untested import held_out_instead
from rlhf.wording import LEFT_OUT, figure_meaning, figure_name, phase_name, place_in_words

LOG_LINES = 60
PREVIEWED = 5  # rows of a dataset
LONGEST_ROW = 4_000  # characters of it
HELD_OUT = {"held_out_perplexity", "held_out_perplexity_base", "held_out_gain"} | {
    "held_out_gain_error",
    "held_out_tokens",
}
# Figures of a summary that have a place of their own.
ELSEWHERE = {
    "base", "policy", "gate", "kept", "changed", "win_rate", "win_rate_error", "reward_gain",
    "reward_gain_error", "members_gain",
} | reward_page.SHOWN | HELD_OUT  # fmt: skip
# What the evaluation measures, and what it is called.
QUALITIES = {
    "reward": _("Reward"),
    "spread": _("Doubt"),
    "nll": _("Surprise"),
    "entropy": _("Variety"),
    "repetition": _("Repetition"),
    "distinct": _("Distinct"),
    "length": _("Length"),
    "finished": _("Finished"),
}


@dataclass(frozen=True, slots=True)
class QualityLine:
    """One measured quality of the update beside its base."""

    name: str | Promise
    meaning: str
    base: float | None
    new: float | None


def user_of(request: HttpRequest) -> AbstractBaseUser:
    """The member of staff that the gate let in."""
    assert isinstance(request.user, AbstractBaseUser)
    return request.user


def lab() -> dict[str, Any]:
    """The pipeline: how much there is to learn from, and what has been made of it."""
    people = selectors.count_votes(Population.PEOPLE)
    simulated = selectors.count_votes(Population.SIMULATED)
    enough = selectors.datasets_for(STAGES["reward"]).exists()  # as after an import
    return {
        "people": people,
        "simulated": simulated,
        "least": MIN_VOTES,
        "missing": 0 if enough else max(0, MIN_VOTES - people.with_texts),
        "reward_model": selectors.reward_runs().first(),
        "entered": Run.objects.exclude(contender=None).select_related("contender").first(),
        "bases": len(selectors.local_bases()),
        "texts": selectors.text_datasets().first(),
        "text_limits": TEXT_LIMITS,
        "pretrained": Run.objects.filter(stage="pretrain", state=Job.State.SUCCEEDED).first(),
    }


def tried(made: Run) -> dict[str, Any]:
    """What a run would take, that nobody started."""
    return {
        "estimate": _estimate(made),
        "unknown_size": not made.estimate,
        "notes": made.notes,
    }


def errors_of(form: Form) -> list[str]:
    """All that is wrong with a form, field by field; the first of each with the field's name."""
    found: list[str] = []
    for name, errors in form.errors.items():
        first, *others = map(str, errors)
        label = form.fields[name].label if name in form.fields else ""
        found += [f"{label}: {first}" if label else first, *others]
    return found


def _estimate(found: Run) -> selectors.Estimate | None:
    """The run's estimate as it was kept; None for a run of before there were any."""
    return selectors.Estimate(**found.estimate) if found.estimate else None


@dataclass(frozen=True, slots=True)
class Choice:
    """A link that shows something else in the same place."""

    label: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Interruption:
    """When, where and why an earlier process of a run ended."""

    at: datetime
    phase: str
    step: int
    reason: str

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Interruption":
        """As the run keeps it."""
        at, phase = datetime.fromisoformat(told["at"]), phase_name(told["phase"])
        return cls(at, phase, told["step"], told["reason"])


RESULT = "result"


def run(found: Run, samples_of: str = "") -> dict[str, Any]:
    """A run: where it is, what it measured, what came of it.

    `samples_of`: the step whose samples are shown, or "result"; the newest if there is none such.
    """
    stage = get_stage(found.stage)
    metrics = found.summary.get("metrics", {})
    vitals = selectors.vitals(found)
    reason, _, log = found.error.partition("\n\n")
    curves = selectors.curves(found)
    return {
        "run": found,
        "stage": stage,
        "preset": _preset(found),
        "reason": reason,
        "interruptions": [Interruption.of(told) for told in found.interruptions],
        "phase": phase_name(found.phase),
        "place": place_in_words(found.phase, found.step, found.total),
        "seconds_left": selectors.seconds_left(found),
        "seconds": selectors.seconds_taken(found),
        "can_resume": selectors.can_resume(found),
        "form_name": form_name(found.stage),
        "estimate": _estimate(found),
        "vitals": vitals,
        "speeds": [(phase_name(phase), speed) for phase, speed in vitals.speeds],
        "charts": [chart(curve) for curve in curves],
        "one_point": (
            found.ended and stage.makes_contender and not curves and selectors.has_figures(found)
        ),
        "checkpoints": checkpoints_of(found),
        **_samples(selectors.samples(found) if stage.makes_contender else [], samples_of),
        "log": log or selectors.log_tail(found, LOG_LINES),
        "qualities": _qualities(metrics),
        "figures": _figures(metrics),
        "reward": reward_page.evaluation(metrics),
        "doubt": doubt_about(found.summary) if stage.name == "reward" else None,
        "held_out": _held_out(metrics),
        "win_rate": metrics.get("win_rate"),
        "win_rate_error": metrics.get("win_rate_error"),
        "gain": metrics.get("reward_gain"),
        "gain_error": metrics.get("reward_gain_error"),
        "gain_unclear": _unclear(metrics.get("reward_gain"), metrics.get("reward_gain_error")),
        "members_gain": metrics.get("members_gain"),
        "gate": metrics.get("gate"),
        "verdict": gate_page.verdict(found, makes_contender=stage.makes_contender),
        **_settings(found),
        "policy_runs": found.policy_runs.all() if stage.name == "reward" else [],
    }


def _settings(found: Run) -> dict[str, list[tuple[str, Any]]]:
    """All settings in effect, by name: `settings` differ from the defaults, `defaults` do not."""
    usual = {knob.name: knob.default for knob in list_knobs(found.stage)}
    in_effect = sorted((usual | found.config).items())
    return {
        "settings": [(name, value) for name, value in in_effect if value != usual.get(name)],
        "defaults": [(name, value) for name, value in in_effect if value == usual.get(name)],
    }


def _preset(found: Run) -> str | Promise:
    preset, own = preset_and_own(found)
    usual = {knob.name: knob.default for knob in list_knobs(found.stage)}
    meant = {**usual, **preset.settings.get(found.stage, {})}
    # Who enters a result makes its training no other.
    if all(value == meant.get(name) for name, value in own.items() if name != "enter"):
        return preset.title
    return gettext("%(preset)s, with changes") % {"preset": preset.title}


def dataset(found: Dataset) -> dict[str, Any]:
    told, counts = found.manifest.get("survey"), found.manifest.get("counts", {})
    return {
        "dataset": found,
        "why_not_again": services.why_not_again(found) if found.cut_short else "",
        "builder": _builder_of(found),
        "trains": [
            (stage.title, address_of(stage, found)) for stage in selectors.stages_for(found)
        ],
        "why_not_trained": _why_not_trained(found),
        "untested": _untested(found.format) if found.whole and not found.test_rows else [],
        "format": known_format(found.format),
        "used_by": found.run_set.all(),
        "selected": selection_in_words(found.selection),
        "survey": told,
        "preview": list(map(_row_in_words, selectors.first_rows(found, PREVIEWED))),
        "exact": told and told["sampled"] >= told["votes"] - told["disputed"],
        "left_out": [(words, counts[name]) for name, words in LEFT_OUT.items() if counts.get(name)],
        "scrubbed": counts.get("scrubbed", {}),
    }


def _why_not_trained(found: Dataset) -> str:
    """Why no stage can learn from a dataset that no stage can learn from."""
    if not any(found.format in stage.formats for stage in STAGES.values()):
        return gettext("Nothing here trains on this format: it serves other programs.")
    if found.container != "jsonl":
        return gettext("Training here reads JSON Lines, and this is Parquet.")
    rows = found.rows or 0
    if found.format in {RANKINGS, THUMBS} and rows < MIN_VOTES:
        text = gettext("Too few rows to train on: %(rows)s, and at least %(least)s are needed.")
        return text % {"rows": rows, "least": MIN_VOTES}
    text = gettext(
        "Too few rows to train on besides those that are held out: %(rows)s, and at least "
        "%(least)s are needed."
    )
    least = min(fewest_rows(one.name, {}) for one in STAGES.values() if found.format in one.formats)
    return text % {"rows": rows - (found.test_rows or 0), "least": least}


def _untested(format_name: str) -> list[str]:
    """That no row of a dataset of this format is for testing, and what is then done in training."""
    stages = [stage.name for stage in STAGES.values() if format_name in stage.formats]
    done = [told for stage in stages for told in held_out_instead(stage)]
    return done or [gettext("None of its rows is for testing.")]


def _row_in_words(row: Mapping[str, Any]) -> str:
    text = json.dumps(row, indent=2, ensure_ascii=False)
    return text if len(text) <= LONGEST_ROW else f"{text[:LONGEST_ROW]} …"


def _builder_of(found: Dataset) -> str:
    """The builder's address with the dataset's choices."""
    chosen = {name: getattr(found, name) for name in ("format", "container", "population")}
    tags = {"tags": " ".join(found.selection.get("tags", []))}  # one field of words
    fields = urlencode(chosen | found.selection | tags, doseq=True)
    return f"{reverse('dataset-new')}?{fields}"


@dataclass(frozen=True, slots=True)
class Yield:
    """How many rows a selection gives in a format; only about so many, or at least, if so."""

    format: Format
    rows: int
    about: bool = False
    at_least: bool = False


def _yield_of(form: Format, found: Survey) -> Yield:
    rows = found.rows[form.name]
    if found.exact or form.unit == "thumb":
        return Yield(form, rows)
    if form.once_per_prompt:  # other votes may be on other prompts, or on the same
        return Yield(form, rows, at_least=True)
    return Yield(form, rows * (found.votes - found.disputed) // found.sampled, about=True)


def yielded(form: DatasetForm) -> dict[str, Any]:
    """What the selection of a valid form yields, and the fields that freeze just that."""
    chosen = form.arguments()
    selection = Selection.parse(chosen["selection"])
    kind = get_format(chosen["format"])
    disputed = selectors.disputed_of(selection)
    found = survey(selection, FORMATS, disputed)
    first = preview(kind, selection, disputed)
    of_votes = first and kind.unit != "thumb"  # a survey tells the prompts of votes
    return {
        "format": kind,
        "survey": found.as_dict(),
        "yields": [_yield_of(form, found) for form in FORMATS.values()],
        "exact": found.exact,
        "untested": (
            _untested(kind.name) if of_votes and found.exact and not found.test_prompts else []
        ),
        "preview": list(map(_row_in_words, first)),
        "without_rows": not first and gives_nothing(kind, selection),
        "fields": [(name, value) for name, values in form.data_lists().items() for value in values],
    }


def _samples(written: list[selectors.Samples], wanted: str) -> dict[str, Any]:
    """The samples of one step, and links to those of the others."""
    if not written:
        return {}
    names = [RESULT if group.step is None else str(group.step) for group in written]
    shown = names.index(wanted) if wanted in names else len(names) - 1
    return {
        "samples": written[shown],
        "samples_of": wanted if wanted in names else "",
        "samples_choices": [
            Choice(_step_name(group.step), f"?samples={name}#samples", place == shown)
            for place, (group, name) in enumerate(zip(written, names, strict=True))
        ],
    }


def _step_name(step: int | None) -> str:
    return gettext("result") if step is None else gettext("step %(step)s") % {"step": step}


def _held_out(metrics: dict[str, Any]) -> dict[str, float] | None:
    """Perplexity on held-out text before and after; the gain's 95 % interval where there is one."""
    if (new := metrics.get("held_out_perplexity")) is None:
        return None
    found = {
        "base": metrics["held_out_perplexity_base"],
        "new": new,
        "tokens": metrics["held_out_tokens"],
    }
    gain, error = metrics["held_out_gain"], metrics.get("held_out_gain_error")
    if error is not None:
        found |= {"gain": gain, "lower": gain - CLEAR * error, "upper": gain + CLEAR * error}
    return found


def _unclear(gain: float | None, error: float | None) -> bool:
    """Whether it is neither a clear gain, by the gate's standard, nor clearly a loss."""
    return gain is not None and error is not None and -CLEAR * error <= gain < CLEAR_GAIN * error


def _qualities(metrics: dict[str, Any]) -> list[QualityLine]:
    base, new = metrics.get("base"), metrics.get("policy")
    if not isinstance(base, dict) or not isinstance(new, dict):
        return []
    return [
        QualityLine(name, figure_meaning(key), base.get(key), new.get(key))
        for key, name in QUALITIES.items()
        if base.get(key) is not None or new.get(key) is not None
    ]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a summary, what it is called and what it means."""

    name: str
    meaning: str
    value: float


def _figures(metrics: dict[str, Any], within: str = "") -> list[Figure]:
    """The plain figures of a summary, nested ones by their path."""
    found: list[Figure] = []
    for key, value in metrics.items():
        if key in ELSEWHERE:
            continue
        name = f"{within}{figure_name(key)}"
        if isinstance(value, dict):
            found += _figures(value, f"{name}: ")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found.append(Figure(name, figure_meaning(key), value))
    return found
