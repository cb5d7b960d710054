"""Online Elo wound back to before a recent vote. No database here.

Floating-point sums cannot be undone by subtracting. But a vote moves its own contenders only, so
that the ratings before a vote are, for everybody who was voted on since, what the first of those
votes found. Playing the later votes again from there gives, bit for bit, what playing all votes
would give.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ranking.counting import Ballot, Counts, EloScore, Slice, slices_of

Scores = dict[tuple[Slice, int], EloScore]
Found = list[tuple[str, str, int, float, int]]
"""What a vote found: (category, population, contender, rating, votes) of all that it moves."""


class Recorded(NamedTuple):
    """A recent vote and what it found."""

    ballot: Ballot
    found: Found


class Rewound(NamedTuple):
    """Elo without the votes that were taken out, and what the others find now, by vote."""

    elo: Scores
    found: dict[int, Found]


def look(elo: Mapping[tuple[Slice, int], EloScore], ballot: Ballot) -> Found:
    """What a vote finds that is about to be played."""
    unknown = EloScore()
    return [
        (*part, contender, score.rating, score.votes)
        for part in slices_of(ballot)
        for contender in ballot.lineup
        for score in [elo.get((part, contender), unknown)]
    ]


def without(votes: Iterable[int], tape: Sequence[Recorded]) -> Rewound:
    """`tape`: the first of `votes` and every later vote that was counted, in their order."""
    out = set(votes)
    counts = Counts(elo=_before(tape))
    found = {}
    for ballot, _ in tape:
        if ballot.vote not in out:
            found[ballot.vote] = look(counts.elo, ballot)
            counts.play(ballot)
    return Rewound(counts.elo, found)


def _before(tape: Sequence[Recorded]) -> Scores:
    scores: Scores = {}
    for _, found in reversed(tape):  # the earliest one has the last word
        for category, population, contender, rating, votes in found:
            scores[Slice(category, population), contender] = EloScore(rating, votes)
    return scores
