"""`make bench`: every benchmark in turn, each printing its own table."""

import subprocess
import sys

MODULES = (
    "benchmarks.ranking",
    "benchmarks.refit",
    "benchmarks.matchmaking",
    "benchmarks.serving",
    "benchmarks.streams",
    "benchmarks.rendering",
    "benchmarks.leaderboard",
    "benchmarks.taking_back",
    "benchmarks.exporting",
    "benchmarks.first_metric",
    "benchmarks.loop",
    "benchmarks.reward",
    "benchmarks.setup",
)


def main() -> int:
    failed = []
    for module in MODULES:
        print(f"\n== {module}", flush=True)
        if subprocess.run([sys.executable, "-m", module], check=False).returncode != 0:
            failed.append(module)
    if failed:
        print(f"\nFailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
