"""Times one ranking method on one file of votes, alone in its process.

    python -m benchmarks.ranking_worker METHOD VOTES.npz REPEATS

Prints {"seconds": [...], "peak_mb": ..., "ratings": [...]} as JSON. A first run, which may
compile, is not counted. Only the method's own library is imported, so that a peer may have
another Python environment.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

Votes = tuple[Any, Any, Any]
Method = Callable[[], Any]


def our_elo(votes: Votes) -> Method:
    from ranking.estimators import Comparisons, Elo

    return lambda: Elo().fit(Comparisons.from_arrays(*votes)).ratings_


def our_bradley_terry(votes: Votes) -> Method:
    from ranking.estimators import BradleyTerry, Comparisons

    def run() -> Any:
        model = BradleyTerry().fit(Comparisons.from_arrays(*votes))
        model.intervals()
        return model.ratings_

    return run


def evalica_elo(votes: Votes) -> Method:
    import evalica

    left, right, outcome = votes
    winners = _winners(outcome)
    return lambda: evalica.elo(left, right, winners).scores.sort_index()


def evalica_bradley_terry(votes: Votes) -> Method:
    import evalica

    left, right, outcome = votes
    winners = _winners(outcome)

    def run() -> Any:
        scores = evalica.bradley_terry(left, right, winners, tolerance=1e-8, limit=1000).scores
        return 400.0 / np.log(10.0) * np.log(scores.sort_index())

    return run


def arena_rank_bradley_terry(votes: Votes) -> Method:
    import pandas as pd
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.utils.data_utils import PairDataset

    frame = pd.DataFrame(dict(zip(("model_a", "model_b", "winner"), votes, strict=True)))
    outcomes = {1.0: 1.0, 0.5: 0.5, 0.0: 0.0}

    def run() -> Any:
        data = PairDataset.from_pandas(frame, outcome_map=outcomes)
        result = BradleyTerry(len(data.competitors)).compute_ratings_and_cis(data)
        return np.asarray(result["ratings"])

    return run


def _winners(outcome: Any) -> list[Any]:
    from evalica import Winner

    kinds = {1.0: Winner.X, 0.5: Winner.Draw, 0.0: Winner.Y}
    return [kinds[value] for value in outcome.tolist()]


METHODS: dict[str, Callable[[Votes], Method]] = {
    "our-elo": our_elo,
    "our-bradley-terry": our_bradley_terry,
    "evalica-elo": evalica_elo,
    "evalica-bradley-terry": evalica_bradley_terry,
    "arena-rank-bradley-terry": arena_rank_bradley_terry,
}


def main(name: str, file: str, repeats: int) -> None:
    """Time the method and print the result."""
    with np.load(file) as arrays:
        votes = (arrays["left"], arrays["right"], arrays["outcome"])
    run = METHODS[name](votes)
    ratings = run()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in kilobytes, macOS in bytes.
    peak_mb = peak / (1 << 20) if sys.platform == "darwin" else peak / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb, "ratings": [*map(float, ratings)]}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
