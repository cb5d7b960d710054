"""Who meets whom. Pure: candidates in, a line-up out; settings.ARENA_MATCHMAKER names the policy.

A policy says how much each pair is wanted. Everything else is done here for all of them: the
uniform share, the share of those on trial, fewer battles for who fails, the draw, and the exact
propensity.
"""

from arena.matchmaking.candidates import FAILING_BELOW, Candidate, chances
from arena.matchmaking.lineups import (
    Lineup,
    draw_lineup,
    draw_next,
    draw_set,
    duels,
    propensity,
    wanted,
)
from arena.matchmaking.policies import Policy, Targeted, Uniform, Weighted

__all__ = [
    "FAILING_BELOW",
    "Candidate",
    "Lineup",
    "Policy",
    "Targeted",
    "Uniform",
    "Weighted",
    "chances",
    "draw_lineup",
    "draw_next",
    "draw_set",
    "duels",
    "propensity",
    "wanted",
]
