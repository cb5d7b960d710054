"""Writes of the arena. Verb phrases with keyword arguments; each owns its transaction.

They raise `arena.errors.ArenaError`s, whose `reason` may be shown to the rater as it stands.
"""

from arena.services.battles import (
    add_turn,
    ask_first,
    edit_prompt,
    regenerate,
    resume_battle,
    retry_failed,
    skip_battle,
    start_battle,
)
from arena.services.contenders import register_contender, settle_contender
from arena.services.forgetting import forget_raters
from arena.services.raters import identify_rater
from arena.services.reactions import react
from arena.services.taking_back import take_back_vote
from arena.services.tokens import create_token
from arena.services.votes import cast_vote, exclude_votes, restore_votes

__all__ = [
    "add_turn",
    "ask_first",
    "cast_vote",
    "create_token",
    "edit_prompt",
    "exclude_votes",
    "forget_raters",
    "identify_rater",
    "react",
    "regenerate",
    "register_contender",
    "restore_votes",
    "resume_battle",
    "retry_failed",
    "settle_contender",
    "skip_battle",
    "start_battle",
    "take_back_vote",
]
