"""The stages as the lab knows them: what each learns from, what it makes, in plain words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from arena.errors import Invalid
from arena.sentences import Sentence
from rlhf.training import DEFAULT_UPDATE, settings
from rlhf.training.config import REASONS, Knob, check_knobs, knobs, wrong_knobs
from rlhf.training.errors import InputError
from rlhf.training.settings import gate_knobs

MIN_VOTES = 20
# What is wrong with a setting, as training says it.
SETTING_REASONS = [Sentence(reason) for reason in REASONS]
# The dataset formats that stages read which learn from raters themselves, or from files.
RANKINGS, THUMBS, TEXTS, DEMONSTRATIONS = "ranking", "trl-unpaired", "text", "trl-sft"
# What datasets of these formats hold, in plain words.
HELD = {
    RANKINGS: _("rankings"),
    THUMBS: _("thumbs"),
    TEXTS: _("text"),
    DEMONSTRATIONS: _("demonstrations"),
}


@dataclass(frozen=True)
class Stage:
    """A training stage and where its examples come from.

    `learns_from`: texts, votes, the best of votes (or demonstrations), thumbs, responses that a
    reward model scores, or votes or those (with a reward model if one is given).
    """

    name: str
    title: str | Promise
    explained: str | Promise
    learns_from: Literal["texts", "votes", "best", "thumbs", "reward", "either"]
    makes_contender: bool = True

    @property
    def takes_reward_model(self) -> bool:
        """Whether a reward model can be given."""
        return self.learns_from in {"reward", "either"}

    @property
    def reads(self) -> str:
        """The format of its examples, where no reward model gives them."""
        return self.formats[0]

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats that a dataset for it may have; votes are frozen in the first.

        None where a reward model gives all examples.
        """
        told: dict[str, tuple[str, ...]] = {
            "thumbs": (THUMBS,),
            "texts": (TEXTS,),
            "best": (RANKINGS, DEMONSTRATIONS),
            "reward": (),
        }
        return told.get(self.learns_from, (RANKINGS,))

    @property
    def reads_in_words(self) -> str:
        """What a dataset for it may hold: "rankings or demonstrations"."""
        words = [str(HELD[name]) for name in self.formats]
        if len(words) == 1:
            return words[0]
        return gettext("%(some)s or %(others)s") % {"some": words[0], "others": words[1]}


STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage(
            "pretrain",
            _("Continued pretraining"),
            _("Learns to go on in text of your own, before it learns from raters."),
            learns_from="texts",
        ),
        Stage(
            "reward",
            _("Reward model"),
            _("Learns from the rankings to give a response a score: higher is what raters prefer."),
            learns_from="votes",
            makes_contender=False,
        ),
        Stage(
            "best-of-n",
            _("Best-of-n distillation"),
            _(
                "Samples several responses to each prompt, and moves towards the one that the "
                "reward model likes best, away from the one that it likes least."
            ),
            learns_from="reward",
        ),
        Stage(
            "grpo",
            "GRPO",
            _(
                "Reinforcement learning: samples responses in groups and moves towards those that "
                "the reward model scores above their group. The setting baseline makes it RLOO."
            ),
            learns_from="reward",
        ),
        Stage(
            "dpo",
            "DPO",
            _(
                "Moves towards better and away from worse responses: of its own samples by the "
                "reward model, or without one the raters' best and worst."
            ),
            learns_from="either",
        ),
        Stage(
            "kto",
            "KTO",
            _(
                "Moves towards responses with a thumb up and away from those with a thumb down: no "
                "response needs a rival."
            ),
            learns_from="thumbs",
        ),
        Stage(
            "sft",
            _("Supervised finetuning"),
            _("Imitates the responses that raters ranked best, or those of a file."),
            learns_from="best",
        ),
    )
}
UPDATES = tuple(
    stage.name
    for stage in STAGES.values()
    if stage.makes_contender and stage.learns_from != "texts"
)


@dataclass(frozen=True)
class Preset:
    """How thorough a run is: settings for each stage that differ from the defaults."""

    name: str
    title: str | Promise
    settings: Mapping[str, Mapping[str, Any]]


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "quick",
            _("quick look"),
            {
                "pretrain": {
                    "train_tokens": 8_192,
                    "test_tokens": 2_048,
                    "evaluation_prompts": 16,
                },
                "reward": {"layers": 4, "max_prompt_tokens": 96, "max_response_tokens": 64},
                "best-of-n": {
                    "n": 4,
                    "train_prompts": 32,
                    "evaluation_prompts": 16,
                    "checkpoints": 1,
                },
                "dpo": {
                    "n": 4,
                    "train_prompts": 32,
                    "evaluation_prompts": 16,
                    "checkpoints": 1,
                },
                "grpo": {"steps": 6, "evaluation_prompts": 16, "checkpoints": 1},
                "kto": {"epochs": 0.5, "evaluation_prompts": 16, "checkpoints": 1},
                "sft": {"epochs": 1.0, "evaluation_prompts": 16, "checkpoints": 1},
            },
        ),
        Preset("standard", _("standard"), {}),
        Preset(
            "thorough",
            _("thorough"),
            {
                "pretrain": {"train_tokens": 1_000_000, "test_tokens": 65_536},
                "reward": {"lora_rank": 16, "epochs": 2},
                "best-of-n": {"n": 32, "train_prompts": 1000},
                "dpo": {"n": 32, "train_prompts": 1000},
                "grpo": {"steps": 96, "prompts_per_step": 8},
                "kto": {"epochs": 3.0},
                "sft": {"epochs": 4.0},
            },
        ),
        Preset(
            "gpu",
            _("one GPU of 80 GB"),
            {
                "pretrain": {
                    "lora_rank": 64,
                    "block_tokens": 1024,
                    "batch_size": 64,
                    "part_size": 8,
                    "train_tokens": 20_000_000,
                    "test_tokens": 262_144,
                    "evaluation_prompts": 128,
                },
                "reward": {"lora_rank": 16, "epochs": 2, "batch_rows": 256},
                "best-of-n": {
                    "n": 32,
                    "train_prompts": 1000,
                    "batch_size": 16,
                    "sample_batch": 512,
                    "max_new_tokens": 256,
                    "evaluation_prompts": 128,
                },
                "dpo": {
                    "n": 32,
                    "train_prompts": 1000,
                    "batch_size": 16,
                    "sample_batch": 512,
                    "max_new_tokens": 256,
                    "evaluation_prompts": 128,
                },
                "grpo": {
                    "steps": 200,
                    "n": 16,
                    "prompts_per_step": 16,
                    "batch_size": 32,
                    "sample_batch": 512,
                    "max_new_tokens": 256,
                    "evaluation_prompts": 128,
                },
                "kto": {"epochs": 3.0, "batch_size": 32, "evaluation_prompts": 128},
                "sft": {"epochs": 4.0, "batch_size": 32, "evaluation_prompts": 128},
            },
        ),
    )
}


__all__ = [
    "DEFAULT_UPDATE",
    "DEMONSTRATIONS",
    "HELD",
    "MIN_VOTES",
    "PRESETS",
    "RANKINGS",
    "STAGES",
    "TEXTS",
    "THUMBS",
    "UPDATES",
    "check_lengths",
    "check_settings",
    "fewest_rows",
    "get_stage",
    "list_knobs",
    "preset_of",
    "preset_settings",
    "wrong_settings",
]


def get_stage(name: str) -> Stage:
    """The stage of that name; raises Invalid with the names there are."""
    try:
        return STAGES[name]
    except KeyError:
        raise Invalid(
            gettext("There is no training stage '%(name)s'. Choose one of: %(known)s.")
            % {"name": name, "known": ", ".join(STAGES)}
        ) from None


def preset_settings(preset: str, stage: str) -> dict[str, Any]:
    """What a preset sets of a stage; raises Invalid with the presets there are."""
    if preset not in PRESETS:
        raise Invalid(
            gettext("There is no preset '%(name)s'. Choose one of: %(known)s.")
            % {"name": preset, "known": ", ".join(PRESETS)}
        )
    return dict(PRESETS[preset].settings.get(stage, {}))


def preset_of(stage: str, config: Mapping[str, Any]) -> Preset:
    """The preset that a run was started with.

    All settings of a preset are in the `config`, changed or not: it is the preset of which the
    most are unchanged. The standard one has none.
    """

    def fit(preset: Preset) -> tuple[int, int]:
        told = preset.settings.get(stage, {})
        kept = sum(config[name] == value for name, value in told.items())
        return kept, kept - len(told)

    whole = [one for one in PRESETS.values() if one.settings.get(stage, {}).keys() <= config.keys()]
    return max(whole, key=fit)


def list_knobs(stage: str) -> list[Knob]:
    """What a person may set in a stage."""
    return list(knobs(settings.STAGES[stage]).values())


def fewest_rows(stage: str, config: Mapping[str, Any]) -> int:
    """The rows that a stage needs to train on, with these settings."""
    return int(config.get("minimum", getattr(settings.STAGES[stage], "minimum", 1)))


def check_lengths(limits: Mapping[str, Any]) -> None:
    """Raise Invalid where no response could keep the gate's limits of length."""
    known = gate_knobs()
    low, high = (
        limits.get(name, known[name].default) for name in ("gate_length_low", "gate_length_high")
    )
    if low > high:
        raise Invalid(
            gettext("The gate's greatest length (%(high)s) is below its least (%(low)s).")
            % {"high": number_format(f"{high:g}"), "low": number_format(f"{low:g}")}
        )


def check_settings(stage: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a stage, checked; raises Invalid naming the first one that is wrong."""
    try:
        return check_knobs(settings.STAGES[stage], given)
    except InputError as error:
        raise Invalid(str(error)) from None


def wrong_settings(stage: str, given: Mapping[str, Any]) -> dict[str, str]:
    """By name what is wrong with each setting that a stage cannot be told."""
    wrong = wrong_knobs(settings.STAGES[stage], given)
    return {name: str(error) for name, error in wrong.items()}
