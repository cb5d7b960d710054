"""Why nobody is on a leaderboard, for whoever asked for it on the command line."""

from datetime import timedelta

from django.utils import timezone

from arena.categories import OVERALL
from arena.models import Population
from ranking.boards import LeaderboardRecord
from ranking.counting import ALL, Slice
from ranking.selectors.counts import rows_in


def why_empty(board: LeaderboardRecord) -> str:
    """Of a leaderboard without lines: what was looked for, and the options that lead to votes."""
    part = Slice(board.category, board.population)
    since = timezone.now() - timedelta(days=board.days) if board.days is not None else None
    if found := rows_in(part, since).count():
        return f"None of the {found:,} counted votes has the texts that style control needs."
    looked = "There are no counted votes"
    if board.population != ALL:
        looked += f" of {Population(board.population).label}"
    if board.category != OVERALL:
        looked += f" in the category {board.category}"
    if board.days is not None:
        looked += f" of the last {board.days} days"
    ways = {
        f"with --population {one.value}": rows_in(part._replace(population=one), since).count()
        for one in Population
        if board.population not in {one, ALL}
    }
    if board.category != OVERALL:
        ways["without --category"] = rows_in(part._replace(category=OVERALL), since).count()
    if since is not None:
        ways["without --days"] = rows_in(part).count()
    told = ", ".join(f"{count:,} {way}" for way, count in ways.items() if count)
    some = f" There are some: {told}." if told else ""
    return f"{looked}, so nobody is on the leaderboard.{some}"
