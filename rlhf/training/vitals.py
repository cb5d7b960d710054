"""What a training process computes on, and the most memory that it has held."""

from __future__ import annotations

import resource
import sys
from typing import Any

import psutil

from rlhf.training.distributed import processes


def device_facts(wish: str) -> dict[str, Any]:
    """The device that `wish` picks, in words and numbers. Memory is in bytes."""
    import torch

    from rlhf.training.policies import pick_device, pick_dtype

    device = pick_device(wish)
    dtype = str(pick_dtype(device)).removeprefix("torch.")
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return {
            "kind": "cuda",
            "name": properties.name,
            "memory": properties.total_memory,
            "count": 1,
            "processes": processes(),
            "dtype": dtype,
        }
    return {
        "kind": "cpu",
        "name": str(torch.cpu.get_capabilities().get("cpu_name") or "CPU"),
        "memory": psutil.virtual_memory().total,
        "count": torch.get_num_threads(),
        "processes": processes(),
        "dtype": dtype,
    }


def peak_memory() -> dict[str, int]:
    """Bytes: the process's largest resident set, and what its tensors held on the GPU."""
    # Linux counts kilobytes, macOS bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    found = {"resident": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        found["gpu"] = torch.cuda.max_memory_allocated()
    return found
