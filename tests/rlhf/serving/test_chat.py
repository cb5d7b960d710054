"""The chat endpoint: OpenAI's protocol, and what each request's parameters do."""

import asyncio
from pathlib import Path

import pytest
from tokenizers import pre_tokenizers

from tests.rlhf.serving.conftest import Client, make_model, running, text_of

SEEDED = {"temperature": 1.0, "seed": 7}
GREEDY = {"temperature": 0}


async def test_a_whole_answer_has_text_reason_and_usage(client: Client) -> None:
    response = await client.post(client.body(**GREEDY))
    answer = await response.json()
    assert response.status == 200
    assert answer["object"] == "chat.completion"
    assert answer["model"] == "amber"
    assert answer["choices"][0]["message"]["role"] == "assistant"
    assert answer["choices"][0]["message"]["content"]
    assert answer["choices"][0]["finish_reason"] == "length"
    usage = answer["usage"]
    assert usage["completion_tokens"] == 24
    assert usage["total_tokens"] == usage["prompt_tokens"] + 24


async def test_a_stream_says_in_chunks_what_the_whole_answer_says(client: Client) -> None:
    chunks = await client.chunks(**GREEDY)
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert chunks[-1] == "[DONE]"
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]][-1] == "length"
    assert {chunk["id"] for chunk in chunks[:-1]} == {chunks[0]["id"]}
    assert text_of(chunks) == await client.answer(**GREEDY)


async def test_usage_comes_last_in_a_stream_that_asks_for_it(client: Client) -> None:
    chunks = await client.chunks(**GREEDY, stream_options={"include_usage": True})
    assert chunks[-2]["choices"] == []
    assert chunks[-2]["usage"]["completion_tokens"] == 24
    assert not any("usage" in chunk for chunk in chunks[:-2])


@pytest.mark.parametrize("how", [GREEDY, SEEDED, SEEDED | {"top_p": 0.7}])
async def test_answers_at_the_same_time_are_those_given_alone(
    client: Client, how: dict[str, float]
) -> None:
    """Different weights, prompt lengths and beginnings in time; nothing leaks between them."""
    wanted = [
        {"model": model, "prompt": word * length, "max_tokens": 16 + length, **how}
        for model in ("amber", "birch", "run-1")
        for word, length in (("a", 1), ("bird ", 9), ("long ", 61))
    ]
    alone = [await client.streamed(**one) for one in wanted]
    together = await asyncio.gather(*(client.streamed(**one) for one in wanted))
    assert together == alone
    assert len(set(alone)) == len(alone)


async def test_a_seed_repeats_an_answer_and_another_seed_does_not(client: Client) -> None:
    first = await client.answer(temperature=1.0, seed=1)
    assert await client.answer(temperature=1.0, seed=1) == first
    assert await client.answer(temperature=1.0, seed=2) != first


async def test_without_a_seed_answers_differ(client: Client) -> None:
    assert await client.answer(temperature=1.5) != await client.answer(temperature=1.5)


async def test_each_request_has_its_own_temperature(client: Client) -> None:
    """Cold and hot requests side by side: the cold ones agree with greedy, the hot ones do not."""
    greedy = await client.answer(temperature=0)
    cold = [client.answer(temperature=0.001) for _ in range(3)]
    hot = [client.answer(temperature=2.0, seed=seed) for seed in range(3)]
    answers = await asyncio.gather(*cold, *hot)
    assert set(answers[:3]) == {greedy}
    assert len({greedy, *answers[3:]}) == 4


async def test_a_tiny_nucleus_is_greedy(client: Client) -> None:
    greedy = await client.answer(temperature=0)
    assert await client.answer(temperature=1.0, top_p=0.000001) == greedy


async def test_an_answer_ends_before_a_stop_text(client: Client) -> None:
    whole = await client.answer(**GREEDY)
    stop = whole[5:8]
    chunks = await client.chunks(**GREEDY, stop=[stop])
    assert text_of(chunks) == whole[: whole.index(stop)]
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"


async def test_a_later_turn_is_answered_as_if_the_server_were_new(
    client: Client, models_home: Path
) -> None:
    """The beginning that is taken over from earlier requests changes nothing."""
    talk = [{"role": "user", "content": "Tell me of the sea. " * 3}]
    for question in ("And the sky?", "And the land?"):
        body = {"model": "amber", "messages": talk, "max_tokens": 24, **GREEDY}
        response = await client.post(body)
        said = (await response.json())["choices"][0]["message"]["content"]
        talk = [
            *talk,
            {"role": "assistant", "content": said},
            {"role": "user", "content": question},
        ]
    body = {"model": "amber", "messages": talk, "max_tokens": 24, **GREEDY}
    resumed = await (await client.post(body)).json()
    async with running(models_home) as fresh:
        anew = await (await fresh.post(body)).json()
    assert resumed["choices"] == anew["choices"]
    assert resumed["usage"] == anew["usage"]


async def test_a_model_ends_its_answer_with_its_end_token(tmp_path: Path) -> None:
    folder = make_model(tmp_path / "models" / "amber", seed=1)
    # Whatever it says first is declared to be the end.
    async with running(tmp_path) as client:
        first = await client.answer(temperature=0, max_tokens=1)
    (folder / "generation_config.json").write_text(f'{{"eos_token_id": [{_letter(first)}]}}')
    async with running(tmp_path) as client:
        answer = await (await client.post(client.body(temperature=0))).json()
    assert answer["choices"][0]["message"]["content"] == ""
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"]["completion_tokens"] == 1


def _letter(text: str) -> int:
    """The token of the byte model that says `text`."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    mapped = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(text)[0][0]
    return alphabet.index(mapped[0])
