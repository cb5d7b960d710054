"""Run one stage: `python -m rlhf.training STAGE --config FILE.json`."""

from __future__ import annotations

import argparse
import errno
import importlib
import json
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from rlhf.training.config import load_config
from rlhf.training.distributed import die_with_launcher, is_first, processes
from rlhf.training.errors import DeadEnd, InputError, Stopped, TrainingError
from rlhf.training.output import write_json
from rlhf.training.settings import STAGES
from rlhf.training.sole import OCCUPIED, occupant, occupy
from rlhf.training.state import drop, drop_empty
from rlhf.training.vitals import device_facts

INPUT_ERROR, CRASHED, STOPPED = 2, 1, 143


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, run, and turn what went wrong into an exit code and error.json."""
    parser = argparse.ArgumentParser(prog="rlhf.training", description=__doc__)
    parser.add_argument("stage", choices=sorted(STAGES))
    parser.add_argument("--config", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    folder = _output_folder(chosen.config)
    if folder is None or not is_first():  # of several processes, one writes
        return _run(chosen.stage, chosen.config)
    try:
        place = occupy(folder)
    except OSError as error:
        reason = f"Cannot write to {folder}: {error.strerror}."
        return _fail(chosen.config, reason, "Choose a writable output folder.", INPUT_ERROR)
    if place is None:
        who = occupant(folder) or "another"
        remedy = "Nothing was changed: wait for its end, or stop it."
        print(f"Process {who} works in {folder} already. {remedy}", file=sys.stderr)
        return OCCUPIED
    with place:
        return _run(chosen.stage, chosen.config)


def _run(stage: str, config: Path) -> int:
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        run_stage(stage, config)
    except InputError as error:
        if (folder := _output_folder(config)) is not None:
            (drop if isinstance(error, DeadEnd) else drop_empty)(folder)
        return _fail(config, error.reason, error.remedy, INPUT_ERROR)
    except TrainingError as error:
        return _fail(config, error.reason, error.remedy, CRASHED)
    except Stopped:
        print("Stopped by SIGTERM.", file=sys.stderr)
        return STOPPED
    except Exception as error:
        if _is_full_disk(error):
            remedy = "Free some space and run it again."
            return _fail(config, "The disk is full.", remedy, CRASHED)
        if _is_memory(error):
            remedy = "Lower batch_size, sample_batch or max_new_tokens, or use a smaller model."
            return _fail(config, "Memory ran out.", remedy, CRASHED)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


def run_stage(stage: str, path: Path) -> None:
    """Load the stage's module and config, prepare torch, and run it."""
    # Waiting threads that spin take the core from a model server beside this process: read when
    # the OpenMP runtime loads, so before torch.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if processes() == 1:
        # A trainer that sees several GPUs in one process would part its batches among them.
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0")
        os.environ["CUDA_VISIBLE_DEVICES"] = visible.split(",")[0]
    else:
        die_with_launcher()
    # What libraries will change some day is no operator's business: the log is theirs to read.
    for category in (FutureWarning, DeprecationWarning):
        warnings.simplefilter("ignore", category)
    module = importlib.import_module(f"rlhf.training.{stage.replace('-', '_')}")
    config = load_config(STAGES[stage], path)
    _prepare(config)
    if is_first():
        folder = Path(config.output)
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "device.json", device_facts(config.device))
    module.main(config)


def _prepare(config: Any) -> None:
    import torch
    import transformers

    torch.set_num_threads(config.threads or os.cpu_count() or 1)
    transformers.utils.logging.disable_progress_bar()


def _stop(*_: object) -> NoReturn:
    raise Stopped


def _is_full_disk(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.ENOSPC
    # Safetensors tells of it by an error of its own, which only quotes the system's.
    return f"(os error {errno.ENOSPC})" in str(error)


def _is_memory(error: Exception) -> bool:
    text = str(error)
    words = ("out of memory", "DefaultCPUAllocator", "can't allocate memory")
    told = isinstance(error, RuntimeError) and any(word in text for word in words)
    return told or isinstance(error, MemoryError)


def _fail(path: Path, reason: str, remedy: str, code: int) -> int:
    print(f"{reason} {remedy}", file=sys.stderr)
    folder = _output_folder(path)
    if folder is not None and folder.is_dir():
        try:
            write_json(folder / "error.json", {"reason": reason, "what to do": remedy})
        except OSError as error:
            print(f"error.json could not be written: {error.strerror}", file=sys.stderr)
    return code


def _output_folder(path: Path) -> Path | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    output = value.get("output") if isinstance(value, dict) else None
    return Path(output) if isinstance(output, str) else None


if __name__ == "__main__":
    sys.exit(main())
