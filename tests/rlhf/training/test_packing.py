"""Documents in blocks, and what a model makes of them."""

from __future__ import annotations

import math
from itertools import chain

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from rlhf.training.packing import Surprise, gain, pack, surprise

END = 0
documents = st.lists(st.lists(st.integers(1, 9), max_size=12), max_size=8)


def test_documents_follow_each_other_with_the_end_between() -> None:
    assert pack([[1, 2, 3], [4], [5, 6]], end=END, size=4) == [
        [1, 2, 3, END],
        [4, END, 5, 6],
    ]


@given(documents=documents, size=st.integers(2, 7))
def test_no_token_is_lost_but_a_last_one_that_predicts_nothing(
    documents: list[list[int]], size: int
) -> None:
    blocks = pack(documents, end=END, size=size)
    stream = list(chain.from_iterable([*document, END] for document in documents))
    found = list(chain.from_iterable(blocks))
    assert found == stream[: len(found)]
    assert len(stream) - len(found) <= 1
    assert all(len(block) == size for block in blocks[:-1])


def test_surprise_is_the_models_own_loss(tiny_model: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    blocks = [[5, 6, 7, 8, 9], [7, 8, 9]]
    found = surprise(model, blocks, rows=2)
    alone = [float(model(input_ids=(ids := torch.tensor([b])), labels=ids).loss) for b in blocks]
    assert found.tokens == (4, 2)
    assert found.nats == pytest.approx([4 * alone[0], 2 * alone[1]], rel=0.02)
    assert found.perplexity == pytest.approx(math.exp(sum(found.nats) / 6))
    one_by_one = surprise(model, blocks, rows=1)
    assert one_by_one.nats == pytest.approx(found.nats, rel=1e-2)


def test_the_gain_has_the_error_of_a_ratio() -> None:
    before, after = Surprise((10.0, 12.0), (5, 5)), Surprise((5.0, 9.0), (5, 5))
    mean, error = gain(before, after)
    assert mean == pytest.approx(0.8)
    # gains of 5 and 3 nats over 5 tokens each: 1.0 and 0.6 per token, so 0.2 of error
    assert error == pytest.approx(0.2)


def test_one_block_alone_has_no_error() -> None:
    assert gain(Surprise((4.0,), (2,)), Surprise((2.0,), (2,))) == (1.0, None)
