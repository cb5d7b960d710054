"""Shared prompts change what log-probabilities cost, not what they are."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForCausalLM

from rlhf.training.likelihoods import response_log_probs
from rlhf.training.losses import token_log_probs
from rlhf.training.policies import pick_dtype

GROUPS = [
    ([5, 6, 7], [[8, 9], [10, 11, 12, 13]]),
    ([20, 21, 22, 23, 24, 25], [[30]]),
    ([40, 41], [[42, 43], [44, 45], [46]]),
]
LOOSE = 2e-2 if pick_dtype(torch.device("cpu")) == torch.bfloat16 else 1e-4


def one_by_one(model: torch.nn.Module) -> list[torch.Tensor]:
    """Each response after its own copy of its prompt."""
    sums = []
    for prompt, responses in GROUPS:
        for response in responses:
            ids = torch.tensor([[*prompt, *response]])
            logits = model(input_ids=ids).logits[:, len(prompt) - 1 : -1]
            sums.append(token_log_probs(logits, ids[:, len(prompt) :]).sum())
    return sums


def test_sums_and_lengths_are_those_of_whole_sequences(tiny_model: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    sums, lengths = response_log_probs(model, GROUPS)
    assert lengths.tolist() == [2, 4, 1, 2, 2, 1]
    for found, expected in zip(sums.tolist(), one_by_one(model), strict=True):
        assert found == pytest.approx(float(expected.detach()), rel=LOOSE)


def test_gradients_pass_through_the_shared_prompt(tiny_model: str) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    weight = model.model.layers[0].self_attn.k_proj.weight
    sums, _ = response_log_probs(model, GROUPS)
    shared = torch.autograd.grad(sums.sum(), weight)[0]
    apart = torch.autograd.grad(torch.stack(one_by_one(model)).sum(), weight)[0]
    assert float((shared - apart).norm() / apart.norm()) < 5 * LOOSE
