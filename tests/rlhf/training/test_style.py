"""Style features count what they say, for any text."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf.training.style import WIDTH, style


@given(st.text(max_size=300))
def test_any_text_has_finite_features(text: str) -> None:
    found = style(text)
    assert len(found) == WIDTH
    assert all(math.isfinite(value) and value >= 0 for value in found)


def test_an_example() -> None:
    found = style("Two things, please:\n- Tea, 2 cups!\n- 1 Spoon?")
    words, letters, lines, items, digits, sentences, commas, asked, loud, quotes, stars, colons = (
        round(math.expm1(value)) for value in found[:12]
    )
    assert (words, letters, lines, items, digits) == (10, 45, 2, 2, 2)
    assert (sentences, commas, asked, loud, quotes, stars, colons) == (2, 2, 1, 1, 0, 0, 1)
    assert found[-1] == 1.0  # it ended
    assert found[-3] == pytest.approx(9 / 10)  # two dashes are one word
