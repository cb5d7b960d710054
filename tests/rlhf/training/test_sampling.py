"""Sampling agrees with the library's own generation and is repeatable."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rlhf.training import sampling
from rlhf.training.chats import as_messages, encode_prompt
from rlhf.training.losses import token_log_probs
from rlhf.training.sampling import Completion, Sampling, draw, left_padded, sample

PROMPTS = [as_messages(text) for text in ("Hi", "Tell me a long story about a fox.", "Why?")]


@pytest.fixture(scope="module")
def parts(tiny_model: str) -> tuple[object, object]:
    return AutoModelForCausalLM.from_pretrained(tiny_model), AutoTokenizer.from_pretrained(
        tiny_model
    )


def run(parts: tuple[object, object], **more: object) -> list[list[Completion]]:
    settings = Sampling(**({"max_new_tokens": 40} | more.pop("settings", {})))  # type: ignore
    return sample(*parts, PROMPTS, settings=settings, **more)  # type: ignore[arg-type]


def test_greedy_tokens_equal_those_of_generate(parts: tuple[object, object]) -> None:
    ours = run(parts, settings={"temperature": 0.0})
    model, tokenizer = parts
    for messages, (completion,) in zip(PROMPTS, ours, strict=True):
        ids = torch.tensor([encode_prompt(tokenizer, messages)])  # type: ignore[arg-type]
        out = model.generate(ids, do_sample=False, max_new_tokens=40)  # type: ignore[attr-defined]
        theirs = out[0, ids.shape[1] :].tolist()
        assert list(completion.tokens) == [token for token in theirs if token != 257]


def test_rows_do_not_disturb_each_other_when_some_finish(
    parts: tuple[object, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = list(range(0, 258, 6))
    monkeypatch.setattr(parts[0].generation_config, "eos_token_id", ends)  # type: ignore
    together = run(parts, n=8, seed=3)
    rows = [row for answers in together for row in answers]
    assert len({len(row.tokens) for row in rows}) > 3
    assert all(row.finished == (len(row.tokens) < 40) for row in rows)
    assert not any(token in ends for row in rows for token in row.tokens)
    model, tokenizer = parts
    for messages, answers in zip(PROMPTS, together, strict=True):
        begin = encode_prompt(tokenizer, messages)  # type: ignore[arg-type]
        for row in answers:
            ids = torch.tensor([[*begin, *row.tokens]])
            logits = model(ids).logits[0, len(begin) - 1 : -1]  # type: ignore[operator]
            allowed = logits.topk(50).indices
            assert all(token in allowed[step] for step, token in enumerate(row.tokens))
            if row.tokens:
                nll = -token_log_probs(logits[None], ids[:, len(begin) :]).mean()
                assert row.nll == pytest.approx(float(nll.detach()), rel=0.02)


def test_the_same_seed_draws_the_same_and_another_differs(parts: tuple[object, object]) -> None:
    first = run(parts, n=2, seed=5)
    assert run(parts, n=2, seed=5) == first
    assert run(parts, n=2, seed=6) != first
    assert [len(row) for row in first] == [2, 2, 2]


def test_the_limit_of_new_tokens_holds(parts: tuple[object, object]) -> None:
    rows = run(parts, settings={"max_new_tokens": 3})
    assert all(len(row.tokens) <= 3 for (row,) in rows)


def test_progress_counts_responses(parts: tuple[object, object]) -> None:
    seen: list[tuple[int, int]] = []
    run(
        parts,
        n=2,
        settings={"batch_size": 2, "max_new_tokens": 2},
        on_progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(0, 6), (2, 6), (4, 6), (6, 6)]  # the first batch may take long


def test_top_k_and_top_p_bound_what_is_drawn() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]])).repeat(500, 1)
    dice = torch.Generator().manual_seed(0)
    by_k = draw(logits, Sampling(top_k=2, top_p=1.0, temperature=1.0), dice)
    assert set(by_k.tolist()) == {0, 1}
    by_p = draw(logits, Sampling(top_k=0, top_p=0.75, temperature=1.0), dice)
    assert set(by_p.tolist()) == {0, 1}
    everything = draw(logits, Sampling(top_k=0, top_p=1.0, temperature=1.0), dice)
    assert set(everything.tolist()) == {0, 1, 2, 3}


def test_left_padding_keeps_the_last_token_last() -> None:
    ids, mask = left_padded([[5], [6, 7, 8]], torch.device("cpu"))
    assert ids.tolist() == [[0, 0, 5], [6, 7, 8]]
    assert mask.tolist() == [[0, 0, 1], [1, 1, 1]]


def test_a_device_that_is_fast_in_bfloat16_samples_from_a_copy(
    parts: tuple[object, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "pick_dtype", lambda device: torch.bfloat16)
    assert [len(row) for row in run(parts, settings={"max_new_tokens": 3})] == [1, 1, 1]
    assert parts[0].dtype == torch.float32  # type: ignore[attr-defined]
