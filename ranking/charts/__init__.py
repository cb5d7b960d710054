"""Plots of a leaderboard as plain Vega-Lite: data in, specification and table out."""

from ranking.charts.chart import Chart, DataTable
from ranking.charts.costs import Costs
from ranking.charts.history import History
from ranking.charts.look import SIZES, THEMES, Look
from ranking.charts.matrices import BattleCounts, WinRates
from ranking.charts.ratings import Ratings

__all__ = [
    "SIZES",
    "THEMES",
    "BattleCounts",
    "Chart",
    "Costs",
    "DataTable",
    "History",
    "Look",
    "Ratings",
    "WinRates",
]
