"""One forward pass over tokens of many requests: prompts and next tokens side by side.

The tokens of all requests lie in one row, (1, T), so every weight is read once for all of them, as
in Orca (Yu et al. 2022, "selective batching"). Only attention is done request by request, each on
its own keys and values: no padding, and no request can see another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

ATTENTION = "arena_packed"


@dataclass(frozen=True)
class Shape:
    """What the keys and values of a model look like."""

    layers: int
    heads: int
    head_size: int
    dtype: torch.dtype
    device: torch.device


class Memory:
    """The keys and values of one request, (layers, 2, heads, capacity, head_size)."""

    def __init__(self, shape: Shape, capacity: int) -> None:
        self._store = torch.empty(
            (shape.layers, 2, shape.heads, capacity, shape.head_size),
            dtype=shape.dtype,
            device=shape.device,
        )
        self.length = 0

    @property
    def capacity(self) -> int:
        return self._store.shape[3]

    def extend(
        self, layer: int, keys: torch.Tensor, values: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Writes (heads, N, head_size) behind what is there; returns everything so far.

        `length` grows only when the whole pass is done, since each layer writes the same places.
        """
        end = self.length + keys.shape[1]
        store = self._store[layer]
        store[0, :, self.length : end] = keys
        store[1, :, self.length : end] = values
        return store[0, :, :end], store[1, :, :end]

    def copy_from(self, other: "Memory", length: int) -> None:
        """Takes over the first `length` tokens of another request with the same beginning."""
        self._store[:, :, :, :length] = other._store[:, :, :, :length]
        self.length = length


@dataclass(frozen=True)
class Segment:
    """The tokens that one request brings to a pass, and its memory."""

    memory: Memory
    tokens: Sequence[int]


class _Attention(Protocol):
    layer_idx: int


def packed_attention(
    module: _Attention,
    query: torch.Tensor,  # (1, query heads, T, head_size)
    key: torch.Tensor,  # (1, heads, T, head_size)
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    segments: Sequence[Segment],
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of each segment over its own memory; the signature is that of transformers."""
    if softcap is not None:
        raise NotImplementedError("attention with a softcap")
    outputs = []
    begin = 0
    for segment in segments:
        end = begin + len(segment.tokens)
        keys, values = segment.memory.extend(
            module.layer_idx, key[0, :, begin:end], value[0, :, begin:end]
        )
        outputs.append(_attend(query[0, :, begin:end], keys, values, scaling, sliding_window))
        begin = end
    return torch.cat(outputs, dim=0).unsqueeze(0), None  # (1, T, query heads, head_size)


def _attend(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    scaling: float | None,
    window: int | None,
) -> torch.Tensor:
    """(query heads, N, D) over (heads, L, D), causal, the N queries being the last → (N, ·, D)."""
    heads, length, size = keys.shape
    count = query.shape[1]
    if count == 1:
        if window is not None:
            keys, values = keys[:, -window:], values[:, -window:]
        # Query heads that share keys become rows of one product.
        grouped = query.reshape(1, heads, -1, size)
        out = scaled_dot_product_attention(grouped, keys[None], values[None], scale=scaling)
        return out.reshape(1, -1, size)
    fresh = count == length and (window is None or length <= window)
    mask = None if fresh else _mask(count, length, window, query.device)
    out = scaled_dot_product_attention(
        query[None], keys[None], values[None],
        attn_mask=mask, is_causal=fresh, scale=scaling, enable_gqa=query.shape[0] != heads,
    )  # fmt: skip
    return out[0].transpose(0, 1)


def _mask(count: int, length: int, window: int | None, device: torch.device) -> torch.Tensor:
    """(count, length), true where the query may look."""
    rows = torch.arange(length - count, length, device=device)[:, None]
    columns = torch.arange(length, device=device)[None]
    mask = columns <= rows
    return mask if window is None else mask & (columns > rows - window)


@torch.inference_mode()
def forward(model: Any, segments: Sequence[Segment]) -> torch.Tensor:
    """The logits after each segment's last token, (len(segments), V); memories grow."""
    tokens = [token for segment in segments for token in segment.tokens]
    positions: list[int] = []
    lasts: list[int] = []
    for segment in segments:
        length = segment.memory.length
        positions.extend(range(length, length + len(segment.tokens)))
        lasts.append(len(positions) - 1)
    device = model.device
    output = model(
        input_ids=torch.tensor([tokens], device=device),
        position_ids=torch.tensor([positions], device=device),
        use_cache=False,
        logits_to_keep=torch.tensor(lasts, device=device),
        segments=segments,
    )
    for segment in segments:
        segment.memory.length += len(segment.tokens)
    return cast("torch.Tensor", output.logits[0])


def register() -> None:
    """Makes `ATTENTION` known to transformers; models are then loaded with that name."""
    AttentionInterface.register(ATTENTION, packed_attention)
