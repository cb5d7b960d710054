"""A training process that obeys the contract and trains nothing: `fake_stage.py STAGE --config F`.

The setting `behaviour` in its configuration says what it does. It never sleeps longer than it is
waited for: `hang` waits for a signal.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

sys.path.insert(0, str(Path(__file__).parents[2]))

from rlhf.training.sole import OCCUPIED, occupy

config: dict[str, Any] = json.loads(Path(sys.argv[3]).read_text())
stage = sys.argv[1]
folder = Path(sys.argv[3]).parent
behaviour = os.environ.get("FAKE_STAGE", "succeed")


place = occupy(folder)  # until it ends
if place is None:
    sys.exit(OCCUPIED)


def report(step: int, total: int, **metrics: float) -> None:
    line = {
        "time": time.time(),
        "phase": "training",
        "step": step,
        "total": total,
        "progress": step / total,
        "metrics": metrics,
    }
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


def publish(**summary: Any) -> NoReturn:
    (folder / "checkpoint").mkdir()
    (folder / "checkpoint" / "model.safetensors").write_bytes(b"weights")
    (folder / "summary.json").write_text(json.dumps({"stage": stage, **summary}))
    sys.exit(0)


def end_on_term(*_: object) -> NoReturn:
    print("stopped as asked", flush=True)
    sys.exit(143)


def keep_state() -> bool:
    """Keep what a run goes on from, as of now; whether an earlier process did so already."""
    entry = folder / "state" / "training.000000001"
    if entry.is_dir():
        return True
    entry.mkdir(parents=True)
    size = (folder / "metrics.jsonl").stat().st_size
    (entry / "place.json").write_text(json.dumps({"sizes": {"metrics.jsonl": size}}))
    (entry.parent / "fingerprint").write_text("f")
    return False


print(f"{stage} begins", flush=True)
if not (folder / "state").is_dir():
    report(1, 4, loss=2.0)
if behaviour.startswith("keep-"):
    behaviour, resumed = behaviour.removeprefix("keep-"), keep_state()
    if behaviour == "die-once":
        behaviour = "succeed" if resumed else "die"
    elif behaviour == "die-further":
        deaths = len(list(folder.glob("death-*")))
        (folder / f"death-{deaths}").touch()
        report(2 + deaths, 99)
        os.kill(os.getpid(), signal.SIGKILL)
if behaviour == "succeed":
    report(2, 4, loss=1.0)
    report(4, 4, loss=0.5)
    publish(**json.loads(os.environ.get("FAKE_SUMMARY", "{}")))
elif behaviour == "malformed":
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('not json\n{"phase": 1}\n[]\n{"time":0,"phase":"p","step":"x"}\n')
    report(3, 4, loss=float("nan"), accuracy=0.75)
    publish()
elif behaviour == "die":
    report(3, 4, loss=1.2)
    os.kill(os.getpid(), signal.SIGKILL)
elif behaviour == "crash":
    print("Traceback: the weights are upside down", flush=True)
    sys.exit(1)
elif behaviour == "refuse":
    reason = {"reason": "rankings.jsonl line 3: no ranks.", "what to do": "Remove it."}
    (folder / "error.json").write_text(json.dumps(reason))
    sys.exit(2)
elif behaviour == "empty-handed":
    sys.exit(0)
elif behaviour in {"hang", "stubborn"}:
    handler = signal.SIG_IGN if behaviour == "stubborn" else end_on_term
    signal.signal(signal.SIGTERM, handler)
    report(2, 4, loss=1.5)
    while True:
        signal.pause()
else:
    sys.exit(f"unknown behaviour {behaviour}")
