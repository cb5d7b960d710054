"""Load a policy, give it LoRA adapters, and write it back as plain weights that can be served."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.tuners_utils import BaseTunerLayer
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from rlhf.training.distributed import local_number
from rlhf.training.errors import InputError

Policy: TypeAlias = PeftModel | PreTrainedModel
"""A model under training: with adapters, or all of it."""


def pick_device(wish: str) -> torch.device:
    """'auto' is CUDA when present, else the CPU."""
    if wish == "cuda" and not torch.cuda.is_available():
        raise InputError("device is 'cuda', but no CUDA device is visible.", "Use 'auto' or 'cpu'.")
    if wish == "auto":
        wish = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device("cuda", local_number()) if wish == "cuda" else torch.device(wish)


def pick_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the device multiplies it in hardware, float32 elsewhere.

    A CPU without AMX or AVX512-BF16 emulates it: measured 16 GFLOPS against 130 in float32 on two
    cores of an AVX2 machine.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    able = torch.cpu.get_capabilities()
    fast = able.get("amx_bf16") or able.get("avx512_bf16")
    return torch.bfloat16 if fast else torch.float32


def load_tokenizer(model: str) -> PreTrainedTokenizerBase:
    """The tokenizer of a local model folder; it must have a chat template."""
    _must_be_model(model)
    tokenizer = AutoTokenizer.from_pretrained(model)
    if tokenizer.chat_template is None:
        raise InputError(f"{model} has no chat template.", "Use an instruction-tuned model.")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_policy(model: str, device: torch.device) -> PreTrainedModel:
    """A causal language model from a local folder, in float32 master weights on the device."""
    _must_be_model(model)
    loaded: PreTrainedModel = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    return loaded.to(device)


def _must_be_model(model: str) -> None:
    if not (Path(model) / "config.json").is_file():
        raise InputError(
            f"{model} is not a model folder (no config.json).",
            "Give the folder of a base model or of a checkpoint.",
        )
    AutoConfig.from_pretrained(model)


def trainable(policy: PreTrainedModel, rank: int) -> Policy:
    """The policy with LoRA adapters of that rank, or as it is, all of its weights to be trained."""
    return with_lora(policy, rank) if rank else policy


def with_lora(policy: PreTrainedModel, rank: int) -> PeftModel:
    """Add LoRA adapters to every linear layer but the head. Hu et al. 2021, arXiv:2106.09685."""
    config = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        target_modules="all-linear",
        lora_dropout=0.0,
        task_type="CAUSAL_LM",
    )
    return get_peft_model(policy, config)


@contextmanager
def merged(policy: Policy) -> Iterator[Policy]:
    """Fold the adapters into the weights meanwhile, so that sampling does not pay for them.

    Taking them out again would leave the weights changed in their last bits, so they are put back.
    """
    if not isinstance(policy, PeftModel):
        yield policy
        return
    folded = [module.get_base_layer() for module in adapted(policy)]
    kept = [layer.weight.detach().clone() for layer in folded]
    policy.merge_adapter()
    try:
        yield policy
    finally:
        policy.unmerge_adapter()
        for layer, weight in zip(folded, kept, strict=True):
            layer.weight.data.copy_(weight)


def adapted(model: Any) -> list[Any]:
    """The layers of a model whose adapters are in use."""
    layers = [module for module in model.modules() if isinstance(module, BaseTunerLayer)]
    return [layer for layer in layers if not layer.disable_adapters]


@contextmanager
def before_training(policy: Policy, model: str) -> Iterator[Policy]:
    """What the policy was: its adapters off, or where all weights are trained, loaded again."""
    if isinstance(policy, PeftModel):
        with policy.disable_adapter():
            yield policy
    else:
        yield load_policy(model, policy.device).eval()


def save_policy(policy: Policy, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write merged weights, tokenizer and generation settings. This ends the adapters' life."""
    whole: Any = policy.merge_and_unload() if isinstance(policy, PeftModel) else policy
    whole.generation_config.do_sample = True
    whole.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
