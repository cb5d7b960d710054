"""Times one ranking method on one file of votes, alone in its process.

    python -m benchmarks.ranking_worker METHOD VOTES.npz REPEATS

Prints {"seconds": [...], "peak_mb": ..., "ratings": [...]} as JSON. A first run, which may
compile, is not counted, unless it takes so long that one must do. Only the method's own library
is imported, so that a peer may have another Python environment.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np

Votes = dict[str, Any]
Method = Callable[[], Any]
PAIR = ("left", "right", "outcome")
OUTCOMES = {1.0: 1.0, 0.5: 0.5, 0.0: 0.0}
ROUNDS = 1000
LONG_S = 10.0


def our_elo(votes: Votes) -> Method:
    from ranking.estimators import Comparisons, Elo

    return lambda: Elo().fit(Comparisons.from_arrays(*_pair(votes))).ratings_


def our_ratings(votes: Votes) -> Method:
    from ranking.estimators import BradleyTerry, Comparisons

    return lambda: BradleyTerry().fit(Comparisons.from_arrays(*_pair(votes))).ratings_


def our_pairs(votes: Votes) -> Method:
    from ranking.estimators import Comparisons

    return lambda: _fitted(Comparisons.from_arrays(*_pair(votes)))


def our_rankings(votes: Votes) -> Method:
    from ranking.estimators import Comparisons

    return lambda: _fitted(Comparisons.from_rankings(votes["items"], votes["ranks"]))


def our_refit(votes: Votes) -> Method:
    from ranking.estimators import Comparisons

    kinds = votes["items"], votes["ranks"]
    return lambda: _fitted(Comparisons.from_rankings(*kinds, weight=votes["counts"]))


def our_style(votes: Votes) -> Method:
    from ranking.estimators import Comparisons, StyleControlled

    def run() -> Any:
        comparisons = Comparisons.from_arrays(*_pair(votes))
        model = StyleControlled().fit(comparisons, votes["covariates"])
        model.intervals()
        return model.ratings_

    return run


def our_bootstrap(votes: Votes) -> Method:
    from ranking.estimators import BradleyTerry, Comparisons

    return _bootstrap(BradleyTerry().fit(Comparisons.from_arrays(*_pair(votes))))


def our_davidson_bootstrap(votes: Votes) -> Method:
    from ranking.estimators import BradleyTerry, Comparisons

    model = BradleyTerry(ties="davidson")
    return _bootstrap(model.fit(Comparisons.from_arrays(*_pair(votes))))


def our_style_bootstrap(votes: Votes) -> Method:
    from ranking.estimators import Comparisons, StyleControlled

    comparisons = Comparisons.from_arrays(*_pair(votes))
    return _bootstrap(StyleControlled().fit(comparisons, votes["covariates"]))


def our_rankings_bootstrap(votes: Votes) -> Method:
    from ranking.estimators import BradleyTerry, Comparisons

    comparisons = Comparisons.from_rankings(votes["items"], votes["ranks"])
    return _bootstrap(BradleyTerry().fit(comparisons))


def our_plackett_luce_bootstrap(votes: Votes) -> Method:
    from ranking.estimators import Comparisons, PlackettLuce

    comparisons = Comparisons.from_rankings(votes["items"], votes["ranks"])
    return _bootstrap(PlackettLuce().fit(comparisons))


def evalica_elo(votes: Votes) -> Method:
    import evalica

    left, right, outcome = _pair(votes)
    winners = _winners(outcome)
    return lambda: evalica.elo(left, right, winners).scores.sort_index()


def evalica_ratings(votes: Votes) -> Method:
    import evalica

    left, right, outcome = _pair(votes)
    winners = _winners(outcome)

    def run() -> Any:
        scores = evalica.bradley_terry(left, right, winners, tolerance=1e-8, limit=1000).scores
        return 400.0 / np.log(10.0) * np.log(scores.sort_index())

    return run


def arena_rank_pairs(votes: Votes) -> Method:
    return _arena_rank(_frame(*_pair(votes)))


def arena_rank_rankings(votes: Votes) -> Method:
    """It knows no rankings: all pairs, as if they were votes of their own."""
    items, ranks = votes["items"], votes["ranks"]
    one, other = zip(*combinations(range(items.shape[1]), 2), strict=True)
    outcome = 0.5 + 0.5 * np.sign(ranks[:, other] - ranks[:, one])
    return _arena_rank(_frame(items[:, one].ravel(), items[:, other].ravel(), outcome.ravel()))


def arena_rank_style(votes: Votes) -> Method:
    from arena_rank.models.contextual_bradley_terry import ContextualBradleyTerry
    from arena_rank.utils.data_utils import ContextualPairDataset

    frame, covariates = _frame(*_pair(votes)), votes["covariates"]
    names = [f"covariate {column}" for column in range(covariates.shape[1])]
    frame[names] = covariates

    def run() -> Any:
        data = ContextualPairDataset.from_pandas(
            frame, names, outcome_map=OUTCOMES, reweighted=False, normalize_features=False
        )
        model = ContextualBradleyTerry(len(data.competitors), len(names), reg=0.0)
        return np.asarray(model.compute_ratings_and_cis(data)["ratings"])

    return run


def _pair(votes: Votes) -> tuple[Any, Any, Any]:
    left, right, outcome = (votes[name] for name in PAIR)
    return left, right, outcome


def _bootstrap(model: Any) -> Method:
    def run() -> Any:
        model.intervals(method="bootstrap", rounds=ROUNDS)
        return model.ratings_

    return run


def _fitted(comparisons: Any) -> Any:
    """Our ratings, after their intervals."""
    from ranking.estimators import BradleyTerry

    model = BradleyTerry().fit(comparisons)
    model.intervals()
    return model.ratings_


def _arena_rank(frame: Any) -> Method:
    from arena_rank.models.bradley_terry import BradleyTerry
    from arena_rank.utils.data_utils import PairDataset

    def run() -> Any:
        data = PairDataset.from_pandas(frame, outcome_map=OUTCOMES)
        result = BradleyTerry(len(data.competitors)).compute_ratings_and_cis(data)
        return np.asarray(result["ratings"])

    return run


def _frame(*columns: Any) -> Any:
    import pandas as pd

    return pd.DataFrame(dict(zip(("model_a", "model_b", "winner"), columns, strict=True)))


def _winners(outcome: Any) -> list[Any]:
    from evalica import Winner

    kinds = {1.0: Winner.X, 0.5: Winner.Draw, 0.0: Winner.Y}
    return [kinds[value] for value in outcome.tolist()]


METHODS: dict[str, Callable[[Votes], Method]] = {
    method.__name__.replace("_", "-"): method
    for method in (
        our_elo,
        our_ratings,
        our_pairs,
        our_rankings,
        our_style,
        our_bootstrap,
        our_davidson_bootstrap,
        our_style_bootstrap,
        our_rankings_bootstrap,
        our_plackett_luce_bootstrap,
        our_refit,
        evalica_elo,
        evalica_ratings,
        arena_rank_pairs,
        arena_rank_rankings,
        arena_rank_style,
    )
}


def _timed(run: Method) -> tuple[Any, float]:
    start = time.perf_counter()
    found = run()
    return found, time.perf_counter() - start


def main(name: str, file: str, repeats: int) -> None:
    """Time the method and print the result."""
    with np.load(file) as arrays:
        votes = dict(arrays)
    run = METHODS[name](votes)
    ratings, first = _timed(run)
    seconds = [first] if first > LONG_S else [_timed(run)[1] for _ in range(repeats)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in kilobytes, macOS in bytes.
    peak_mb = peak / (1 << 20) if sys.platform == "darwin" else peak / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb, "ratings": [*map(float, ratings)]}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
