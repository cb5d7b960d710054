"""How many texts are taken for one that names its maker, and what watching costs.

    python -m benchmarks.disclosure --field result results.jsonl …

Each line of a file is a JSON object. Prints counts only, never the texts.
"""

import argparse
import json
import time
from pathlib import Path

from arena.disclosure import Watcher

PIECE = 5  # characters, as a token


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--field", default="text")
    options = parser.parse_args()
    for path in options.files:
        lines = path.read_text().splitlines()
        texts = [str(json.loads(line)[options.field]) for line in lines if line]
        begun = time.perf_counter()
        flagged = sum(bool(spans(text)) for text in texts)
        pieces = sum(-(-len(text) // PIECE) for text in texts)
        each = 1e6 * (time.perf_counter() - begun) / max(1, pieces)
        print(f"{path.name}: {len(texts)} texts, {flagged} flagged, {each:.1f} µs a piece")


def spans(text: str) -> list[tuple[int, int]]:
    watcher = Watcher()
    for start in range(0, len(text), PIECE):
        watcher.feed(text[start : start + PIECE])
    watcher.finish()
    return watcher.spans


if __name__ == "__main__":
    main()
