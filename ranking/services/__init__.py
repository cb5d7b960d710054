"""Writes of ranking: counting votes, rebuilding the counts, storing leaderboards."""

from ranking.services.leaderboards import refresh_leaderboards
from ranking.services.votes import Rebuilt, catch_up, count_votes, rebuild, recount

__all__ = ["Rebuilt", "catch_up", "count_votes", "rebuild", "recount", "refresh_leaderboards"]
