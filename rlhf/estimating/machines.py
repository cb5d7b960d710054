"""What this machine has to train with. Imports no torch: the web asks."""

import os
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

import psutil

Kind = Literal["sample", "read", "train"]

# Floating-point operations a second, as `work` counts them. Of the CPU: two cores with
# AVX512-BF16; without bfloat16 in hardware 0.45 of that (docs/decisions/0004-default-update.md).
CPU_RATES: dict[Kind, float] = {"sample": 160e9, "read": 200e9, "train": 150e9}
CPU_THREADS = 2
FLOAT32_SHARE = 0.45
STARTING_S: dict[str, float] = {"cpu": 12.0, "cuda": 20.0}  # Python, torch and the weights
# Of a GPU nothing was measured: a fifth of an H100's dense bfloat16 rate, and less for sampling.
GPU_RATES: dict[Kind, float] = {"sample": 20e12, "read": 200e12, "train": 150e12}


@dataclass(frozen=True, slots=True)
class Gpu:
    """A CUDA device, as nvidia-smi tells it."""

    name: str
    memory: int  # bytes


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a run will compute. `memory` is all that the device has, in bytes; `free` is now."""

    name: str
    kind: Literal["cpu", "cuda"]
    memory: int
    free: int
    threads: int
    bfloat16: bool
    measured: bool  # whether the rates rest on a measurement of a device like this

    @property
    def starting_s(self) -> float:
        """Seconds before a run computes."""
        return STARTING_S[self.kind]

    def rate(self, kind: Kind) -> float:
        """Operations a second."""
        if self.kind == "cuda":
            return GPU_RATES[kind]
        share = 1.0 if self.bfloat16 else FLOAT32_SHARE
        return CPU_RATES[kind] * share * self.threads / CPU_THREADS


def this_machine(*, device: str = "auto", threads: int = 0) -> Machine:
    """The device that a run with these settings takes."""
    found = gpus() if device != "cpu" else ()
    if found:
        return Machine(
            name=found[0].name,
            kind="cuda",
            memory=found[0].memory,
            free=found[0].memory,
            threads=threads,
            bfloat16=True,
            measured=False,
        )
    cores = cpu_count()
    memory = psutil.virtual_memory()
    limit = _memory_limit() or memory.total
    return Machine(
        name=cpu_name(),
        kind="cpu",
        memory=min(memory.total, limit),
        free=min(memory.available, limit),
        threads=min(threads or cores, cores),
        bfloat16=_multiplies_bfloat16(),
        measured=_multiplies_bfloat16(),
    )


@cache
def gpus() -> tuple[Gpu, ...]:
    """CUDA devices that training would see: none without a CUDA build of torch."""
    try:
        if version("torch").endswith("+cpu"):
            return ()
    except PackageNotFoundError:
        return ()
    ask = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(ask, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    rows = [line.rsplit(",", 1) for line in told.splitlines() if "," in line]
    found = tuple(Gpu(name.strip(), int(size) * 1024**2) for name, size in rows)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return found
    numbers = [int(one) for one in visible.split(",") if one.strip().isdigit()]
    return tuple(found[number] for number in numbers if number < len(found))


def cpu_count() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def cpu_name() -> str:
    """The processor as the system names it; the same words as the training process writes."""
    return next((value for key, value in _cpuinfo() if key == "model name"), "CPU")


@cache
def _multiplies_bfloat16() -> bool:
    flags = next((value for key, value in _cpuinfo() if key == "flags"), "").split()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _cpuinfo() -> list[tuple[str, str]]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return []
    pairs = [line.partition(":") for line in text.splitlines() if ":" in line]
    return [(key.strip(), value.strip()) for key, _, value in pairs]


def _memory_limit() -> int | None:
    """A container's limit (cgroup 2), or None without one."""
    try:
        told = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(told) if told.isdigit() else None
