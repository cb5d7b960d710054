"""What operators choose on the lab's pages, turned into the services' arguments."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from arena.errors import Invalid
from arena.models import Contender
from arena.sentences import shown
from rlhf.doubts import doubt_about
from rlhf.exporting import get_format
from rlhf.models import Dataset, Run
from rlhf.selectors import (
    best_reward_run,
    datasets_for,
    local_bases,
    reward_runs,
    text_datasets,
    who_enters,
)
from rlhf.stages import (
    DEFAULT_UPDATE,
    PRESETS,
    STAGES,
    THUMBS,
    UPDATES,
    Stage,
    wrong_settings,
)
from rlhf.templatetags.lab import percent
from rlhf.training.settings import Pretrain

POPULATIONS = [
    ("people", _("people")),
    ("simulated", _("simulated raters")),
    ("all", _("both together")),
]


COMMENT = re.compile(r"(?:^|\s)#")
COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")


@dataclass
class TypedSettings:
    """Lines of `name = value  # comment`, read: values and line numbers by name.

    wrong: by line number what is wrong with a line, in the reader's language.
    """

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    wrong: dict[int, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> "TypedSettings":
        """Every line of a text; a value is JSON, or else a text."""
        found = cls()
        for number, line in enumerate(text.splitlines(), start=1):
            if setting := COMMENT.split(line, maxsplit=1)[0].strip():
                found._take(number, setting)
        return found

    def _take(self, number: int, setting: str) -> None:
        name, equals, given = (part.strip() for part in setting.partition("="))
        if not equals or not name:
            text = gettext("Line %(number)s is no setting: write a name, =, and a value.")
            self.wrong[number] = text % {"number": number}
        elif name in self.lines:
            text = gettext("Line %(number)s sets %(name)s once more: keep one of them.")
            self.wrong[number] = text % {"number": number, "name": name}
        else:
            self.lines[name] = number
            try:
                self.values[name] = parse_setting(given)
            except Invalid as refusal:
                self._refuse(number, refusal.reason)

    def check(self, stage: str) -> None:
        """Add to what is wrong what a stage cannot be told."""
        for name, reason in wrong_settings(stage, self.values).items():
            self._refuse(self.lines[name], shown(reason))

    def _refuse(self, number: int, reason: str) -> None:
        text = gettext("Line %(number)s: %(reason)s")
        self.wrong[number] = text % {"number": number, "reason": reason}


class SettingsField(forms.CharField):
    """Settings as lines, which are read as `TypedSettings`."""

    widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})

    def clean(self, value: str | None) -> Any:
        return TypedSettings.parse(super().clean(value))


def parse_setting(text: str) -> Any:
    """A setting's value as typed: JSON where it is JSON, else the text itself.

    A comma is read as a decimal one. Raises Invalid where it may part thousands as well.
    """
    typed = text.strip()
    try:
        return json.loads(typed)
    except ValueError:
        pass
    return float(with_point(typed)) if COMMA.fullmatch(typed) else typed


def with_point(typed: str) -> str:
    """What was typed, with a point for a decimal comma, as many languages write it.

    Raises Invalid where the comma may part thousands as well.
    """
    if not COMMA.fullmatch(typed):
        return typed
    if THOUSANDS.fullmatch(typed):
        raise Invalid(
            gettext("%(typed)s can mean %(whole)s or %(parted)s. Write one of these instead.")
            % {
                "typed": typed,
                "whole": typed.replace(",", ""),
                "parted": float(typed.replace(",", ".")),
            }
        )
    return typed.replace(",", ".")


class RunForm(forms.Form):
    """What every form that starts a run asks for."""

    preset = forms.ChoiceField(
        choices=[(preset.name, preset.title) for preset in PRESETS.values()],
        initial="standard",
        label=_("How thorough"),
        help_text=_("Standard suits two cores without a GPU, thorough a night on them."),
    )
    settings = SettingsField(
        required=False,
        label=_("Settings of your own"),
        help_text=_("One per line, such as <code>seed = 1</code>. They win over the preset."),
    )

    def clean(self) -> dict[str, Any]:
        chosen = super().clean() or {}
        if isinstance(typed := chosen.get("settings"), TypedSettings):
            if "stage" in chosen:
                typed.check(chosen["stage"])
            chosen["settings"] = typed.values
            for _line, reason in sorted(typed.wrong.items()):
                self.add_error("settings", reason)
        return chosen

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of `services.start_run`; each form adds its own."""
        return {"preset": self.cleaned_data["preset"], "settings": self.cleaned_data["settings"]}


class _Datasets(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Dataset) -> str:
        of = obj.source or f"{obj.get_population_display()}, {date_format(obj.created_at)}"
        return f"{obj.pk}: {of}"


class _PreferenceDatasets(_Datasets):
    def label_from_instance(self, obj: Dataset) -> str:
        return f"{super().label_from_instance(obj)} · {get_format(obj.format).title}"


class RewardForm(RunForm):
    """A reward model from the rankings."""

    stage = forms.ChoiceField(
        choices=[("reward", _("Reward model"))], initial="reward", widget=forms.HiddenInput
    )
    population = forms.ChoiceField(choices=POPULATIONS, initial="people", label=_("Who voted"))
    dataset = _Datasets(
        queryset=None,
        label=_("Dataset"),
        empty_label=_("frozen now, from votes"),
        required=False,
    )
    field_order = ("stage", "dataset", "population", "preset", "settings")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        datasets = self.fields["dataset"]
        assert isinstance(datasets, forms.ModelChoiceField)
        datasets.queryset = datasets_for(STAGES["reward"])
        datasets.help_text = _datasets_hint(STAGES["reward"])

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of `services.start_run`."""
        dataset = self.cleaned_data["dataset"]
        return super().arguments() | {
            "stage": "reward",
            "dataset": dataset.pk if dataset else None,
            "population": self.cleaned_data["population"],
        }


class _Contenders(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Contender) -> str:
        return f"{obj.name} ({obj.model})"


def local_contenders() -> "QuerySet[Contender]":
    """Contenders that can be trained further, as a form offers them."""
    able = [contender.pk for contender in local_bases()]
    return Contender.objects.filter(pk__in=able).order_by("pk")


class PolicyForm(RunForm):
    """What forms ask for whose result may enter battles."""

    enter = forms.ChoiceField(
        choices=[("gate", _("enters battles by itself")), ("operator", _("waits for a person"))],
        required=False,
        label=_("A result that passes its gate"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["enter"].initial = who_enters()

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of `services.start_run`; each form adds its own."""
        found = super().arguments()
        enter = self.cleaned_data["enter"]
        if enter not in {"", who_enters()}:
            found["settings"] = {"enter": enter, **found["settings"]}
        return found


class PretrainForm(PolicyForm):
    """A local contender goes on pretraining on text."""

    stage = forms.ChoiceField(
        choices=[("pretrain", STAGES["pretrain"].title)],
        initial="pretrain",
        widget=forms.HiddenInput,
    )
    dataset = _Datasets(queryset=None, label=_("Text"), empty_label=None)
    base = _Contenders(queryset=None, label=_("Contender to start from"), empty_label=None)
    field_order = ("stage", "dataset", "base", "enter", "preset", "settings")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        texts, bases = self.fields["dataset"], self.fields["base"]
        assert isinstance(texts, forms.ModelChoiceField)
        assert isinstance(bases, forms.ModelChoiceField)
        texts.queryset, bases.queryset = text_datasets(), local_contenders()
        texts.help_text = gettext(
            "As standard, up to %(tokens)s tokens of it are trained on; "
            "<code>train_tokens = 0</code> takes all."
        ) % {"tokens": number_format(Pretrain.train_tokens, force_grouping=True)}
        if not texts.queryset.exists():
            needed = _(
                "%(stage)s needs text, and there is none: import a file under Lab, Datasets."
            )
            for name in ("required", "invalid_choice"):
                texts.error_messages[name] = needed % {"stage": STAGES["pretrain"].title}

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of `services.start_run`."""
        return super().arguments() | {
            "stage": "pretrain",
            "base": self.cleaned_data["base"].slug,
            "dataset": self.cleaned_data["dataset"].pk,
        }


class _RewardModels(forms.ModelChoiceField):  # type: ignore[type-arg]
    best: Run | None = None

    def label_from_instance(self, obj: Run) -> str:
        said = self._said(obj)
        name = f"{obj.name} – {said}" if said else obj.name  # first: phones cut the end
        return f"{name}, {date_format(obj.created_at, 'DATETIME_FORMAT')}"

    def _said(self, run: Run) -> str:
        """What speaks against it, or else how often it was right on held-out pairs."""
        if (doubt := doubt_about(run.summary)) is not None:
            return str(doubt.title)
        if (rate := run.summary.get("metrics", {}).get("test_accuracy")) is None:
            return ""
        if run == self.best:
            return gettext("best held-out accuracy: %(rate)s") % {"rate": percent(rate)}
        return gettext("held-out accuracy: %(rate)s") % {"rate": percent(rate)}


class UpdateForm(PolicyForm):
    """An update of a local contender. It asks for what the chosen method learns from."""

    stage = forms.ChoiceField(
        choices=[(name, STAGES[name].title) for name in UPDATES],
        initial=DEFAULT_UPDATE,
        label=_("Method"),
    )
    base = _Contenders(queryset=None, label=_("Contender to improve"), empty_label=None)
    reward_run = _RewardModels(
        queryset=None,
        label=_("Reward model"),
        empty_label=_("none: learn from the votes themselves"),
        required=False,
    )
    population = forms.ChoiceField(
        choices=POPULATIONS,
        initial="people",
        label=_("Who voted"),
        error_messages={"required": _("Choose whose votes it learns from.")},
    )
    dataset = _PreferenceDatasets(
        queryset=None,
        label=_("Dataset"),
        empty_label=_("frozen now, from votes"),
        required=False,
    )
    field_order = (
        "stage", "base", "reward_run", "dataset", "population", "enter", "preset", "settings",
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = self["stage"].value()
        self.method = STAGES[chosen if chosen in UPDATES else DEFAULT_UPDATE]
        bases = self.fields["base"]
        assert isinstance(bases, forms.ModelChoiceField)
        bases.queryset = local_contenders()
        if self.method.takes_reward_model:
            self._offer_reward_models()
        else:
            del self.fields["reward_run"]
        if self.method.learns_from == "reward":
            del self.fields["population"], self.fields["dataset"]
        else:
            self._offer_datasets()

    def _offer_reward_models(self) -> None:
        rewards = self.fields["reward_run"]
        assert isinstance(rewards, _RewardModels)
        rewards.queryset = reward_runs()
        rewards.best = rewards.initial = best = best_reward_run()
        if self.method.learns_from != "reward":
            return
        rewards.required, rewards.empty_label = True, None
        needed = _("%(stage)s needs a reward model: choose one.")
        if best is None:
            needed = _("%(stage)s needs a reward model, and there is none: train one first.")
            rewards.help_text = _('There is none yet: <a href="#reward-title">train one</a> first.')
        rewards.error_messages["required"] = needed % {"stage": self.method.title}

    def _offer_datasets(self) -> None:
        datasets = self.fields["dataset"]
        assert isinstance(datasets, forms.ModelChoiceField)
        datasets.queryset = datasets_for(self.method)
        datasets.help_text = _datasets_hint(self.method)
        datasets.error_messages["invalid_choice"] = gettext(
            "%(stage)s learns from %(kinds)s: choose a dataset with enough of them, or have one "
            "frozen now."
        ) % {"stage": self.method.title, "kinds": self.method.reads_in_words}
        if self.method.reads == THUMBS:
            datasets.empty_label = gettext("frozen now, from thumbs")

    def clean(self) -> dict[str, Any]:
        chosen = super().clean()
        # Without scripts the form may have been another method's when it was filled in.
        if "dataset" not in self.fields and self.data.get(self.add_prefix("dataset")):
            text = _(
                "%(stage)s reads no dataset: it learns from responses of its own, which the "
                "reward model scores. Send the form again without one, or choose another method."
            )
            self.add_error(None, text % {"stage": self.method.title})
        return chosen

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of `services.start_run`."""
        chosen = self.cleaned_data
        reward_run, dataset = chosen.get("reward_run"), chosen.get("dataset")
        whose = {"population": chosen["population"]} if "population" in chosen else {}
        return (
            super().arguments()
            | whose
            | {
                "stage": self.method.name,
                "base": chosen["base"].slug,
                "reward_run": reward_run.pk if reward_run else None,
                "dataset": dataset.pk if dataset else None,
            }
        )


def _datasets_hint(stage: Stage) -> str:
    """Which datasets a form offers for a stage, or where to get one."""
    told = {
        "kinds": stage.reads_in_words,
        "builder": f"{reverse('dataset-new')}?format={stage.reads}",
        "imports": reverse("datasets") + "#imports",
    }
    if datasets_for(stage).exists():
        return gettext("Or %(kinds)s that were imported or frozen before.") % told
    if stage.reads == THUMBS:  # no file of others has any
        text = gettext(
            'There is no dataset with enough %(kinds)s yet: <a href="%(builder)s">freeze one</a>.'
        )
    else:
        text = gettext(
            'There is no dataset with enough %(kinds)s yet: <a href="%(builder)s">freeze one</a> '
            'or <a href="%(imports)s">import a file</a>.'
        )
    return text % told
