"""Davidson's model of ties: they have odds of their own, highest between equals.

    P(win) : P(tie) : P(loss) = α_left : δ·√(α_left α_right) : α_right,    α = exp θ

Davidson (1970), Journal of the American Statistical Association 65. The parameters are the
strengths (K,) and, last, log δ.
"""

from functools import partial

import numpy as np
from scipy.linalg import block_diag
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from .arrays import FloatArray
from .bootstrap import Likelihood
from .comparisons import Comparisons
from .newton import maximise
from .pair_sums import Rows, cells, gaps
from .prior import VirtualVotes
from .results import Evaluation, Maximum
from .reweighting import Units, Weights
from .scores import RowScore, RowScores
from .strengths import flat_direction
from .tallies import PairTallies


def fit_tallies(tallies: PairTallies, virtual: VirtualVotes, start: FloatArray) -> Maximum:
    """The parameters that maximise `log_likelihood`, from `start` (K + 1,)."""
    flat = flat_direction(tallies.size, start.size)
    return maximise(partial(log_likelihood, tallies, virtual), start, flat)


def log_likelihood(tallies: PairTallies, virtual: VirtualVotes, point: FloatArray) -> Evaluation:
    """Log-likelihood of the tallies and the virtual votes at `point` (K + 1,)."""
    size = tallies.size
    log_chance = _log_chances(point[tallies.first] - point[tallies.second], point[size])
    counts = np.stack([tallies.wins, tallies.ties, tallies.losses])
    won, tied, lost = np.exp(log_chance)
    ahead, of_ties = 0.5 * (won - lost), tallies.total * tied
    gradient = np.append(
        tallies.differences(tallies.score - tallies.total * (0.5 + ahead)),
        (tallies.ties - of_ties).sum(),
    )
    information = np.empty((size + 1, size + 1))
    information[:size, :size] = tallies.laplacian(tallies.total * (0.25 * (won + lost) - ahead**2))
    information[:size, size] = information[size, :size] = tallies.differences(-of_ties * ahead)
    information[size, size] = (of_ties * (1.0 - tied)).sum()
    prior = virtual.evaluate(point)
    value = float((counts * log_chance).sum())
    return Evaluation(
        value + prior.value, gradient + prior.gradient, information + prior.information
    )


def bootstrapped(data: Comparisons, tallies: PairTallies) -> Likelihood:
    """The same likelihood of the votes behind the tallies, to be reweighted."""

    def gradient(weight: Weights, point: Weights) -> FloatArray:
        wins, ties, losses = weight.reshape(3, tallies.first.size, weight.shape[1])
        better = np.exp(0.5 * (point[tallies.first] - point[tallies.second]))
        worse, tied = 1.0 / better, np.exp(point[-1])
        total = (wins + ties + losses) / (better + worse + tied)
        residual = 0.5 * (wins - losses - total * (better - worse))
        of_ties = (ties - total * tied).sum(axis=0, keepdims=True)
        return np.concatenate([tallies.sides @ residual, of_ties])

    def alone(weight: FloatArray, virtual: VirtualVotes, start: FloatArray) -> FloatArray:
        return fit_tallies(tallies.weighted(weight), virtual, start).point

    units = Units.of(data, 3 * tallies.first.size, tallies.outcome_cells(data), slice(None))
    return Likelihood(units, gradient, alone)


def row_scores(data: Comparisons, point: FloatArray) -> RowScore:
    """The scores of rows at `point` (K + 1,)."""
    won, tied, lost = np.exp(_log_chances(gaps(point[:-1]), point[-1]))
    expected = 0.5 + 0.5 * (won - lost)

    def score(rows: Rows) -> RowScores:
        cell, outcome = cells(data, rows), data.outcome[rows]
        return RowScores(outcome - expected[cell], (outcome == 0.5)[None] - tied[cell])

    return score


def virtual_votes(strengths: VirtualVotes, tallies: PairTallies) -> VirtualVotes:
    """Those of the strengths, and one that holds log δ if the votes leave it without a limit.

    They do unless decided votes go round in a circle: otherwise some spread of the strengths
    explains every win, and ties as frequent as one likes explain the rest.
    """
    winner = np.concatenate([tallies.first[tallies.wins > 0], tallies.second[tallies.losses > 0]])
    loser = np.concatenate([tallies.second[tallies.wins > 0], tallies.first[tallies.losses > 0]])
    graph = csr_array((np.ones(winner.size), (winner, loser)), (tallies.size, tallies.size))
    groups: int = connected_components(graph, connection="strong")[0]
    held = np.eye(1)[: int(groups == tallies.size)]
    return VirtualVotes.even(block_diag(strengths.contrasts, held), strengths.weight)


def _log_chances(gap: FloatArray, log_tie_odds: float) -> FloatArray:
    """(3, …) logarithms of the chances of a win, a tie and a loss at gaps θ_left − θ_right."""
    utility = np.stack([0.5 * gap, np.full(gap.shape, log_tie_odds), -0.5 * gap])
    largest = utility.max(axis=0)
    total = largest + np.log(np.exp(utility - largest).sum(axis=0))
    return np.asarray(utility - total)
