"""How many votes each matchmaking policy needs until the intervals are equally narrow.

    python -m benchmarks.matchmaking [--contenders 20 100] [--spread 100 300] [--seeds 5]

Raters are simulated: strengths are normal with the given spread (standard deviation, in points),
a rater ranks by strength plus Gumbel noise, and one in three battles of equals is a tie. After
every K votes of K contenders Bradley-Terry is fitted anew and the policy looks again; that goes
on until the mean width of the 95 % sandwich intervals is 100 points.

    together  nobody has votes at first
    joining   nine tenths of the contenders have a board of that width, made with uniform draws;
              then the last tenth joins. Counted are the votes until the mean is there again.

The columns of policies say their votes as a share of uniform's, with the standard error over the
seeds. `known` is what the best design found would need if all strengths were known beforehand:
about the limit for any policy when all start together (battles of two).

Below the table: what one draw costs, and what it costs to look again after a fit.
"""

import argparse
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from arena.matchmaking import Candidate, Uniform, Weighted, draw_lineup, draw_set, wanted
from ranking.estimators import BradleyTerry, Comparisons
from ranking.estimators.design import covariance, gains, wanted_pairs
from ranking.estimators.scale import SCALE

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Pairs = Callable[[BradleyTerry], FloatArray]

# Utilities closer than this are a tie: a third of the battles of equals, tanh(0.3466) = 1/3.
TIE = 0.6931
NEW_BELOW = 30  # as arena.selectors has it
GIVEN_UP_AFTER = 100_000


class Case(NamedTuple):
    contenders: int
    spread: float
    size: int
    start: str


@dataclass
class World:
    """Raters who rank contenders of these strengths (K,), and the votes that they have cast."""

    strengths: FloatArray
    generator: np.random.Generator
    items: list[IntArray] = field(default_factory=list)
    ranks: list[IntArray] = field(default_factory=list)
    votes: int = 0

    def ask(self, lineups: Sequence[Sequence[int]]) -> None:
        items = np.array(lineups)
        utility = self.strengths[items] + self.generator.gumbel(size=items.shape)
        order = np.argsort(-utility, axis=1)
        behind = -np.diff(np.take_along_axis(utility, order, axis=1), axis=1) > TIE
        places = np.cumsum(np.pad(behind, ((0, 0), (1, 0))), axis=1) + 1
        self.items.append(np.take_along_axis(items, order, axis=1))
        self.ranks.append(places)
        self.votes += len(items)

    def fit(self, contenders: int) -> BradleyTerry:
        items, ranks = np.concatenate(self.items), np.concatenate(self.ranks)
        return BradleyTerry().fit(Comparisons.from_rankings(items, ranks, labels=range(contenders)))

    def copy(self, seed: int) -> Self:
        generator = np.random.default_rng(seed)
        return type(self)(self.strengths, generator, [*self.items], [*self.ranks], self.votes)


def _candidates(fitted: BradleyTerry) -> list[Candidate]:
    votes = np.sum(fitted.tallies_.per_contender(), axis=0)
    return [Candidate(i, str(i), new=bool(count < NEW_BELOW)) for i, count in enumerate(votes)]


def uniform(fitted: BradleyTerry) -> FloatArray:
    return Uniform().pairs(_candidates(fitted), "people")


def weighted(fitted: BradleyTerry) -> FloatArray:
    """No weights but the one of new contenders."""
    return Weighted().pairs(_candidates(fitted), "people")


def active(fitted: BradleyTerry) -> FloatArray:
    return wanted_pairs(gains(fitted.strengths_, covariance(fitted)))


def win_rate(fitted: BradleyTerry) -> FloatArray:
    """By how much a vote narrows the interval of the pair's own win rate (Chiang et al., 2024)."""
    tallies = fitted.tallies_
    times = np.zeros((tallies.size, tallies.size))
    times[tallies.first, tallies.second] = times[tallies.second, tallies.first] = tallies.total
    times = np.maximum(times, 1.0)
    chance = expit(fitted.strengths_[:, None] - fitted.strengths_[None, :])
    variance = chance * (1.0 - chance)
    return np.asarray(np.sqrt(variance / times) - np.sqrt(variance / (times + 1.0)))


POLICIES: dict[str, Pairs] = {
    "uniform": uniform,
    "weighted": weighted,
    "win-rate": win_rate,
    "active": active,
}


def votes_needed(
    world: World, policy: Pairs, contenders: int, size: int, width: float, seed: int
) -> float:
    """Votes cast until the mean width is reached; between two fits by the precision."""
    rng = random.Random(seed)
    before, cast = 0.0, world.votes
    everybody = np.ones(contenders)
    fitted = world.fit(contenders) if world.votes else None
    while world.votes < GIVEN_UP_AFTER:
        pairs = policy(fitted) if fitted else np.ones((contenders, contenders))
        matrix = wanted(pairs, everybody)
        world.ask([draw_set(matrix, size, rng) for _ in range(contenders)])
        fitted = world.fit(contenders)
        lower, upper = fitted.intervals()
        precision = (width / float(np.mean(upper - lower))) ** 2
        if precision >= 1.0:
            share = (1.0 - before) / (precision - before)
            return world.votes - cast - contenders * (1.0 - share)
        before = precision
    return np.nan


def play(case: Case, policies: Sequence[str], width: float, seed: int) -> dict[str, float]:
    """The votes that each policy needs in the same world."""
    generator = np.random.default_rng(seed)
    strengths = generator.normal(size=case.contenders) * case.spread / SCALE
    world = World(strengths, generator)
    if case.start == "joining":
        votes_needed(world, uniform, case.contenders - case.contenders // 10, case.size, width, 1)
    return {
        name: votes_needed(
            world.copy(seed), POLICIES[name], case.contenders, case.size, width, seed
        )
        for name in policies
    }


def best_share(strengths: FloatArray, steps: int = 200) -> float:
    """Votes of the best design for known strengths, as a share of the uniform one's.

    The shares of the pairs climb multiplicatively by what each does to the mean width, as
    algorithms for optimal designs do (Yu, 2010, Annals of Statistics 38).
    """
    first, second = np.triu_indices(len(strengths), 1)
    gap = strengths[first] - strengths[second]
    won, lost = expit(gap - TIE), expit(-gap - TIE)
    score = 0.5 * (1.0 + won - lost)
    information = score * (1.0 - score)
    variance = won + 0.25 * (1.0 - won - lost) - score**2
    share = np.full(first.size, 1.0 / first.size)
    widths = []
    for _ in range(steps):
        bread = np.linalg.pinv(_laplacian(first, second, share * information))
        spread = bread @ _laplacian(first, second, share * variance) @ bread
        error = np.sqrt(np.diag(spread))
        widths.append(error.mean())
        inner = bread / error
        gain = 2.0 * information * _along(inner @ spread, first, second)
        gain -= variance * _along(inner @ bread, first, second)
        share = share * np.sqrt(np.maximum(gain, 0.0))
        share /= share.sum()
    return float((min(widths) / widths[0]) ** 2)


def _laplacian(first: IntArray, second: IntArray, values: FloatArray) -> FloatArray:
    size = int(second.max()) + 1
    matrix = np.zeros((size, size))
    matrix[first, second] = matrix[second, first] = -values
    np.fill_diagonal(matrix, -matrix.sum(axis=1))
    return matrix


def _along(matrix: FloatArray, first: IntArray, second: IntArray) -> FloatArray:
    own = np.diag(matrix)
    mixed = matrix[first, second] + matrix[second, first]
    return np.asarray(own[first] + own[second] - mixed)


def show(case: Case, policies: Sequence[str], seeds: int, width: float) -> str:
    """One line of the table."""
    found = [play(case, policies, width, seed) for seed in range(seeds)]
    base = np.array([votes["uniform"] for votes in found])
    cells = [f"{base.mean():,.0f}"]
    for name in policies[1:]:
        share = np.array([votes[name] for votes in found]) / base
        error = share.std(ddof=1) / np.sqrt(seeds) if seeds > 1 else np.nan
        cells.append(f"{share.mean():.2f} ± {error:.2f}")
    if case.start == "together" and case.size == 2:
        worlds = [np.random.default_rng(s).normal(size=case.contenders) for s in range(seeds)]
        cells.append(f"{np.mean([best_share(w * case.spread / SCALE) for w in worlds]):.2f}")
    else:
        cells.append("–")
    return f"| {case.contenders} | {case.spread:.0f} | {case.size} | {case.start} | " + (
        " | ".join(cells) + " |"
    )


class _Kept:
    """The pairs of a policy that keeps them, as `ranking.matchmaking.Active` does."""

    def __init__(self, pairs: FloatArray) -> None:
        self._pairs = pairs

    def pairs(self, candidates: Sequence[Candidate], population: str) -> FloatArray:
        return self._pairs


def cost(contenders: int, times: int = 1_000) -> str:
    """What draws among so many contenders cost, and the work after a fit."""
    world = World(np.zeros(contenders), np.random.default_rng(0))
    rng = random.Random(0)
    world.ask([rng.sample(range(contenders), 2) for _ in range(50 * contenders)])
    fitted = world.fit(contenders)
    candidates, kept = _candidates(fitted), _Kept(active(fitted))
    looks = _milliseconds(lambda: active(fitted), times // 50)
    two, three = (
        _milliseconds(partial(draw_lineup, kept, candidates, size, rng), times) for size in (2, 3)
    )
    return (
        f"{contenders} contenders: a draw of two {two:.3f} ms, of three {three:.3f} ms; "
        f"covariance and gains {looks:.1f} ms"
    )


def _milliseconds(act: Callable[[], object], times: int) -> float:
    begun = time.perf_counter()
    for _ in range(times):
        act()
    return 1e3 * (time.perf_counter() - begun) / times


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--contenders", type=int, nargs="+", default=[20, 100])
    parser.add_argument("--spread", type=float, nargs="+", default=[100.0, 300.0])
    parser.add_argument("--size", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--width", type=float, default=100.0, help="mean width to reach")
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    policies = list(POLICIES)
    print(f"| contenders | spread | size | start | {' | '.join(policies)} | known |")
    print("|--:|--:|--:|---|--:" + "|--:" * len(policies) + "|", flush=True)
    for size in asked.size:
        for start in ("together", "joining"):
            for contenders in asked.contenders:
                for spread in asked.spread:
                    case = Case(contenders, spread, size, start)
                    print(show(case, policies, asked.seeds, asked.width), flush=True)
    print("\n" + "\n".join(map(cost, asked.contenders)))


if __name__ == "__main__":
    main()
