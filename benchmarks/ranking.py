"""Votes to ratings: our time beside evalica's and arena-rank's, in one run.

    python -m benchmarks.ranking [--votes 100000 1000000] [--contenders 150] [--repeats 5]

Integer ids for everybody. Timed is the way from arrays of votes (arena-rank: from a data frame)
to ratings, with sandwich intervals where the method has them. Each method runs alone in its
process. arena-rank needs a Python with benchmarks/requirements.txt installed, named by the
variable ARENA_BENCH_PEERS_PYTHON; without it its rows are skipped.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
PEERS_PYTHON = "ARENA_BENCH_PEERS_PYTHON"
# Ours first; the others are compared with it.
GROUPS = (
    ("our-elo", "evalica-elo"),
    ("our-bradley-terry", "evalica-bradley-terry", "arena-rank-bradley-terry"),
)
WITHOUT_INTERVALS = {"our-elo", "evalica-elo", "evalica-bradley-terry"}


class Row(NamedTuple):
    """One line of the table: times in milliseconds, memory in megabytes."""

    method: str
    votes: int
    best: float
    median: float
    peak: float
    ratio: float
    apart: float


def write_votes(file: Path, votes: int, contenders: int, seed: int = 0) -> None:
    """Votes of a Bradley-Terry world, one in five of them turned into a tie."""
    generator = np.random.default_rng(seed)
    strength = generator.normal(size=contenders)
    left = generator.integers(contenders, size=votes)
    right = (left + generator.integers(1, contenders, size=votes)) % contenders
    chance = 1.0 / (1.0 + np.exp(strength[right] - strength[left]))
    outcome = (generator.random(votes) < chance).astype(float)
    outcome[generator.random(votes) < 0.2] = 0.5
    np.savez(file, left=left, right=right, outcome=outcome)


def measure(method: str, file: Path, repeats: int) -> dict[str, Any] | str:
    """The worker's result, or why there is none."""
    python = sys.executable
    if method.startswith("arena-rank"):
        if PEERS_PYTHON not in os.environ:
            return f"skipped: set {PEERS_PYTHON} (see benchmarks/requirements.txt)"
        python = os.environ[PEERS_PYTHON]
    command = [python, "-m", "benchmarks.ranking_worker", method, str(file), str(repeats)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError as error:
        return f"skipped: {python} does not start ({error.strerror})"
    if done.returncode:
        return "failed: " + (done.stderr.strip().splitlines() or ["no message"])[-1]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compare(file: Path, votes: int, repeats: int) -> list[Row | str]:
    """A row, or a reason for its absence, for each method on one file of votes."""
    rows: list[Row | str] = []
    for ours, *peers in GROUPS:
        base = measure(ours, file, repeats)
        if isinstance(base, str):
            raise SystemExit(f"{ours} {base}")
        rows.append(_row(ours, votes, base, base))
        for method in peers:
            found = measure(method, file, repeats)
            if isinstance(found, str):
                rows.append(f"{method} at {votes:,} votes {found}")
            else:
                rows.append(_row(method, votes, found, base))
    return rows


def _row(method: str, votes: int, found: dict[str, Any], base: dict[str, Any]) -> Row:
    seconds, rating, reference = found["seconds"], found["ratings"], base["ratings"]
    apart = np.abs(
        np.subtract(rating, np.mean(rating)) - np.subtract(reference, np.mean(reference))
    )
    return Row(
        method,
        votes,
        1e3 * min(seconds),
        1e3 * median(seconds),
        found["peak_mb"],
        min(seconds) / min(base["seconds"]),
        float(apart.max()),
    )


def show(row: Row | str) -> str:
    """One line of a Markdown table, or the reason for its absence."""
    if isinstance(row, str):
        return f"| {row} |"
    kind = "ratings" if row.method in WITHOUT_INTERVALS else "ratings, sandwich"
    return (
        f"| {row.method} | {row.votes:,} | {kind} | {row.best:,.1f} | {row.median:,.1f} "
        f"| {row.ratio:,.1f} | {row.peak:,.0f} | {row.apart:.1g} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--votes", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--contenders", type=int, default=150)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    print("| method | votes | result | best ms | median ms | times ours | peak MB | points apart |")
    print("|---|--:|---|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        for votes in arguments.votes:
            file = Path(folder) / f"{votes}.npz"
            write_votes(file, votes, arguments.contenders)
            for row in compare(file, votes, arguments.repeats):
                print(show(row), flush=True)


if __name__ == "__main__":
    main()
