"""The pages on which people prompt, compare and vote: gate, form, one domain call, answer."""

from arena.views.battles import (
    add_turn,
    battle,
    edit_turn,
    react,
    regenerate,
    resume,
    retry,
    retry_failed,
    skip,
    stop,
    take_back,
    vote,
)
from arena.views.gates import refusals
from arena.views.home import home
from arena.views.mine import forget_me, my_battles, my_data
from arena.views.site import SignIn, components, healthz, signup

__all__ = [
    "SignIn",
    "add_turn",
    "battle",
    "components",
    "edit_turn",
    "forget_me",
    "healthz",
    "home",
    "my_battles",
    "my_data",
    "react",
    "refusals",
    "regenerate",
    "resume",
    "retry",
    "retry_failed",
    "signup",
    "skip",
    "stop",
    "take_back",
    "vote",
]
