"""Every figure that training draws as a curve has a name and a line that explains it."""

import pytest
from django.utils import translation

from rlhf.checkpoints import DAMAGE
from rlhf.training import contrast, grpo, kto, trainers
from rlhf.wording import FIGURES, figure_meaning

CURVES = {
    *trainers.TEXT_NAMES.values(),
    *contrast.NAMES.values(),
    *grpo.NAMES.values(),
    *kto.NAMES.values(),
    *DAMAGE,
    "held_out_perplexity",
}


@pytest.mark.parametrize("name", sorted(CURVES | {"train_accuracy", "penalty"}))
def test_a_curve_has_a_title_and_is_explained(name: str) -> None:
    assert name in FIGURES
    with translation.override("en"):
        assert figure_meaning(name)
