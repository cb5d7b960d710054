"""Drawing tokens: known distributions and their properties."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlhf.serving.sampling import Sampler, draw_each, nucleus

LOGITS = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05]))


def shares(sampler: Sampler, draws: int = 4000) -> list[float]:
    counts = torch.bincount(torch.tensor([sampler.draw(LOGITS) for _ in range(draws)]), minlength=4)
    return [float(count) / draws for count in counts]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_tokens_come_as_often_as_the_softmax_says(temperature: float) -> None:
    expected = torch.softmax(LOGITS / temperature, 0).tolist()
    for share, probability in zip(shares(Sampler(temperature, seed=3)), expected, strict=True):
        error = math.sqrt(probability * (1 - probability) / 4000)
        assert abs(share - probability) < 4 * error


def test_temperature_zero_takes_the_likeliest() -> None:
    assert shares(Sampler(0.0), draws=20) == [1, 0, 0, 0]


@pytest.mark.parametrize(
    ("top_p", "kept"), [(0.0, 1), (0.4, 1), (0.5, 1), (0.6, 2), (0.8, 2), (0.81, 3), (0.99, 4)]
)
def test_the_nucleus_is_the_smallest_set_with_that_mass(top_p: float, kept: int) -> None:
    masses, tokens = nucleus(torch.tensor([0.15, 0.5, 0.05, 0.3]), top_p)
    assert tokens.tolist() == [1, 3, 0, 2][:kept]
    assert masses.tolist() == pytest.approx([0.5, 0.3, 0.15, 0.05][:kept])


@given(size=st.integers(513, 3000), top_p=st.floats(0.01, 0.99), seed=st.integers(0, 100))
def test_a_flat_distribution_has_a_nucleus_beyond_the_first_try(
    size: int, top_p: float, seed: int
) -> None:
    probabilities = torch.softmax(
        torch.randn(size, generator=torch.Generator().manual_seed(seed)) / 10, 0
    )
    masses, tokens = nucleus(probabilities, top_p)
    assert float(masses.sum()) >= top_p - 1e-5
    assert float(masses[:-1].sum()) < top_p + 1e-5
    assert len(set(tokens.tolist())) == len(tokens)


def test_a_row_draws_the_same_alone_and_in_a_batch() -> None:
    rows = torch.randn(3, 50, generator=torch.Generator().manual_seed(0))
    together = draw_each(rows, [Sampler(1.0, seed=seed) for seed in range(3)])
    alone = [draw_each(rows[n : n + 1], [Sampler(1.0, seed=n)])[0] for n in range(3)]
    assert together == alone
