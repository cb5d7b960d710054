"""One stage in several processes, started by `accelerate launch` (`rlhf.launching`).

Every process runs the whole stage; the trainer shares out its batches. What is not the trainer's
(reading, sampling before it, the evaluation) each process does alike, and only the first one
writes. So a stage gains speed in its training phase alone.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Any

from rlhf.training.errors import InputError

PR_SET_PDEATHSIG = 1


def processes() -> int:
    """How many run this stage together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this process is the one that writes."""
    return int(os.environ.get("RANK", "0")) == 0


def local_number() -> int:
    """Which of this machine's devices is ours."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def die_with_launcher() -> None:
    """Have Linux send SIGTERM when the launcher dies: torchrun's workers would outlive its kill."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def share(rows: int, name: str) -> int:
    """This process's part of a batch; raises InputError where it cannot be parted."""
    if rows % processes():
        raise InputError(
            f"{name} is {rows}, and {processes()} processes share it.",
            f"Make {name} a multiple of {processes()}.",
        )
    return rows // processes()


def whole_weights(trainer: Any) -> dict[str, Any] | None:
    """All weights after training where the processes hold shards; None where each has them all.

    Every process must call it; only the first one's answer is whole.
    """
    accelerator = trainer.accelerator
    kind = str(getattr(accelerator.distributed_type, "value", accelerator.distributed_type))
    plugin = getattr(accelerator.state, "deepspeed_plugin", None)
    sharded = kind == "FSDP" or (plugin is not None and plugin.zero_stage == 3)
    if not sharded:
        return None
    found: dict[str, Any] = accelerator.get_state_dict(trainer.model_wrapped)
    return found
