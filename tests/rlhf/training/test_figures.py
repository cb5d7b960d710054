"""Every figure that training draws as a curve has a name and a line that explains it."""

from dataclasses import fields

import pytest
from django.utils import translation

from rlhf.checkpoints import DAMAGE
from rlhf.pages import ELSEWHERE
from rlhf.training import contrast, grpo, kto, trainers
from rlhf.training.evaluation import Evaluation
from rlhf.wording import FIGURES, figure_meaning

CURVES = {
    *trainers.TEXT_NAMES.values(),
    *contrast.NAMES.values(),
    *grpo.NAMES.values(),
    *kto.NAMES.values(),
    *DAMAGE,
    "held_out_perplexity",
}


def test_a_figure_that_the_page_lists_has_a_name() -> None:
    """What a summary has beside the tables, by the stages that say it."""
    plain = {field.name for field in fields(Evaluation)} - ELSEWHERE
    kto_s, grpo_s, dpo_s = {"thumbs_up", "thumbs_down"}, {"steps"}, {"pairs", "selection_gain"}
    assert plain | kto_s | grpo_s | dpo_s <= FIGURES.keys()


@pytest.mark.parametrize("name", sorted(CURVES | {"train_accuracy", "penalty"}))
def test_a_curve_has_a_title_and_is_explained(name: str) -> None:
    assert name in FIGURES
    with translation.override("en"):
        assert figure_meaning(name)
