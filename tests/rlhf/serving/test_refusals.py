"""What is not served, and how the server says so."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from rlhf.serving.engine import Limits
from tests.rlhf.serving.conftest import CONTEXT, Client, make_model, running

LONG = {"max_tokens": CONTEXT, "temperature": 0}


async def test_an_unknown_model_is_answered_with_those_there_are(client: Client) -> None:
    status, error = await client.refusal(client.body(model="cedar"))
    assert status == 404
    assert error["code"] == "model_not_found"
    assert "amber, birch, run-1" in error["message"]


@pytest.mark.parametrize(
    "name",
    ["../models/amber", "models/amber", "/etc", "runs/run-1/checkpoint", "..", ".", "amber/"],
)
async def test_a_name_is_never_a_path(client: Client, name: str) -> None:
    status, error = await client.refusal(client.body(model=name))
    assert (status, error["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "Hello"}, "messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages"),
        ({"temperature": -1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 1.5}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"seed": 0.5}, "seed"),
        ({"stop": [""]}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"n": 2}, "n"),
        ({"presence_penalty": 1}, "presence_penalty"),
        ({"temperatur": 1}, "temperatur"),
        ({"model": 3}, "model"),
    ],
)
async def test_a_wrong_parameter_is_named(
    client: Client, change: dict[str, Any], param: str
) -> None:
    status, error = await client.refusal(client.body() | change)
    assert status == 400
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert error["message"]


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'"text"', b"\xff"])
async def test_a_body_that_is_no_object_is_refused(client: Client, data: bytes) -> None:
    response = await client.http.post("/v1/chat/completions", data=data)
    assert response.status == 400
    assert (await response.json())["error"]["message"]


async def test_an_unknown_address_is_answered_in_json(client: Client) -> None:
    response = await client.http.get("/v2/nothing")
    assert response.status == 404
    assert "/v2/nothing" in (await response.json())["error"]["message"]


@pytest.mark.parametrize("size", [CONTEXT, 100_000])
async def test_a_prompt_that_is_too_long_is_refused(client: Client, size: int) -> None:
    status, error = await client.refusal(client.body(prompt="x" * size, stream=True))
    assert status == 400
    assert error["code"] == "context_length_exceeded"


async def test_an_answer_ends_where_the_context_ends(client: Client) -> None:
    response = await client.post(client.body(prompt="x" * (CONTEXT - 100), **LONG))
    answer = await response.json()
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["total_tokens"] == CONTEXT


async def test_a_client_that_leaves_frees_its_place(client: Client) -> None:
    response = await client.post(client.body(stream=True, **LONG))
    await response.content.readline()
    assert (await client.health())["active"] == 1
    response.close()
    await client.until(active=0)


async def test_a_client_that_does_not_stream_frees_its_place_too(client: Client) -> None:
    asking = asyncio.create_task(client.post(client.body(**LONG)))
    await client.until(active=1)
    asking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asking
    await client.until(active=0)


async def test_when_the_queue_is_full_more_are_told_to_come_again(models_home: Path) -> None:
    async with running(models_home, Limits(active=1, waiting=1)) as client:
        writing = await client.post(client.body(stream=True, **LONG))
        waiting = asyncio.create_task(client.answer(max_tokens=1))
        await client.until(waiting=1)
        response = await client.post(client.body())
        assert response.status == 429
        assert response.headers["Retry-After"]
        assert (await response.json())["error"]["code"] == "queue_full"
        writing.close()
        await waiting  # the place that is free again goes to the one that waits


async def test_a_broken_folder_is_named_and_harms_no_other(tmp_path: Path) -> None:
    make_model(tmp_path / "models" / "amber", seed=1)
    broken = make_model(tmp_path / "models" / "broken", seed=2)
    (broken / "model.safetensors").write_bytes(b"no weights")
    async with running(tmp_path) as client:
        whole = asyncio.create_task(client.answer(temperature=0))
        status, error = await client.refusal(client.body(model="broken", stream=True))
        assert status == 500
        assert "broken" in error["message"]
        assert await whole


async def test_a_new_folder_appears_and_a_reward_model_does_not(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        assert await _names(client) == []
        make_model(tmp_path / "models" / "amber", seed=1)
        reward = make_model(tmp_path / "runs" / "reward-1" / "checkpoint", seed=2)
        config = json.loads((reward / "config.json").read_text())
        config["architectures"] = ["LlamaForSequenceClassification"]
        (reward / "config.json").write_text(json.dumps(config))
        (tmp_path / "runs" / "run-2").mkdir()  # no checkpoint yet
        assert await _names(client) == ["amber"]
        assert await client.answer()


async def test_the_least_recently_used_model_makes_room(models_home: Path) -> None:
    async with running(models_home, Limits(models=2)) as client:
        for name in ("amber", "birch", "amber", "run-1"):
            await client.answer(model=name, max_tokens=1)
        assert (await client.health())["models"] == {"amber": "ready", "run-1": "ready"}


async def test_health_says_what_is_loaded(client: Client) -> None:
    await client.answer(max_tokens=1)
    health = await client.health()
    assert health["status"] == "ok"
    assert health["models"] == {"amber": "ready"}


async def _names(client: Client) -> list[str]:
    listed = await (await client.http.get("/v1/models")).json()
    return [model["id"] for model in listed["data"]]
