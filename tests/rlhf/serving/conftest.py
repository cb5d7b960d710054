"""Two tiny random models with a tokenizer of bytes, and a model server over them."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from rlhf.serving.app import create_app
from rlhf.serving.catalog import Catalog
from rlhf.serving.engine import Engine, Limits

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CONTEXT = 2048


def make_model(folder: Path, seed: int, **changes: Any) -> Path:
    """A random Llama of two layers that never ends by itself, so that lengths are certain."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE(vocab={letter: n for n, letter in enumerate(letters)}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, additional_special_tokens=["<|im_start|>", "<|im_end|>"]
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    sizes: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT,
        "initializer_range": 0.3,  # far from ties between two tokens
        "bos_token_id": None,
        "eos_token_id": None,
    }
    LlamaForCausalLM(LlamaConfig(**sizes | changes)).save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Two threads on models this small mostly wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def models_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ARENA_HOME with the models `amber` and `birch` and the checkpoint of the run `run-1`."""
    home = tmp_path_factory.mktemp("home")
    make_model(home / "models" / "amber", seed=1)
    make_model(home / "models" / "birch", seed=2)
    make_model(home / "runs" / "run-1" / "checkpoint", seed=3)
    return home


@dataclass
class Client:
    """Talks to one model server."""

    http: "TestClient[Any, Any]"
    engine: Engine

    def body(self, model: str = "amber", prompt: str = "Hello", **more: Any) -> dict[str, Any]:
        messages = [{"role": "user", "content": prompt}]
        return {"model": model, "messages": messages, "max_tokens": 24, **more}

    async def post(self, body: Any) -> ClientResponse:
        return await self.http.post("/v1/chat/completions", json=body)

    async def refusal(self, body: Any) -> tuple[int, dict[str, Any]]:
        response = await self.post(body)
        return response.status, (await response.json())["error"]

    async def answer(self, **wanted: Any) -> str:
        response = await self.post(self.body(**wanted))
        assert response.status == 200, await response.text()
        return str((await response.json())["choices"][0]["message"]["content"])

    async def chunks(self, **wanted: Any) -> list[Any]:
        """The events of a stream; its last one, `[DONE]`, as text."""
        response = await self.post(self.body(stream=True, **wanted))
        assert response.content_type == "text/event-stream"
        lines = [line async for line in response.content if line.startswith(b"data: ")]
        datas = [line.removeprefix(b"data: ").strip() for line in lines]
        return [*(json.loads(data) for data in datas[:-1]), datas[-1].decode()]

    async def streamed(self, **wanted: Any) -> str:
        chunks = await self.chunks(**wanted)
        return text_of(chunks)

    async def until(self, **state: int) -> None:
        """Asks for the server's health until it is `active=…` or `waiting=…`."""
        async with asyncio.timeout(10):
            while not state.items() <= (await self.health()).items():
                pass

    async def health(self) -> dict[str, Any]:
        return dict(await (await self.http.get("/health")).json())


def text_of(chunks: list[Any]) -> str:
    return "".join(
        chunk["choices"][0]["delta"].get("content", "")
        for chunk in chunks
        if chunk != "[DONE]" and chunk["choices"]
    )


@asynccontextmanager
async def running(home: Path, limits: Limits | None = None) -> AsyncIterator[Client]:
    """A model server over `home` as long as it is entered."""
    catalog = Catalog(home)
    engine = Engine(catalog, limits, device=torch.device("cpu"), dtype=torch.float32)
    engine.start()
    try:
        app = create_app(engine, catalog)
        server = TestServer(app, handler_cancellation=True)
        async with TestClient(server) as http:
            yield Client(http, engine)
    finally:
        await asyncio.to_thread(engine.stop)


@pytest.fixture
async def client(models_home: Path) -> AsyncIterator[Client]:
    async with running(models_home) as started:
        yield started
