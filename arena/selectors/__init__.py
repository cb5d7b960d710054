"""Reads of the arena. `decided_votes` is the one neutral value that the other apps build on."""

from arena.selectors.battles import (
    TAKE_BACK_WITHIN,
    BattleState,
    ResponseState,
    TurnState,
    battle_state,
    generating,
    is_answer,
    is_vote_of,
    label,
    reveal,
    socket_url,
    state_of,
    vote_summary,
)
from arena.selectors.candidates import candidates, failing
from arena.selectors.contenders import Profile, profiles
from arena.selectors.conversations import Job, first_state, jobs_of, pending_jobs
from arena.selectors.personal import personal_data
from arena.selectors.raters import (
    SESSION_KEYS,
    mark_of,
    marked,
    own_battle,
    rater_ids,
    simulated_id,
    token_digest,
    user_of_token,
)
from arena.selectors.validity import Bias, circumstances, position_biases
from arena.selectors.votes import DecidedVote, RatedResponse, counted_votes, decided_votes

__all__ = [
    "SESSION_KEYS",
    "TAKE_BACK_WITHIN",
    "BattleState",
    "Bias",
    "DecidedVote",
    "Job",
    "Profile",
    "RatedResponse",
    "ResponseState",
    "TurnState",
    "battle_state",
    "candidates",
    "circumstances",
    "counted_votes",
    "decided_votes",
    "failing",
    "first_state",
    "generating",
    "is_answer",
    "is_vote_of",
    "jobs_of",
    "label",
    "mark_of",
    "marked",
    "own_battle",
    "pending_jobs",
    "personal_data",
    "position_biases",
    "profiles",
    "rater_ids",
    "reveal",
    "simulated_id",
    "socket_url",
    "state_of",
    "token_digest",
    "user_of_token",
    "vote_summary",
]
