"""The shown leaderboard as a file: CSV for spreadsheets, JSON for programs."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from ranking.boards import LeaderboardRecord
from ranking.selectors.lines import Line

# What a spreadsheet would take for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
COLUMNS = (
    "rank", "rank_low", "rank_high", "significance_rank", "slug", "name", "rating", "lower",
    "upper", "win_rate", "elo", "votes", "wins", "losses", "ties", "approval", "approval_lower",
    "approval_upper", "thumbs", "median_seconds", "cost_per_1000_usd",
)  # fmt: skip


def as_csv(lines: Sequence[Line]) -> str:
    """One row for each contender; empty where a figure is not known."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in lines:
        row = _row(line)
        row["name"] = harmless(line.standing.name)
        writer.writerow("" if row[column] is None else row[column] for column in COLUMNS)
    return file.getvalue()


def as_json(board: LeaderboardRecord, lines: Sequence[Line]) -> str:
    """The leaderboard with its settings and caveats; null where a figure is not known."""
    return json.dumps(
        {
            "id": board.id,
            "method": board.method,
            "category": board.category,
            "population": board.population,
            "days": board.days,
            "cluster": board.cluster,
            "computed_at": board.computed_at.isoformat(),
            "votes": board.votes,
            "digest": board.digest,
            "settings": board.settings,
            "caveats": board.caveats,
            "standings": [_row(line) for line in lines],
        },
        indent=1,
        ensure_ascii=False,
    )


def _row(line: Line) -> dict[str, Any]:
    standing, approval = line.standing, line.approval
    return {
        "rank": standing.rank,
        "rank_low": standing.rank_low,
        "rank_high": standing.rank_high,
        "significance_rank": standing.significance_rank,
        "slug": standing.slug,
        "name": standing.name,
        "rating": standing.rating,
        "lower": standing.lower,
        "upper": standing.upper,
        "win_rate": line.win_rate,
        "elo": line.elo,
        "votes": standing.votes,
        "wins": standing.wins,
        "losses": standing.losses,
        "ties": standing.ties,
        "approval": approval.share if approval else None,
        "approval_lower": approval.lower if approval else None,
        "approval_upper": approval.upper if approval else None,
        "thumbs": approval.total if approval else 0,
        "median_seconds": line.seconds,
        "cost_per_1000_usd": line.cost,
    }


def harmless(name: str) -> str:
    """With an apostrophe where a spreadsheet would compute."""
    return f"'{name}" if name.startswith(_FORMULA) else name
