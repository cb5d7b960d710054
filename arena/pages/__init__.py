"""What the pages show, as values for the templates. Names come from the reveal only."""

from arena.pages.battle import BattlePage, verdict
from arena.pages.home import Setup, categories, suggestions
from arena.pages.mine import MODES, STATES, entries

__all__ = [
    "MODES",
    "STATES",
    "BattlePage",
    "Setup",
    "categories",
    "entries",
    "suggestions",
    "verdict",
]
