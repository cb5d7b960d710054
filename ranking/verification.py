"""Can a leaderboard be reproduced? From its JSON and its votes, without a database.

The votes are CSV with the columns vote, cast_on, population, categories, contenders, ranks: one row
for each vote in the order cast, the contenders' slugs and their ranks joined by "|".
"""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from arena.errors import Invalid
from ranking.boards import check_method, rank_contenders
from ranking.counting import Ballot, Who, count_ballots

COLUMNS = ("vote", "cast_on", "population", "categories", "contenders", "ranks")
TOLERANCE = 1e-6
_NUMBERS = ("rating", "lower", "upper")
_COUNTED = ("rank", "rank_low", "rank_high", "votes", "wins", "losses", "ties")


def as_row(ballot: Ballot, slugs: Mapping[int, str]) -> tuple[str, ...]:
    """A vote as a row: no text, no rater, the day instead of the time."""
    return (
        str(ballot.vote),
        ballot.cast_at.date().isoformat(),
        ballot.population,
        " ".join(ballot.categories),
        "|".join(slugs[contender] for contender in ballot.lineup),
        "|".join(map(str, ballot.ranks)),
    )


def read_votes(file: TextIO) -> Iterator[tuple[Ballot, tuple[str, ...]]]:
    """The votes of a file with the slugs they name; raises Invalid with the row that is wrong.

    The contenders of a vote are numbered by `verify`, so its `lineup` is empty here.
    """
    reader = csv.DictReader(file)
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
    if missing:
        raise Invalid(f"The votes have no column {missing[0]!r}. Needed: {', '.join(COLUMNS)}.")
    for row in reader:
        try:
            slugs, ranks = row["contenders"].split("|"), tuple(map(int, row["ranks"].split("|")))
            if len(slugs) != len(ranks) or len(set(slugs)) != len(slugs) or min(ranks) < 1:
                raise ValueError("each contender needs one rank, from 1")
            moment = datetime.fromisoformat(row["cast_on"]).replace(tzinfo=UTC)
            names = tuple(row["categories"].split())
            ballot = Ballot(int(row["vote"]), 0, row["population"], names, moment, (), ranks)
        except (ValueError, TypeError, AttributeError) as error:
            raise Invalid(f"Line {reader.line_num} of the votes: {error}.") from error
        yield ballot, tuple(slugs)


def verify(board: Mapping[str, Any], votes: Iterable[tuple[Ballot, tuple[str, ...]]]) -> list[str]:
    """What differs between a leaderboard's JSON and one computed from the votes; empty if nothing.

    Raises Invalid for JSON that is no leaderboard.
    """
    try:
        method, digest, standings = board["method"], board["digest"], board["standings"]
        names = {line["slug"]: line["name"] for line in standings}
    except (KeyError, TypeError) as error:
        raise Invalid(f"This JSON is no leaderboard: {error} is missing.") from error
    check_method(method)
    numbers: dict[str, int] = {}
    numbered = (
        ballot._replace(lineup=tuple(numbers.setdefault(slug, len(numbers)) for slug in slugs))
        for ballot, slugs in votes
    )
    counts = count_ballots(numbered)
    who = {number: Who(slug, names.get(slug, slug)) for slug, number in numbers.items()}
    found = rank_contenders(method, counts, who)
    problems = []
    if counts.votes != board["votes"]:
        problems.append(f"It rests on {board['votes']} votes, but there are {counts.votes}.")
    if counts.digest(method, who) != digest:
        problems.append("The votes are not those that it rests on: their SHA-256 differs.")
    if found.settings != board["settings"]:
        problems.append("It was computed with other settings than this version uses.")
    lines = {line.slug: line for line in found.standings}
    for line in standings:
        if line["slug"] not in lines:
            problems.append(f"{line['slug']} has no votes.")
            continue
        problems += _differences(line, lines.pop(line["slug"]))
    problems += [f"{slug} is missing from it." for slug in lines]
    return problems


def _differences(said: Mapping[str, Any], found: object) -> Iterator[str]:
    for name in (*_NUMBERS, *_COUNTED):
        one, other = said.get(name), getattr(found, name)
        equal = one == other
        if name in _NUMBERS and one is not None and other is not None:
            equal = math.isclose(one, other, abs_tol=TOLERANCE)
        if not equal:
            yield f"{said['slug']}: {name} is {one}, computed {other}."
