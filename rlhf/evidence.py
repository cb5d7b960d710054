"""Does one contender beat another? Figures that stay valid however often one looks at them.

Pure numpy. A vote gives the child's outcome: 1 won, 0.5 tied, 0 lost. The capital of a gambler who
bets against the mean m is a martingale if m is the true mean, so by Ville's inequality the chance
that it ever reaches 1/α is at most α (Waudby-Smith & Ramdas 2024, JRSS-B 86:1). The means whose
gambler has not won that much are therefore a confidence sequence: an interval for every number of
votes, all of them right at once with probability 1 − α. The bets are mixed by Beta(½, ½) (Cover &
Ordentlich 1996: universal portfolios), so that the capital depends only on how many outcomes there
were of each kind and not on their order.

What must hold: given the votes before, the next outcome has the mean m. Who meets whom and when one
stops may depend on the votes; raters who change their minds about the pair over time may not.
"""

from dataclasses import dataclass
from math import ceil, inf, log, log10, sqrt

import numpy as np
from scipy.optimize import brentq
from scipy.special import logsumexp

MOST_VOTES = 1_000_000
"""Nobody is told to wait for more votes than this."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How the child's votes against its parent went."""

    wins: float = 0
    ties: float = 0
    losses: float = 0

    @property
    def votes(self) -> float:
        return self.wins + self.ties + self.losses

    @property
    def mean(self) -> float:
        """The win rate, a tie counting one half; one half without votes."""
        return (self.wins + 0.5 * self.ties) / self.votes if self.votes else 0.5

    def times(self, factor: float) -> "Counts":
        """So many votes as these, in the same proportions."""
        return Counts(self.wins * factor, self.ties * factor, self.losses * factor)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What counts say of the child's win rate: `lower` and `upper` hold it at `level`.

    e_value: the capital against "as good as its parent"; at 1/(1 − level) one may say that it is
    not. needed: further votes until the interval leaves one half, if they go on like these; None
    where that takes more than a million.
    """

    counts: Counts
    level: float
    lower: float
    upper: float
    e_value: float
    needed: int | None


def weigh(counts: Counts, level: float = 0.95) -> Evidence:
    """The evidence in these counts; ValueError for negative ones or a level outside (0, 1)."""
    if min(counts.wins, counts.ties, counts.losses) < 0:
        raise ValueError("Counts of votes are not negative.")
    if not 0.0 < level < 1.0:
        raise ValueError(f"level {level} must lie between 0 and 1, such as 0.95.")
    lower, upper = _bounds(counts, level)
    against_even = log_capital(counts, 0.5)
    return Evidence(
        counts=counts,
        level=level,
        lower=lower,
        upper=upper,
        e_value=float(np.exp(min(against_even, 700.0))),
        needed=_needed(counts, level),
    )


def log_capital(counts: Counts, mean: float) -> float:
    """Logarithm of the capital, from 1, of who has bet against `mean`, in (0, 1).

    The mixture over bets b is a polynomial of the votes' degree in b, which Gauss-Chebyshev
    quadrature integrates exactly with half as many nodes as votes. Where that would be very many,
    the nodes still lie several times closer than the integrand's peak is wide.
    """
    nodes = min(int(counts.votes) // 2 + 1, 64 + 32 * ceil(sqrt(counts.votes)))
    bets = 0.5 - 0.5 * np.cos((2 * np.arange(nodes) + 1) * np.pi / (2 * nodes))
    won, lost = np.log(bets / mean), np.log((1.0 - bets) / (1.0 - mean))
    tied = np.log(0.5 * bets / mean + 0.5 * (1.0 - bets) / (1.0 - mean))
    log_each = counts.wins * won + counts.losses * lost + counts.ties * tied
    return float(logsumexp(log_each) - log(nodes))


def rating_gap(win_rate: float) -> float:
    """The Elo difference at which one wins so often; infinite at 0 and 1."""
    if win_rate <= 0.0:
        return -inf
    if win_rate >= 1.0:
        return inf
    return 400.0 * log10(win_rate / (1.0 - win_rate))


def _bounds(counts: Counts, level: float) -> tuple[float, float]:
    """The capital is log-convex in the mean, so what is left of the means is an interval."""
    if not counts.votes:
        return 0.0, 1.0
    enough = -log(1.0 - level)

    def surplus(mean: float) -> float:
        return log_capital(counts, mean) - enough

    edge = 1e-9
    middle = min(max(counts.mean, edge), 1.0 - edge)
    lower = brentq(surplus, edge, middle) if surplus(edge) > 0.0 else 0.0
    upper = brentq(surplus, middle, 1.0 - edge) if surplus(1.0 - edge) > 0.0 else 1.0
    return float(lower), float(upper)


def _needed(counts: Counts, level: float) -> int | None:
    enough = -log(1.0 - level)

    def decided(more: int) -> bool:
        grown = counts.times(1.0 + more / counts.votes)
        return log_capital(grown, 0.5) >= enough

    if not counts.votes:
        return None
    if decided(0):
        return 0
    low, high = 0, 1
    while not decided(high):
        low, high = high, 2 * high
        if low > MOST_VOTES:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decided(middle) else (middle, high)
    return high
