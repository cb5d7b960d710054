"""What phases, figures and counts are called that are kept by short names."""

from django.utils.functional import Promise
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
    "train_accuracy": _("train accuracy"),
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


def figure_name(name: str) -> str:
    """A figure in the reader's language; an unknown one by its short name in words."""
    return str(FIGURES.get(name, name.replace("_", " ")))
