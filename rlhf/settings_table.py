"""Every setting of every stage, in plain words and with its limits.

The training code has the same names and limits (a test compares them), but importing it imports
torch, which the web process shall not: here a wrong setting is refused before anything is queued.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from arena.errors import Invalid

Value = int | float | str


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its type, what it means, its limits. Defaults stand in the training code."""

    kind: type[int] | type[float] | type[str]
    meaning: str
    at_least: float | None = None
    at_most: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def limits(self) -> str:
        """What is allowed, in words; empty where everything of its type is."""
        if self.choices:
            return ", ".join(self.choices)
        ends = [("at least", self.at_least), ("at most", self.at_most)]
        return " and ".join(f"{word} {end:g}" for word, end in ends if end is not None)

    def check(self, name: str, value: Any) -> Value:
        """The value in the setting's type; raises Invalid saying what is allowed."""
        if self.kind is float and type(value) is int:
            value = float(value)
        if type(value) is not self.kind:
            kind = {int: "a whole number", float: "a number", str: "a text"}[self.kind]
            raise Invalid(f"The setting {name!r} is {value!r}: it must be {kind}.")
        if self.choices and value not in self.choices:
            raise Invalid(
                f"The setting {name!r} is {value!r}: choose one of {', '.join(self.choices)}."
            )
        low, high = self.at_least, self.at_most
        if not isinstance(value, str) and not (
            (low is None or value >= low) and (high is None or value <= high)
        ):
            raise Invalid(f"The setting {name!r} is {value!r}: it must be {self.limits}.")
        checked: Value = value
        return checked


COMMON = {
    "seed": Setting(int, "The same seed on the same device gives the same result.", 0),
    "threads": Setting(int, "CPU threads; 0 takes all cores.", 0),
    "device": Setting(str, "auto takes a GPU if there is one.", choices=("auto", "cpu", "cuda")),
}
POLICY = {
    **COMMON,
    "lora_rank": Setting(int, "Size of the low-rank adapters that are trained.", 1, 512),
    "learning_rate": Setting(float, "Step size of the optimiser.", 0.0, 1.0),
    "epochs": Setting(float, "How often each example is seen.", 0.0, 100.0),
    "batch_size": Setting(int, "Examples per optimiser step.", 1),
    "max_new_tokens": Setting(int, "Longest response that is sampled, in tokens.", 1, 4096),
    "temperature": Setting(float, "Randomness of the sampled responses.", 0.01, 5.0),
    "top_k": Setting(int, "Sample from the k likeliest tokens; 0 from all.", 0),
    "top_p": Setting(float, "Sample from the likeliest tokens with this total share.", 0.01, 1.0),
    "sample_batch": Setting(int, "Responses sampled at the same time.", 1),
    "evaluation_prompts": Setting(int, "Held-out prompts on which it meets its base.", 1),
}
SETTINGS: dict[str, dict[str, Setting]] = {
    "reward": {
        **COMMON,
        "layers": Setting(int, "Lower layers of the language model to use; 0 uses a third.", 0),
        "lora_rank": Setting(int, "Adapters trained besides the head; 0 trains none.", 0, 512),
        "learning_rate": Setting(float, "Step size for the adapters.", 0.0, 1.0),
        "epochs": Setting(int, "How often the adapters see each ranking.", 0, 100),
        "batch_rows": Setting(int, "Responses encoded at the same time.", 2),
        "max_prompt_tokens": Setting(int, "How much of a prompt's end is read.", 8),
        "max_response_tokens": Setting(int, "How much of a response's beginning is read.", 1),
        "minimum": Setting(int, "Fewest training rankings.", 2),
    },
    "sft": POLICY,
    "best-of-n": {
        **POLICY,
        "n": Setting(int, "Responses sampled for each prompt; the best one is kept.", 2, 256),
        "rounds": Setting(int, "How often sampling and training are repeated.", 1, 20),
        "train_prompts": Setting(int, "Prompts sampled from in each round.", 2),
    },
    "dpo": {
        **POLICY,
        "n": Setting(int, "Responses sampled for each prompt (with a reward model).", 2, 256),
        "train_prompts": Setting(int, "Prompts sampled from (with a reward model).", 2),
        "beta": Setting(float, "How strongly it is held to its base.", 0.0001, 100.0),
        "sft_weight": Setting(float, "Weight of imitating the chosen response.", 0.0, 100.0),
    },
    "grpo": {
        **POLICY,
        "n": Setting(int, "Responses in a group: they are scored against each other.", 2, 256),
        "prompts_per_step": Setting(int, "Prompts, each with a group, per step.", 1),
        "steps": Setting(int, "Optimiser steps.", 1),
        "beta": Setting(float, "How strongly it is held to its base.", 0.0, 100.0),
    },
}


def check_settings(stage: str, given: Mapping[str, Any]) -> dict[str, Value]:
    """The settings of a stage, checked; raises Invalid naming the first one that is wrong."""
    known = SETTINGS[stage]
    for name in given:
        if name not in known:
            raise Invalid(
                f"The stage {stage} has no setting {name!r}. Known settings: "
                f"{', '.join(sorted(known))}."
            )
    return {name: known[name].check(name, value) for name, value in given.items()}
