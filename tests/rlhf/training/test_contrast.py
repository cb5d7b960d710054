"""The preference loss against its formula, and pairs as they were sampled."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from rlhf.training import contrast, settings
from rlhf.training.data import Prompt
from rlhf.training.policies import load_tokenizer
from rlhf.training.sampling import Completion
from rlhf.training.selection import Scored, penalised

PROMPT: list[dict[str, str]] = [{"role": "user", "content": "Say it."}]


def response(text: str, *, finished: bool = True) -> Completion:
    return Completion(text, tuple(range(len(text))), finished)


def scored(*texts: str, rewards: tuple[float, ...]) -> Scored:
    return Scored(Prompt(PROMPT, "Say it."), tuple(map(response, texts)), rewards)


def loss(log_probs: list[list[float]], reference: list[float], **more: Any) -> tuple[float, float]:
    lengths = torch.tensor([[2, 4]] * len(log_probs))
    value, margins = contrast.preference_loss(
        torch.tensor(log_probs), lengths, torch.tensor(reference), **more
    )
    return float(value), float(margins[0])


def test_a_policy_that_did_not_move_has_the_loss_of_chance() -> None:
    value, margin = loss([[-3.0, -5.0]], [2.0], beta=0.1, sft_weight=0.0)
    assert value == pytest.approx(math.log(2))
    assert margin == 0


def test_the_margin_is_how_far_the_gap_moved_from_the_reference() -> None:
    value, margin = loss([[-3.0, -8.0]], [2.0], beta=0.5, sft_weight=0.0)
    assert margin == pytest.approx(1.5)
    assert value == pytest.approx(math.log1p(math.exp(-1.5)))


def test_the_imitation_term_is_per_token_of_the_chosen() -> None:
    without, _ = loss([[-3.0, -5.0]], [2.0], beta=0.1, sft_weight=0.0)
    with_term, _ = loss([[-3.0, -5.0]], [2.0], beta=0.1, sft_weight=0.4)
    assert with_term - without == pytest.approx(0.4 * 3.0 / 2)


def test_repeated_and_unlikely_text_pays() -> None:
    texts = [
        response("a b c d e f"),
        response("a b c d a b c d"),
        Completion("an odd one", (1, 2, 3), finished=True, nll=1.5),
    ]
    config = settings.BestOfN(
        output="", model="", prompts="", repetition_penalty=10.0, nll_penalty=2.0
    )
    plain, repeated, odd = penalised(texts, [1.0, 1.0, 1.0], config)
    assert plain == 1.0
    assert repeated == pytest.approx(1.0 - 10.0 / 5)
    assert odd == pytest.approx(1.0 - 2.0 * 1.5)


def test_samples_give_their_best_against_their_worst() -> None:
    rows = [
        scored("good", "bad", "middling", rewards=(2.0, -1.0, 0.0)),
        scored("same", "same", rewards=(1.0, 0.0)),
        scored("fine", "", rewards=(1.0, 0.0)),
    ]
    (pair,) = contrast.pairs_from_samples(rows, 1)
    assert (pair.chosen, pair.rejected) == ("good", "bad")


def test_more_pairs_of_a_prompt_take_the_next_on_both_sides() -> None:
    rows = [scored("c", "a", "e", "b", "d", rewards=(3.0, 5.0, 1.0, 4.0, 2.0))]
    for each, wanted in [(1, ["a>e"]), (2, ["a>e", "b>d"]), (9, ["a>e", "b>d"])]:
        pairs = contrast.pairs_from_samples(rows, each)
        assert [f"{pair.chosen}>{pair.rejected}" for pair in pairs] == wanted


def test_a_response_that_was_cut_off_gets_no_end_token(tiny_model: str) -> None:
    tokenizer = load_tokenizer(tiny_model)
    pair = contrast.as_pair(PROMPT, response("yes"), response("no", finished=False))
    encoded = contrast.encoded_pair(tokenizer, pair)
    assert encoded.chosen[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(encoded.rejected) == "no"
    assert tokenizer.decode(encoded.prompt).endswith("assistant\n")
