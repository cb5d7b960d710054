"""Simulated raters: programs with a stated taste that use the arena as people do."""

from arena.simulation.preferences import (
    PREFERENCES,
    Preference,
    concise,
    detailed,
    find_preference,
    lists,
    polite,
    simple_words,
)
from arena.simulation.raters import Outcome, Simulation, SimulationError, simulate
from arena.simulation.verdicts import noisy_ranks, noisy_thumbs, preferred_ranks

__all__ = [
    "PREFERENCES",
    "Outcome",
    "Preference",
    "Simulation",
    "SimulationError",
    "concise",
    "detailed",
    "find_preference",
    "lists",
    "noisy_ranks",
    "noisy_thumbs",
    "polite",
    "preferred_ranks",
    "simple_words",
    "simulate",
]
