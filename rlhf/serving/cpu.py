"""Faster linear layers for float32 on a CPU: weights laid out once for oneDNN.

Between two and some hundred rows, which is what a server multiplies, this takes about half the time
of torch's own path, which rearranges the weights at every call; docs/decisions/0002 has figures.
The two operators are those that torch's compiler emits. Without them layers stay as they are.
"""

from typing import cast

import torch
from torch import nn

ROWS_EXPECTED = 8  # a hint for the layout; any number of rows works


class PackedLinear(nn.Module):
    """Computes what `layer` computes; for inference only."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        with torch.no_grad():
            weight = layer.weight.detach()
            self._weight = torch.ops.mkldnn._reorder_linear_weight(weight, ROWS_EXPECTED)
        self._bias = None if layer.bias is None else layer.bias.detach()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        out = torch.ops.mkldnn._linear_pointwise(inputs, self._weight, self._bias, "none", [], "")
        return cast("torch.Tensor", out)


def pack_linear_layers(network: nn.Module) -> None:
    """Replaces every linear layer of a float32 network on the CPU."""
    if not _available():
        return
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            if type(layer) is nn.Linear and layer.weight.dtype == torch.float32:
                setattr(parent, name, PackedLinear(layer))


def _available() -> bool:
    names = ("_reorder_linear_weight", "_linear_pointwise")
    built: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return built and all(hasattr(torch.ops.mkldnn, name) for name in names)
