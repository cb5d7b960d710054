"""What the pages show, as values for the templates. Names come from the reveal only."""

from arena.pages.battle import BattlePage, verdict
from arena.pages.home import Setup, categories, suggestions
from arena.pages.mine import MODES, STATES, amounts, entries

__all__ = [
    "MODES",
    "STATES",
    "BattlePage",
    "Setup",
    "amounts",
    "categories",
    "entries",
    "suggestions",
    "verdict",
]
