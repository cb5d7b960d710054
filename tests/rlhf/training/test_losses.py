"""The ranking loss against its formula, by hand and by finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rlhf.training.losses import (
    Marks,
    pair_figures,
    pairs_of,
    ranking_loss,
    thumbs_loss,
    token_entropy,
    token_log_probs,
)


def test_two_responses_give_the_pairwise_logistic_loss() -> None:
    loss = ranking_loss(torch.tensor([1.5, 0.25]), pairs_of([[1, 2]]))
    assert float(loss) == pytest.approx(-math.log(1 / (1 + math.exp(-1.25))))


def test_four_responses_average_their_six_pairs() -> None:
    scores, ranks = [0.3, -1.0, 2.0, 0.1], [2, 4, 1, 3]
    terms = [
        math.log1p(math.exp(-(scores[i] - scores[j])))
        for i in range(4)
        for j in range(4)
        if ranks[i] < ranks[j]
    ]
    loss = ranking_loss(torch.tensor(scores), pairs_of([ranks]))
    assert len(terms) == 6
    assert float(loss) == pytest.approx(sum(terms) / 6, rel=1e-6)


def test_a_tie_is_symmetric_and_least_at_equal_scores() -> None:
    pairs = pairs_of([[1, 1]])
    assert float(ranking_loss(torch.tensor([0.7, 0.2]), pairs)) == pytest.approx(
        float(ranking_loss(torch.tensor([0.2, 0.7]), pairs))
    )
    assert float(ranking_loss(torch.tensor([0.4, 0.4]), pairs)) == pytest.approx(math.log(2))
    assert float(ranking_loss(torch.tensor([0.4, 0.9]), pairs)) > math.log(2)


def test_each_ranking_counts_by_its_weight_whatever_its_size() -> None:
    scores = torch.tensor([1.0, 0.0, 0.5, -0.5, 2.0])
    alone = [
        float(ranking_loss(scores[:2], pairs_of([[1, 2]]))),
        float(ranking_loss(scores[2:], pairs_of([[3, 2, 1]]))),
    ]
    both = ranking_loss(scores, pairs_of([[1, 2], [3, 2, 1]], [3.0, 1.0]))
    assert float(both) == pytest.approx(0.75 * alone[0] + 0.25 * alone[1], rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(-3, 3), st.integers(1, 4)), min_size=2, max_size=6))
def test_gradient_agrees_with_finite_differences(rows: list[tuple[float, int]]) -> None:
    scores = torch.tensor([row[0] for row in rows], dtype=torch.float64, requires_grad=True)
    pairs = pairs_of([[row[1] for row in rows]])
    assert torch.autograd.gradcheck(lambda values: ranking_loss(values, pairs), (scores,))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-3, 3), st.integers(1, 4)), min_size=2, max_size=6),
    st.floats(-5, 5),
)
def test_only_score_differences_matter(rows: list[tuple[float, int]], shift: float) -> None:
    scores = torch.tensor([row[0] for row in rows], dtype=torch.float64)
    pairs = pairs_of([[row[1] for row in rows]])
    assert float(ranking_loss(scores + shift, pairs)) == pytest.approx(
        float(ranking_loss(scores, pairs)), abs=1e-6
    )


def marks_of(thumbs: list[tuple[int, bool]]) -> Marks:
    """Thumbs of equal weight, as (response, up)."""
    at, up = zip(*thumbs, strict=True)
    return Marks(torch.tensor(at), torch.tensor(up).float(), torch.full((len(at),), 1 / len(at)))


@pytest.mark.parametrize(
    ("scores", "thumbs", "expected"),
    [
        ([0.0], [(0, True)], math.log(2)),
        ([2.0], [(0, True)], math.log1p(math.exp(-2))),
        ([2.0], [(0, False)], math.log1p(math.exp(2))),
        ([2.0, 5.0, -1.0], [(0, True), (2, False)],
         (math.log1p(math.exp(-2)) + math.log1p(math.exp(-1))) / 2),
        ([1.0], [(0, True), (0, True), (0, False)],
         (2 * math.log1p(math.exp(-1)) + math.log1p(math.exp(1))) / 3),
    ],
)  # fmt: skip
def test_thumbs_cost_the_logarithm_of_their_probability(
    scores: list[float], thumbs: list[tuple[int, bool]], expected: float
) -> None:
    assert float(thumbs_loss(torch.tensor(scores), marks_of(thumbs))) == pytest.approx(expected)


def test_without_thumbs_their_term_is_nothing() -> None:
    scores = torch.tensor([1.0, 2.0], requires_grad=True)
    nothing = Marks(torch.tensor([], dtype=torch.long), torch.tensor([]), torch.tensor([]))
    loss = thumbs_loss(scores, nothing)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0
    assert scores.grad is not None
    assert scores.grad.tolist() == [0, 0]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(-3, 3), st.booleans()), min_size=1, max_size=6))
def test_gradient_of_thumbs_agrees_with_finite_differences(rows: list[tuple[float, bool]]) -> None:
    scores = torch.tensor([row[0] for row in rows], dtype=torch.float64, requires_grad=True)
    marks = marks_of([(place, up) for place, (_, up) in enumerate(rows)])
    assert torch.autograd.gradcheck(lambda values: thumbs_loss(values, marks), (scores,))


def test_token_log_probs_and_entropy_of_a_known_distribution() -> None:
    shares = torch.tensor([[[0.5, 0.25, 0.25], [1 / 3, 1 / 3, 1 / 3]]])
    logits = shares.log() + 7.0
    found = token_log_probs(logits, torch.tensor([[1, 2]]))
    assert found.tolist()[0] == pytest.approx([math.log(0.25), math.log(1 / 3)], rel=1e-5)
    entropy = token_entropy(logits).tolist()[0]
    assert entropy == pytest.approx([1.5 * math.log(2), math.log(3)], rel=1e-5)


def test_token_log_probs_and_their_gradient_are_those_of_log_softmax() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = 5 * torch.randn(3, 50, 11, generator=generator)  # more rows than are read at a time
    tokens = torch.randint(0, 11, (3, 50), generator=generator)
    weight = torch.randn(3, 50, generator=generator)
    ours, plain = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    found = token_log_probs(ours, tokens)
    expected = torch.log_softmax(plain, -1).gather(-1, tokens[..., None])[..., 0]
    torch.testing.assert_close(found, expected)
    (weight * found).sum().backward()
    (weight * expected).sum().backward()
    torch.testing.assert_close(ours.grad, plain.grad)
    shares = torch.log_softmax(logits, -1)
    torch.testing.assert_close(token_entropy(logits), -(shares.exp() * shares).sum(-1))


def test_figures_of_pairs_leave_ties_out_and_halve_equal_scores() -> None:
    """3 above 2 is right, 1 and 1 are equal, 2 below 4 is wrong; the tie says nothing."""
    scores = torch.tensor([3.0, 2.0, 1.0, 1.0, 2.0, 4.0, 9.0, 0.0])
    pairs = pairs_of([[1, 2], [1, 2], [1, 2], [1, 1]])
    found = pair_figures(scores, pairs)
    assert found == {"accuracy": pytest.approx(0.5), "margin": pytest.approx(-1 / 3)}
    assert pair_figures(scores[:2], pairs_of([[1, 1]])) == {}
