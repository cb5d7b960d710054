"""What phases, figures and counts are called that are kept by short names."""

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

PHASES: dict[str, str | Promise] = {
    "preparing": _("preparing"),
    "starting": _("starting"),
    "loading": _("loading"),
    "features": _("features"),
    "measuring": _("reading held-out text"),
    "sampling": _("sampling"),
    "scoring": _("scoring"),
    "training": _("training"),
    "evaluation": _("evaluation"),
    "checkpoints": _("checkpoints"),
}
STARTING = {"preparing", "starting"}  # the steps that were told are of an earlier process
# What a phase counts; the others count steps.
COUNTED: dict[str, str | Promise] = {
    "features": _("%(done)s of %(total)s examples"),
    "sampling": _("%(done)s of %(total)s responses"),
    "scoring": _("%(done)s of %(total)s prompts"),
}
FIGURES: dict[str, str | Promise] = {
    "loss": _("loss"),
    "reward": _("reward"),
    "accuracy": _("accuracy"),
    "margin": _("margin"),
    "token_accuracy": _("tokens foreseen"),
    "grad_norm": _("gradient norm"),
    "learning_rate": _("learning rate"),
    "entropy": _("entropy"),
    "win_rate": _("wins"),
    "nll": _("surprise to the base"),
    "kl": _("divergence from the base"),
    "reference_point": _("reference point"),
    "repetition": _("repetition"),
    "length": _("length"),
    "train_accuracy": _("accuracy in training"),
    "penalty": _("penalty on weights"),
    "prompts": _("held-out prompts"),
    "thumbs_up": _("thumbs up"),
    "thumbs_down": _("thumbs down"),
    "test_accuracy": _("test accuracy"),
    "test_accuracy_lower": _("test accuracy, lower end"),
    "test_accuracy_upper": _("test accuracy, upper end"),
    "test_pairs": _("test pairs"),
    "train_rankings": _("train rankings"),
    "train_thumbs": _("train thumbs"),
    "test_rankings": _("test rankings"),
    "length_only_accuracy": _("accuracy by length alone"),
    "selection_gain": _("selection gain"),
    "pairs": _("pairs"),
    "steps": _("steps"),
    "demonstrations": _("demonstrations"),
    "demonstrations_too_long": _("demonstrations left out as too long"),
    "held_out_perplexity": _("perplexity of held-out text"),
    "train_tokens": _("tokens of text trained on"),
    "train_documents": _("documents to train on"),
    "test_documents": _("documents held out"),
}
# What to make of a figure, in one line.
MEANINGS: dict[str, str | Promise] = {
    "loss": _("what training lowers"),
    "reward": _("mean score by the reward model"),
    "accuracy": _("share of pairs in which the better response is ahead"),
    "margin": _("how far the better response is ahead, on average"),
    "token_accuracy": _("share of tokens that it would have chosen itself"),
    "grad_norm": _("size of the gradient, before it is cut to one"),
    "learning_rate": _("size of a step"),
    "entropy": _("nats per token of its own choices; lower is more predictable"),
    "nll": _("nats per token under the base; higher reads less naturally"),
    "kl": _("nats per token by which it has left its base"),
    "reference_point": _("what responses with a thumb are held against"),
    "repetition": _("share of 4-word runs that repeat within a response"),
    "distinct": _("different word pairs over all word pairs"),
    "length": _("tokens per response"),
    "finished": _("share of responses that ended by themselves"),
    "spread": _("spread of the score among the reward model's members"),
    "held_out_perplexity": _("how many tokens it wavers between; lower is better"),
    "train_accuracy": _("share of pairs learnt from that it orders as the raters did"),
    "penalty": _("how small weights are held, as cross-validation chose"),
}
# Rows that are not in a dataset, by the field of its counts.
LEFT_OUT: dict[str, str | Promise] = {
    "equal": _("skipped, both responses the same"),
    "tools": _("skipped, with turns of tools"),
    "parts": _("skipped, with images, sounds or other parts that are no text"),
    "repeated": _("copies of an earlier one"),
}


def phase_name(phase: str) -> str:
    """A phase in the reader's language; an unknown one as it was reported."""
    return str(PHASES.get(phase, phase))


def place_in_words(phase: str, step: int, total: int) -> str:
    """Where a run is: its phase, and how much of it is done where that is told."""
    name = phase_name(phase)
    if phase in STARTING or total <= 1:
        return name
    if phase in COUNTED:
        done = COUNTED[phase] % {"done": step, "total": total}
    else:
        done = gettext("step %(step)s of %(total)s") % {"step": step, "total": total}
    return f"{name}, {done}"


def figure_meaning(name: str) -> str:
    """What to make of a figure, in the reader's language; empty where its name says it."""
    return str(MEANINGS.get(name, ""))


def figure_name(name: str) -> str:
    """A figure in the reader's language; an unknown one by its short name in words."""
    return str(FIGURES.get(name, name.replace("_", " ")))
