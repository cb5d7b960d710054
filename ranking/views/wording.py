"""What methods, populations, windows and categories are called."""

from collections.abc import Iterable
from typing import NamedTuple

from arena.models import Population
from ranking import categories
from ranking.boards import BY_RATER, BY_VOTE, LeaderboardRecord
from ranking.charts.figures import whole
from ranking.counting import ALL


class Method(NamedTuple):
    label: str
    explained: str


METHODS = {
    "bradley-terry": Method(
        "Bradley-Terry",
        "Ratings fitted to all votes at once. 400 points more mean ten times the odds to win.",
    ),
    "elo": Method(
        "Online Elo",
        "Ratings that move with each vote, in the order of the votes, as at a chess club.",
    ),
    "plackett-luce": Method(
        "Plackett-Luce",
        "Ratings fitted to whole rankings, so that a ranking of three counts as one.",
    ),
    "style-controlled": Method(
        "Style-controlled",
        "Bradley-Terry ratings as if all responses were equally long, formatted and fast.",
    ),
}
POPULATIONS = {
    Population.PEOPLE.value: "People",
    Population.SIMULATED.value: "Simulated raters",
    ALL: "All",
}
CLUSTERS = {BY_VOTE: "By vote", BY_RATER: "By rater"}
RATERS = (categories.SIGNED_IN, categories.ANONYMOUS)


def window(days: int | None) -> str:
    return "All time" if days is None else f"{days} days"


def grouped(known: Iterable[str]) -> dict[str, list[str]]:
    """Categories under the headings of a long list, without overall."""
    groups: dict[str, list[str]] = {"Topics": [], "Languages": [], "Raters": [], "Tags": []}
    for category in known:
        if category != categories.OVERALL:
            groups[_heading(category)].append(category)
    return {
        heading: sorted(members, key=categories.label)
        for heading, members in groups.items()
        if members
    }


def _heading(category: str) -> str:
    if category.startswith(categories.LANGUAGE):
        return "Languages"
    if category.startswith(categories.TAG):
        return "Tags"
    return "Raters" if category in RATERS else "Topics"


def which_votes(board: LeaderboardRecord) -> tuple[str, str]:
    """A leaderboard in two lines: method and votes; the slice and the day."""
    votes = f"{whole(board.votes)} vote{'' if board.votes == 1 else 's'}"
    of = {
        Population.PEOPLE.value: "of people",
        Population.SIMULATED.value: "of simulated raters",
        ALL: "of people and simulated raters",
    }[board.population]
    part = [] if board.category == categories.OVERALL else [categories.label(board.category)]
    part += [f"last {board.days} days"] if board.days else []
    part += ["intervals clustered by rater"] if board.cluster == BY_RATER else []
    return (
        f"{METHODS[board.method].label} · {votes} {of}",
        " · ".join([*part, f"{board.computed_at:%-d %B %Y}"]),
    )
