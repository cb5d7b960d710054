"""A model folder becomes a model that can be stepped."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rlhf.serving import packed
from rlhf.serving.cpu import pack_linear_layers
from rlhf.serving.errors import CannotServe, InvalidRequest

SUPPORTED_LAYERS = {"full_attention", "sliding_attention"}


@dataclass(frozen=True, eq=False)
class Model:
    """Loaded weights with their tokenizer and limits; compared by identity."""

    name: str
    network: Any
    tokenizer: Any
    shape: packed.Shape
    context: int  # tokens, prompt and answer together
    ends: frozenset[int]  # tokens that end an answer

    def encode(self, messages: list[dict[str, str]]) -> list[int]:
        """The prompt tokens of a conversation. Raises InvalidRequest if the template refuses it."""
        try:
            tokens = self.tokenizer.apply_chat_template(
                messages, add_generation_prompt=True, return_dict=False
            )
        except Exception as error:
            raise InvalidRequest(
                f"The chat template of {self.name} refuses these messages: {error}",
                param="messages",
            ) from error
        return list(tokens)


def load(name: str, path: Path, *, device: torch.device, dtype: torch.dtype | None) -> Model:
    """Loads a folder written by `save_pretrained`. Raises CannotServe with the reason."""
    packed.register()
    try:
        network: Any = AutoModelForCausalLM.from_pretrained(
            path,
            dtype=dtype or best_dtype(device),
            attn_implementation=packed.ATTENTION,
            local_files_only=True,
        )
        tokenizer: Any = AutoTokenizer.from_pretrained(path, local_files_only=True)
        network.eval().requires_grad_(requires_grad=False)
        network.to(device)
        if device.type == "cpu":
            pack_linear_layers(network)
        return _model(name, path, network, tokenizer)
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
        raise CannotServe(f"The model {name} cannot be loaded: {error}") from error


def _model(name: str, path: Path, network: Any, tokenizer: Any) -> Model:
    config = network.config.get_text_config()
    others = set(getattr(config, "layer_types", None) or []) - SUPPORTED_LAYERS
    if others or not network._supports_attention_backend:
        raise CannotServe(
            f"The model {name} ({config.model_type}) has layers that this server does not run. "
            "Serve it with vLLM and add it as a contender by its URL."
        )
    if tokenizer.chat_template is None:
        raise CannotServe(f"The model {name} has no chat template, so it cannot hold a chat.")
    heads = config.num_attention_heads
    shape = packed.Shape(
        layers=config.num_hidden_layers,
        heads=getattr(config, "num_key_value_heads", None) or heads,
        head_size=getattr(config, "head_dim", None) or config.hidden_size // heads,
        dtype=network.dtype,
        device=network.device,
    )
    ends = _end_tokens(path, tokenizer.eos_token_id)
    return Model(name, network, tokenizer, shape, config.max_position_embeddings, ends)


def _end_tokens(path: Path, tokenizer_end: int | None) -> frozenset[int]:
    ends = {tokenizer_end} if tokenizer_end is not None else set()
    file = path / "generation_config.json"
    if file.exists():
        listed = json.loads(file.read_text()).get("eos_token_id")
        ends.update(listed if isinstance(listed, list) else [listed] if listed is not None else [])
    return frozenset(ends)


def best_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def best_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the processor multiplies it, else float32.

    Without the instructions (AVX512-BF16, AMX) a prompt in bfloat16 takes six times as long; see
    docs/decisions/0002-model-server.md.
    """
    if device.type == "cuda":
        return torch.bfloat16
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if native else torch.float32
