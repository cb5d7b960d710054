"""What a model's folder says of its size, without loading a weight."""

import json
import math
import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

_HEADER_MAX = 100 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Shape:
    """parameters: all of them. head: those of the output layer, which every read token meets.

    kv_width: numbers that a token leaves in each layer's cache of keys, and again of values.
    """

    parameters: int
    layers: int
    hidden: int
    vocabulary: int
    kv_width: int
    tied: bool

    @property
    def head(self) -> int:
        return self.hidden * self.vocabulary

    @property
    def multiplied(self) -> int:
        """Parameters that each token is multiplied with: not a separate table of embeddings."""
        return self.parameters if self.tied else self.parameters - self.head

    @property
    def blocks(self) -> int:
        """Parameters of all layers together, without embeddings and head."""
        return max(0, self.parameters - self.head * (1 if self.tied else 2))

    @property
    def intermediate(self) -> float:
        """The width between a layer's two halves, as its three matrices there leave it."""
        attention = 2 * self.hidden * (self.hidden + self.kv_width)
        return max(0.0, (self.blocks / self.layers - attention) / (3 * self.hidden))


def read_shape(folder: Path) -> Shape | None:
    """The shape of a model folder; None where its files do not tell."""
    try:
        stamp = (folder / "config.json").stat().st_mtime_ns
        return _read(folder, stamp)
    except (OSError, ValueError, KeyError, TypeError):
        return None


@lru_cache(maxsize=64)
def _read(folder: Path, _stamp: int) -> Shape:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    hidden, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
    head_size = int(config.get("head_dim") or hidden // heads)
    tensors = [tensor for path in sorted(folder.glob("*.safetensors")) for tensor in _header(path)]
    names = {name for name, _ in tensors}
    if not names:
        raise ValueError("no weights")
    return Shape(
        parameters=sum(count for _, count in tensors),
        layers=int(config["num_hidden_layers"]),
        hidden=hidden,
        vocabulary=int(config["vocab_size"]),
        kv_width=head_size * int(config.get("num_key_value_heads") or heads),
        tied="lm_head.weight" not in names,
    )


def _header(path: Path) -> list[tuple[str, int]]:
    """Names and sizes of the tensors in a safetensors file, from its header."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > _HEADER_MAX:
            raise ValueError("no safetensors file")
        header: dict[str, Any] = json.loads(file.read(length))
    return [
        (name, math.prod(value["shape"]))
        for name, value in header.items()
        if name != "__metadata__"
    ]
