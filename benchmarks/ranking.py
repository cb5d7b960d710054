"""Votes to ratings: our time beside evalica's and arena-rank's, in one run.

    python -m benchmarks.ranking [--votes 100000 1000000] [--contenders 150] [--repeats 5]

Integer ids for everybody. Timed is the way from arrays of votes (arena-rank: from a data frame)
to ratings, with sandwich intervals where the method has them. Each method runs alone in its
process, with one thread for OpenBLAS, as in the arena (docs/decisions/0003-estimators.md); JAX
keeps its own threads. arena-rank needs a Python with benchmarks/requirements.txt installed,
named by the variable ARENA_BENCH_PEERS_PYTHON; without it its rows are skipped.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
PEERS_PYTHON = "ARENA_BENCH_PEERS_PYTHON"
COVARIATES = 4

Arrays = dict[str, Any]


class Task(NamedTuple):
    """What is asked, of which votes, and of whom: ours first, the others are compared with it.

    contenders  how many, if not as many as the command line says
    """

    name: str
    votes: Callable[[int, int], Arrays]
    methods: tuple[str, ...]
    contenders: int | None = None


class Row(NamedTuple):
    """One line of the table: times in milliseconds, memory in megabytes, ratings in points."""

    task: str
    method: str
    votes: int
    best: float
    median: float
    ratio: float
    peak: float
    apart: float


def pairs(votes: int, contenders: int) -> Arrays:
    """Votes of a Bradley-Terry world, one in five of them turned into a tie."""
    generator = np.random.default_rng(0)
    strength = generator.normal(size=contenders)
    left = generator.integers(contenders, size=votes)
    right = (left + generator.integers(1, contenders, size=votes)) % contenders
    chance = 1.0 / (1.0 + np.exp(strength[right] - strength[left]))
    outcome = (generator.random(votes) < chance).astype(float)
    outcome[generator.random(votes) < 0.2] = 0.5
    return {"left": left, "right": right, "outcome": outcome}


def styled(votes: int, contenders: int) -> Arrays:
    """The same votes with covariates that say nothing about them."""
    covariates = np.random.default_rng(1).normal(size=(votes, COVARIATES))
    return pairs(votes, contenders) | {"covariates": covariates}


def rankings(votes: int, contenders: int) -> Arrays:
    """Rankings of three, as many of them as votes; in one of five the last two are tied."""
    generator = np.random.default_rng(0)
    strength = generator.normal(size=contenders)
    first, second, third = (generator.integers(contenders - i, size=votes) for i in range(3))
    # Without replacement: whoever is taken already is stepped over.
    second += second >= first
    low, high = np.minimum(first, second), np.maximum(first, second)
    third += third >= low
    third += third >= high
    items = np.stack([first, second, third], axis=1)
    utility = strength[items] + generator.gumbel(size=items.shape)
    ranks = (-utility).argsort(axis=1).argsort(axis=1) + 1
    tied = generator.random(votes) < 0.2
    ranks[tied] = np.minimum(ranks[tied], 2)
    return {"items": items, "ranks": ranks}


def tallies(votes: int, contenders: int) -> Arrays:
    """The same votes of two, counted: contenders and ranks of each kind, and how many."""
    drawn = pairs(votes, contenders)
    low, high = (np.asarray(f(drawn["left"], drawn["right"])) for f in (np.minimum, np.maximum))
    outcome = np.where(drawn["left"] == low, drawn["outcome"], 1.0 - drawn["outcome"])
    kind = (low * contenders + high) * 3 + (2 * outcome).astype(int)
    kinds, counts = np.unique(kind, return_counts=True)
    couple, result = np.divmod(kinds, 3)
    items = np.stack(np.divmod(couple, contenders), axis=1)
    ranks = np.array([[2, 1], [1, 1], [1, 2]])[result]
    return {"items": items, "ranks": ranks, "counts": counts.astype(float)}


TASKS = (
    Task("online Elo", pairs, ("our-elo", "evalica-elo")),
    Task("Bradley-Terry without intervals", pairs, ("our-ratings", "evalica-ratings")),
    Task("Bradley-Terry, sandwich", pairs, ("our-pairs", "arena-rank-pairs")),
    Task("rankings of three, sandwich", rankings, ("our-rankings", "arena-rank-rankings")),
    Task("style control, sandwich", styled, ("our-style", "arena-rank-style")),
    # arena-rank's bootstrap forks after JAX has started threads, which JAX warns against.
    Task("1,000 bootstrap rounds", pairs, ("our-bootstrap",)),
    Task("1,000 rounds, Davidson's ties", pairs, ("our-davidson-bootstrap",)),
    Task("1,000 rounds, style control", styled, ("our-style-bootstrap",)),
    Task("1,000 rounds, rankings of three", rankings, ("our-rankings-bootstrap",)),
    Task("1,000 rounds, Plackett-Luce of three", rankings, ("our-plackett-luce-bootstrap",)),
    Task("the same of 20 contenders", rankings, ("our-plackett-luce-bootstrap",), 20),
    # From arrays; from the rows of the database: benchmarks.refit.
    Task("refit from tallies, sandwich", tallies, ("our-refit",), 200),
)


def measure(method: str, file: Path, repeats: int) -> dict[str, Any] | str:
    """The worker's result, or why there is none."""
    python = sys.executable
    if method.startswith("arena-rank"):
        if PEERS_PYTHON not in os.environ:
            return f"skipped: set {PEERS_PYTHON} (see benchmarks/requirements.txt)"
        python = os.environ[PEERS_PYTHON]
    command = [python, "-m", "benchmarks.ranking_worker", method, str(file), str(repeats)]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
        )
    except OSError as error:
        return f"skipped: {python} does not start ({error.strerror})"
    if done.returncode:
        return "failed: " + (done.stderr.strip().splitlines() or ["no message"])[-1]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compare(task: Task, file: Path, votes: int, repeats: int) -> Iterator[Row | str]:
    """A row, or a reason for its absence, for each method on one file of votes."""
    base: dict[str, Any] | None = None
    for method in task.methods:
        found = measure(method, file, repeats)
        if isinstance(found, str):
            if base is None:
                raise SystemExit(f"{method} {found}")
            yield f"{task.name} | {method} at {votes:,} votes {found}"
            continue
        base = base or found
        yield _row(task.name, method, votes, found, base)


def _row(task: str, method: str, votes: int, found: dict[str, Any], base: dict[str, Any]) -> Row:
    seconds, (rating, reference) = found["seconds"], (x["ratings"] for x in (found, base))
    apart = np.abs(
        np.subtract(rating, np.mean(rating)) - np.subtract(reference, np.mean(reference))
    )
    return Row(
        task,
        method,
        votes,
        1e3 * min(seconds),
        1e3 * median(seconds),
        min(seconds) / min(base["seconds"]),
        found["peak_mb"],
        float(apart.max()),
    )


def show(row: Row | str) -> str:
    """One line of a Markdown table, or the reason for its absence."""
    if isinstance(row, str):
        return f"| {row} |"
    return (
        f"| {row.task} | {row.method} | {row.votes:,} | {row.best:,.1f} | {row.median:,.1f} "
        f"| {row.ratio:,.1f} | {row.peak:,.0f} | {row.apart:.1g} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--votes", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--contenders", type=int, default=150)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    print("| task | method | votes | best ms | median ms | times ours | peak MB | points apart |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        for votes in arguments.votes:
            for task in TASKS:
                file = Path(folder) / "votes.npz"
                np.savez(file, **task.votes(votes, task.contenders or arguments.contenders))
                for row in compare(task, file, votes, arguments.repeats):
                    print(show(row), flush=True)


if __name__ == "__main__":
    main()
