"""What a reader of the ratings has to know, in plain sentences."""

from collections.abc import Iterable

import numpy as np

from .arrays import BoolArray, FloatArray, Label
from .connectivity import Connectivity

_NAMES_SHOWN = 5
FEW = 30
NO_VOTES = "No votes yet: every rating is the starting value."
UNBOUNDED_TIES = "Too few votes without a tie: the odds of one rest on a prior."


def describe(
    labels: tuple[Label, ...],
    connectivity: Connectivity,
    votes: FloatArray,
    few: int,
) -> list[str]:
    """Caveats of a fit, the gravest first; empty if there are none. `votes` (K,)."""
    if not labels or not votes.any():
        return [NO_VOTES]
    voted, links = votes > 0, connectivity.links
    beaten, beating = _ends(links.loser, voted.size), _ends(links.winner, voted.size)
    found = [
        ("No votes yet", ~voted),
        ("Only ties so far", voted & ~links.decided),
        ("Undefeated, so the rating rests on a prior", voted & ~beaten),
        ("Winless, so the rating rests on a prior", voted & ~beating),
        (f"Too few votes (fewer than {few})", voted & (votes < few)),
    ]
    caveats = [f"{text}: {_names(labels, flags)}." for text, flags in found if flags.any()]
    return _about_groups(labels, connectivity, voted & beaten & beating & links.decided) + caveats


def describe_online(
    labels: tuple[Label, ...], connectivity: Connectivity, few: int = FEW
) -> list[str]:
    """Caveats of online ratings, which need no prior but no less votes."""
    links = connectivity.links
    if not labels or not links.votes.any():
        return [NO_VOTES]
    voted = links.votes > 0
    found = [
        ("No votes yet", ~voted),
        ("Only ties so far", voted & ~links.decided),
        (f"Too few votes (fewer than {few})", voted & (links.votes < few)),
    ]
    apart = _about_groups(labels, connectivity, np.zeros(voted.size, np.bool_))
    return apart + [f"{text}: {_names(labels, flags)}." for text, flags in found if flags.any()]


def _about_groups(
    labels: tuple[Label, ...], connectivity: Connectivity, ordinary: BoolArray
) -> list[str]:
    unsettled = np.zeros(ordinary.size, np.bool_)
    unsettled[connectivity.unsettled] = True
    caveats = []
    islands = [connectivity.island == i for i in np.unique(connectivity.island)]
    islands = [island for island in islands if island.sum() > 1]
    if len(islands) > 1:
        groups = " | ".join(sorted(_names(labels, island) for island in islands))
        caveats.append(f"Not comparable, since no votes connect these groups: {groups}.")
    elif (unsettled & ordinary).any():
        caveats.append(
            "Votes between these contenders and the rest go one way, so the gap rests on a "
            f"prior: {_names(labels, unsettled & ordinary)}."
        )
    return caveats


def _ends(ends: Iterable[int], size: int) -> BoolArray:
    flags = np.zeros(size, np.bool_)
    flags[np.asarray(ends)] = True
    return flags


def _names(labels: tuple[Label, ...], flags: BoolArray) -> str:
    # By name: the order of the contenders is not the same wherever it is computed.
    chosen = sorted(str(labels[i]) for i in np.flatnonzero(flags))
    more = len(chosen) - _NAMES_SHOWN
    shown = ", ".join(chosen[:_NAMES_SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown
