"""Can a leaderboard be reproduced? From its JSON and its votes, without a database.

The votes are CSV with the columns vote, cast_on, population, categories, contenders, ranks: one row
for each vote in the order cast, the contenders' slugs and their ranks joined by "|". They do not
say who voted, so that intervals clustered by rater can be checked in the arena's database only.
"""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from django.utils.translation import gettext as _

from arena.categories import OVERALL
from arena.errors import Invalid
from ranking.boards import (
    BY_RATER,
    BY_VOTE,
    FOUND,
    STYLE_CONTROLLED,
    StandingRecord,
    check_method,
    rank_contenders,
)
from ranking.counting import ALL, Ballot, Who, count_ballots

COLUMNS = ("vote", "cast_on", "population", "categories", "contenders", "ranks")
TOLERANCE = 1e-6
_RATERS_UNKNOWN = 0
_NUMBERS = ("rating", "lower", "upper")
_COUNTED = ("rank", "votes", "wins", "losses", "ties")
_INFERRED = ("lower", "upper", "rank_low", "rank_high", "significance_rank")
_NEEDED = (
    "method",
    "category",
    "population",
    "votes",
    "digest",
    "settings",
    "caveats",
    "standings",
)
_HOW_INFERRED = ("interval", "raters")


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
        raise Invalid(
            _("The votes have no column '%(missing)s'. Needed: %(columns)s.")
            % {"missing": missing[0], "columns": ", ".join(COLUMNS)}
        )
    for row in reader:
        if None in row.values() or None in row:
            raise Invalid(
                _("Line %(number)s of the votes: it has not as many columns as the first line.")
                % {"number": reader.line_num}
            )
        try:
            slugs, ranks = row["contenders"].split("|"), tuple(map(int, row["ranks"].split("|")))
            if len(slugs) != len(ranks) or len(set(slugs)) != len(slugs) or min(ranks) < 1:
                raise ValueError("each contender needs one rank, from 1")
            moment = datetime.fromisoformat(row["cast_on"]).replace(tzinfo=UTC)
            names = tuple(row["categories"].split())
            known = (int(row["vote"]), _RATERS_UNKNOWN, row["population"], names, moment)
            ballot = Ballot(*known, (), ranks)
        except (ValueError, TypeError, AttributeError) as error:
            raise Invalid(
                _("Line %(number)s of the votes: %(error)s.")
                % {"number": reader.line_num, "error": error}
            ) from error
        yield ballot, tuple(slugs)


def needs_raters(board: Mapping[str, Any]) -> bool:
    """Whether the intervals depend on who voted, which the published votes do not say."""
    return board.get("cluster", BY_VOTE) == BY_RATER and board.get("method") != "elo"


def verify(
    board: Mapping[str, Any],
    votes: Iterable[tuple[Ballot, tuple[str, ...]]],
    *,
    raters_known: bool = False,
) -> list[str]:
    """What differs between a leaderboard's JSON and one computed from the votes; empty if nothing.

    Without `raters_known`, what depends on raters is not compared: intervals clustered by them
    and what follows from those. Votes that are not of the board's slice are differences too. Names
    and the time it was computed are not in the votes. Raises Invalid for JSON that is no
    leaderboard, or one that votes without their texts cannot reproduce.
    """
    if not isinstance(board, dict):
        raise Invalid(_("This JSON is no leaderboard."))
    for name in _NEEDED:
        if name not in board:
            raise Invalid(_("This JSON is no leaderboard: %(name)s is missing.") % {"name": name})
    method, digest, standings = board["method"], board["digest"], board["standings"]
    check_method(method)
    try:
        names = {str(line["slug"]): str(line["name"]) for line in standings}
        _compared(board["settings"], raters_unknown=False)
    except (KeyError, TypeError, AttributeError) as error:
        raise Invalid(_("This JSON is no leaderboard: its standings cannot be read.")) from error
    if method == STYLE_CONTROLLED:
        raise Invalid(
            _("Style control needs the texts of the responses, so it cannot be verified.")
        )
    if board.get("days"):
        raise Invalid(_("A time window depends on when it was computed, so it cannot be verified."))
    if board["settings"].get("anchor"):
        raise Invalid(_("This leaderboard is anchored. Verify it as it is without an anchor."))
    by_rater = needs_raters(board)
    unknown = by_rater and not raters_known
    numbers: dict[str, int] = {}
    strangers: list[int] = []

    def numbered() -> Iterator[Ballot]:
        for ballot, slugs in votes:
            if not _belongs(ballot, board):
                strangers.append(ballot.vote)
            lineup = tuple(numbers.setdefault(slug, len(numbers)) for slug in slugs)
            yield ballot._replace(lineup=lineup)

    counts = count_ballots(numbered(), by_rater=by_rater and raters_known)
    who = {number: Who(slug, names.get(slug, slug)) for slug, number in numbers.items()}
    found = rank_contenders(method, counts, who)
    problems = []
    if counts.votes != board["votes"]:
        problems.append(f"It rests on {board['votes']} votes, but there are {counts.votes}.")
    if counts.digest(method, who) != digest:
        problems.append("The votes are not those that it rests on: their SHA-256 differs.")
    if strangers:
        problems.append(
            f"Of the votes {len(strangers)} are not of its category, population or range, such as "
            f"vote {strangers[0]}."
        )
    if _compared(found.settings, unknown) != _compared(board["settings"], unknown):
        problems.append("It was computed with other settings than this version uses.")
    if not unknown and found.caveats != board["caveats"]:
        problems.append("Its caveats are not those of its votes.")
    lines = {line.slug: line for line in found.standings}
    for line in standings:
        if line["slug"] not in lines:
            problems.append(f"{line['slug']} has no votes.")
            continue
        problems += _differences(line, lines.pop(line["slug"]), unknown)
    problems += [f"{slug} is missing from it." for slug in lines]
    return problems


def _belongs(ballot: Ballot, board: Mapping[str, Any]) -> bool:
    """Whether a vote is of the board's slice, as far as the board says which that is."""
    first, last = board.get("first_vote"), board.get("last_vote")
    return (
        board["population"] in {ALL, ballot.population}
        and board["category"] in {OVERALL, *ballot.categories}
        and (first is None or ballot.vote >= first)
        and (last is None or ballot.vote <= last)
    )


def _compared(settings: Mapping[str, Any], raters_unknown: bool) -> dict[str, Any]:
    left_out = (*FOUND, *(_HOW_INFERRED if raters_unknown else ()))
    return {name: value for name, value in settings.items() if name not in left_out}


def _differences(
    said: Mapping[str, Any], found: StandingRecord, raters_unknown: bool
) -> Iterator[str]:
    left_out = _INFERRED if raters_unknown else ()
    for name in dict.fromkeys((*_NUMBERS, *_COUNTED, *_INFERRED)):
        one, other = said.get(name), getattr(found, name)
        equal = one == other
        if name in _NUMBERS and isinstance(one, int | float) and other is not None:
            equal = math.isclose(one, other, abs_tol=TOLERANCE)
        if not equal and name not in left_out:
            yield f"{said['slug']}: {name} is {one}, computed {other}."
