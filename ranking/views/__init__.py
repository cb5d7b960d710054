"""The leaderboard's pages: the board itself, its plots and downloads, contenders, methods."""

from ranking.views.agreement import agreement, rater_agreement
from ranking.views.contender import contender, contender_plot
from ranking.views.downloads import standings_file
from ranking.views.leaderboard import leaderboard
from ranking.views.methodology import methodology
from ranking.views.mine import my_leaderboard
from ranking.views.plots import plot

__all__ = [
    "agreement",
    "contender",
    "contender_plot",
    "leaderboard",
    "methodology",
    "my_leaderboard",
    "plot",
    "rater_agreement",
    "standings_file",
]
