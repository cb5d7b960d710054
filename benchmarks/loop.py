"""How long one default loop takes: reward model, then sampling, scoring, training and evaluation.

`python -m benchmarks.loop [--work DIR]` draws four responses to each prompt of the library and
ranks them by a hidden preference, which is what raters do in battles and so not timed. Then it runs
the very commands of the lab, with their default settings, and prints seconds per phase.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.update_methods import Bench
from rlhf.serving.weights import prepare
from rlhf.training import DEFAULT_UPDATE

PREFERENCE = "brief_and_concrete"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loop", description=__doc__)
    parser.add_argument("--work", type=Path, help="keeps the weights and the drawn responses")
    work: Path | None = parser.parse_args().work
    if work:
        loop(work)
    else:
        with tempfile.TemporaryDirectory(prefix="arena-loop-") as name:
            loop(Path(name))


def loop(work: Path) -> None:
    """Draw and rank responses, then time both runs."""
    model = str(prepare(work / "weights"))
    bench = Bench(model, work, PREFERENCE, argparse.Namespace(style="counted"))
    votes = bench.votes(seed=0)
    reward = {"rankings": str(votes / "rankings.jsonl")}
    update = {
        "prompts": str(votes / "prompts.jsonl"),
        "reward_model": str(work / "reward" / "checkpoint"),
    }
    whole = timed("reward", {"model": model, **reward}, work / "reward")
    whole += timed(DEFAULT_UPDATE, {"model": model, **update}, work / "update")
    print(f"{'the whole loop':<34}{whole:8.1f} s  (load {os.getloadavg()[0]:.1f} at its end)")


def timed(stage: str, config: dict[str, str], folder: Path) -> float:
    """Run one stage as the worker does, print its phases, return the seconds of its process."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.json"
    path.write_text(json.dumps({"output": str(folder), **config}))
    began = time.monotonic()
    command = [sys.executable, "-m", "rlhf.training", stage, "--config", str(path)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    seconds = time.monotonic() - began
    phases = json.loads((folder / "summary.json").read_text())["seconds"]
    for name, value in phases.items():
        if name != "total":
            print(f"{stage + ': ' + name:<34}{value:8.1f} s")
    print(f"{stage + ', its process':<34}{seconds:8.1f} s", flush=True)
    return seconds


if __name__ == "__main__":
    main()
