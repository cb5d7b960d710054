"""`leaderboard`: standings computed afresh from the counted votes."""

import csv
import json
import math
from argparse import ArgumentTypeError
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import BigIntegerField

from arena.categories import OVERALL
from arena.errors import ArenaError, Invalid
from arena.models import Contender, Population
from ranking import selectors
from ranking.boards import (
    ALL_METHODS,
    BY_VOTE,
    CLUSTERS,
    LeaderboardRecord,
    StandingRecord,
    tie_odds,
    win_rates,
)
from ranking.counting import ALL, Ballot, Slice
from ranking.downloads import harmless
from ranking.verification import TOLERANCE, needs_raters, read_votes, verify

COLUMNS = [field.name for field in fields(StandingRecord) if field.name != "contender_id"]
BIGGEST = BigIntegerField.MAX_BIGINT  # number of a vote that a database knows
MOST_PROBLEMS = 10  # shown of a leaderboard that cannot be reproduced


class Command(BaseCommand):
    help = "Print the leaderboard, computed afresh from the counted votes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--method", choices=ALL_METHODS, default=ALL_METHODS[0])
        parser.add_argument("--category", default=OVERALL)
        parser.add_argument(
            "--population", choices=[*Population.values, ALL], default=Population.PEOPLE
        )
        parser.add_argument("--days", type=int, metavar="N", help="only votes of the last N days")
        parser.add_argument(
            "--anchor",
            type=_anchor,
            metavar="NAME=RATING",
            help="shift the ratings so that this contender (slug or name) has this one",
        )
        parser.add_argument(
            "--cluster",
            choices=CLUSTERS,
            default=BY_VOTE,
            help="whose errors the intervals let depend on each other: one vote's or one rater's",
        )
        parser.add_argument(
            "--format",
            choices=["table", "json", "csv"],
            default="table",
            help="JSON as in the API; its id is null, because this leaderboard is not stored",
        )

        parser.add_argument(
            "--verify",
            metavar="FILE.json",
            help="reproduce a stored leaderboard (/api/v1/leaderboards/NUMBER) instead",
        )
        parser.add_argument(
            "--votes",
            metavar="FILE.csv",
            help="its votes (/api/v1/leaderboards/NUMBER/votes.csv); without it, this database's",
        )

    def handle(self, **options: Any) -> None:
        if options["verify"]:
            self._verify(options["verify"], options["votes"])
            return
        try:
            board = selectors.compute(
                method=options["method"],
                category=options["category"],
                population=options["population"],
                days=options["days"],
                cluster=options["cluster"],
                anchor=options["anchor"],
                from_votes=True,
            )
        except ArenaError as error:
            raise CommandError(error.reason) from error
        {"table": self._table, "json": self._json, "csv": self._csv}[options["format"]](board)
        if not board.standings:
            self.stderr.write(selectors.why_empty(board))

    def _verify(self, path: str, votes: str | None) -> None:
        try:
            board = json.loads(Path(path).read_text(encoding="utf-8"))
            if votes is None:
                problems = verify(board, _stored_votes(board), raters_known=True)
            else:
                with Path(votes).open(encoding="utf-8", newline="") as file:
                    problems = verify(board, read_votes(file))
        except ArenaError as error:
            raise CommandError(error.reason) from error
        except OSError as error:
            raise CommandError(f"Cannot read {error.filename}: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise CommandError(f"{votes or path} is not text in UTF-8: {error}.") from error
        except json.JSONDecodeError as error:
            raise CommandError(f"{path} is not JSON: {error}.") from error
        if problems:
            shown, more = problems[:MOST_PROBLEMS], len(problems) - MOST_PROBLEMS
            rest = [f"… and {more} more differences."] if more > 0 else []
            raise CommandError("\n".join(["It cannot be reproduced.", *shown, *rest]))
        self.stdout.write(
            f"Reproduced: {board['votes']:,} votes with the SHA-256 {board['digest'][:16]}…, "
            f"{len(board['standings'])} standings equal to {TOLERANCE:g}."
        )
        if votes is not None and needs_raters(board):
            self.stdout.write(
                "Not checked: intervals and the ranks that follow from them. They are clustered by "
                "rater, and these votes do not say who cast them."
            )

    def _json(self, board: LeaderboardRecord) -> None:
        shown = asdict(board) | {
            "computed_at": board.computed_at.isoformat(),
            "standings": [_row(line) for line in board.standings],
        }
        self.stdout.write(json.dumps(shown, indent=2, ensure_ascii=False))

    def _csv(self, board: LeaderboardRecord) -> None:
        writer = csv.DictWriter(self.stdout, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(_row(line) | {"name": harmless(line.name)} for line in board.standings)

    def _table(self, board: LeaderboardRecord) -> None:
        if not board.standings:
            return
        width = max(len(line.name) for line in board.standings)
        self.stdout.write(
            f"{'rank':>4} {'range':>7} {'signif.':>7}  {'contender':<{width}} {'rating':>8} "
            f"{'interval':>19} {'win rate':>8} {'votes':>7} {'won':>7} {'lost':>7} {'tied':>7}"
        )
        for line, rate in zip(
            board.standings, win_rates(board.standings, tie_odds(board.settings)), strict=True
        ):
            spread = "" if line.rank_low is None else f"{line.rank_low}–{line.rank_high}"
            share = "–" if rate is None else f"{rate:.1%}"
            interval = "" if line.lower is None else f"{line.lower:.1f} – {line.upper:.1f}"
            self.stdout.write(
                f"{line.rank or '–':>4} {spread:>7} {line.significance_rank or '':>7}  "
                f"{line.name:<{width}} {line.rating:>8.1f} {interval:>19} {share:>8} "
                f"{line.votes:>7} {line.wins:>7} {line.losses:>7} {line.ties:>7}"
            )
        self.stdout.write(
            "Win rate: expected against a contender of average rating. "
            "Signif.: 1 plus the number of contenders that are significantly better."
        )
        for caveat in board.caveats:
            self.stdout.write(f"Note: {caveat}")


def _row(line: StandingRecord) -> dict[str, Any]:
    return {column: getattr(line, column) for column in COLUMNS}


def _stored_votes(board: dict[str, Any]) -> Iterator[tuple[Ballot, tuple[str, ...]]]:
    slugs = dict(Contender.objects.values_list("pk", "slug"))
    for ballot in _ballots(board):
        yield ballot, tuple(slugs[contender] for contender in ballot.lineup)


def _ballots(board: dict[str, Any]) -> Iterator[Ballot]:
    if not isinstance(board, dict):
        raise Invalid("This JSON is no leaderboard.")
    if isinstance(number := board.get("id"), int):
        return selectors.votes_of(selectors.snapshot(number))
    first, last = board.get("first_vote"), board.get("last_vote")
    if (
        not isinstance(first, int)
        or not isinstance(last, int)
        or max(abs(first), abs(last)) > BIGGEST
    ):
        raise Invalid("This JSON does not say on which votes it rests: name its --votes.")
    part = Slice(str(board.get("category")), str(board.get("population")))
    return selectors.votes_between(part, first, last)


def _anchor(text: str) -> tuple[str, float]:
    """NAME=RATING; the name itself may contain a "="."""
    name, _, rating = text.rpartition("=")
    try:
        value = float(rating)
    except ValueError:
        value = math.nan
    if not name or not math.isfinite(value):
        raise ArgumentTypeError(f"{text!r} is not NAME=RATING, such as gpt-4=1000")
    return name, value
