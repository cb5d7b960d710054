"""Log-probabilities of several responses to one prompt, the prompt encoded once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers.cache_utils import DynamicCache

from rlhf.training.losses import token_log_probs
from rlhf.training.policies import pick_dtype
from rlhf.training.reward_model import right_padded
from rlhf.training.sampling import left_padded

Tokens = Sequence[int]


def response_log_probs(
    model: Any, groups: Sequence[tuple[Tokens, Sequence[Tokens]]]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum of the log-probabilities of each response's tokens, and their number: (R,) each.

    groups: prompts of two or more tokens, each with its non-empty responses. Gradients flow through
    the shared prompt. The vocabulary is looked at for response tokens only, which is most of the
    memory that a trainer on whole sequences needs.
    """
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    device = inner.device
    # The prompt's last token predicts each response's first one: it is read with the response.
    prompt_ids, prompt_mask = left_padded([prompt[:-1] for prompt, _ in groups], device)  # (G, P)
    targets = [response for _, responses in groups for response in responses]
    inputs = [[prompt[-1], *row[:-1]] for prompt, responses in groups for row in responses]
    ids, mask = right_padded(inputs, device)  # (R, A)
    wanted, _ = right_padded(targets, device)
    counts = torch.tensor([len(responses) for _, responses in groups], device=device)
    before = prompt_mask.repeat_interleave(counts, 0)  # (R, P)
    steps = torch.arange(ids.shape[1], device=device)
    cache = DynamicCache()
    with torch.autocast(device.type, torch.bfloat16, pick_dtype(device) == torch.bfloat16):
        inner.model(
            input_ids=prompt_ids,
            attention_mask=prompt_mask,
            position_ids=(prompt_mask.cumsum(1) - 1).clamp(min=0),
            past_key_values=cache,
            use_cache=True,
        )
        cache.batch_repeat_interleave(counts)
        hidden = inner.model(
            input_ids=ids,
            attention_mask=torch.cat([before, mask], dim=1),
            position_ids=before.sum(1, keepdim=True) + steps[None],
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state  # (R, A, H)
        kept = mask.bool()
        logits = inner.get_output_embeddings()(hidden[kept])  # (all response tokens, vocabulary)
    found = token_log_probs(logits, wanted[kept])
    rows = torch.arange(len(ids), device=device)[:, None].expand_as(ids)[kept]
    sums = torch.zeros(len(ids), device=device).index_add(0, rows, found)
    return sums, mask.sum(1)
